package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlanSchema holds the output against docs/schema/plan.json and docs/schema/plan-diff.json.
func TestPlanSchema(t *testing.T) {
	dir := t.TempDir()
	bundle := func(name, edit string) string {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Join(at, "rootfs"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "config.json"), []byte(edit), 0o600); err != nil {
			t.Fatal(err)
		}
		return at
	}
	const small = `{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "linux": {"namespaces": [{"type": "mount"}]}}`
	const large = `{"ociVersion": "1.2.0", "root": {"path": "rootfs", "readonly": true},
		"process": {"args": ["sh", "-c", "a b"], "cwd": "/", "user": {"uid": 3, "gid": 4, "umask": 7, "additionalGids": [5]}, "oomScoreAdj": 500,
			"noNewPrivileges": true, "capabilities": {"bounding": ["CAP_KILL"]}, "rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]},
		"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "size=1m"]},
			{"destination": "/etc", "source": "/etc", "options": ["rbind", "ro", "noatime"]}, {"destination": "/none", "source": "/none", "options": ["bind"]},
			{"destination": "/in", "source": "rootfs/tmp", "options": ["bind"]}, {"destination": "/tmp", "options": ["remount", "ro"]}],
		"hooks": {"createRuntime": [{"path": "/bin/true", "timeout": 5}], "poststop": [{"path": "/bin/true", "args": ["true", "x"]}]},
		"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "uts"}, {"type": "network", "path": "/proc/self/ns/net"}, {"type": "ipc"}],
			"devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 384}], "sysctl": {"kernel.shmmax": "1048576"},
			"maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"], "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}}}`
	a, b := bundle("a", small), bundle("b", large)
	root := filepath.Join(dir, "root")
	plan := func(want int, args ...string) string {
		t.Helper()
		code, stdout, stderr := call(t, append([]string{"--root", root, "plan"}, args...)...)
		if code != want || stderr != "" {
			t.Fatalf("plan %q: code %d, stderr %q", args, code, stderr)
		}
		return stdout
	}
	for _, at := range []string{a, b} {
		checkSchema(t, "plan.json", plan(0, "--format", "json", at))
	}
	checkSchema(t, "plan-diff.json", plan(1, "--format", "json", "--diff", a, b))
	if text := plan(0, "--format", "json", "--diff", b, b); text != "[]\n" {
		t.Errorf("a bundle differs from itself: %s", text)
	}
	text := plan(0, b)
	for _, line := range []string{
		"  /etc: rbind of /etc flags ro", "  /in: inside of /tmp", "  /none: bind of /none (no such file or directory)", "  network joined /proc/self/ns/net",
		"  createRuntime: /bin/true for 5 s at most in the namespaces of the runtime", "  /proc/sys/kernel/shmmax = 1048576", `  args sh -c "a b"`, "  /dev/fuse c 10:229 mode 0600",
	} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("no line %q in:\n%s", line, text)
		}
	}
	if _, err := os.Stat(root); err == nil {
		t.Error("the state directory was made")
	}
}

// Nothing of a configuration ends a line of a plan for people, or goes to their terminal; JSON has it exactly.
func TestPlanPrintable(t *testing.T) {
	at := t.TempDir()
	const config = `{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "hostname": "h\u001b]0;x\u0007",
		"process": {"args": ["a\u001b"], "cwd": "/\u001b", "user": {"uid": 0, "gid": 0}, "capabilities": {"bounding": ["CAP_\u001b\n"]}},
		"mounts": [{"destination": "/m\u001b[2J\nfake", "type": "tmpfs", "source": "s\u001b", "options": ["size=1m\u001b"]},
			{"destination": "/n", "type": "x\u001b", "source": "x"}, {"destination": "/b\u009b", "source": "/none\u001b", "options": ["bind"]}],
		"linux": {"namespaces": [{"type": "mount"}, {"type": "uts"}, {"type": "pid"}], "cgroupsPath": "/rung\u001b[2J", "maskedPaths": ["/x\u001b\n"], "readonlyPaths": ["/y\u001b"],
			"resources": {"cpu": {"cpus": "0"}}, "devices": [{"path": "/dev/\u001b\nc", "type": "c", "major": 10, "minor": 229}]}}`
	if err := os.Mkdir(at+"/rootfs", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at+"/config.json", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := call(t, "plan", at)
	if code != 0 || stderr != "" {
		t.Fatalf("code %d, stderr %q", code, stderr)
	}
	for line := range strings.Lines(stdout) {
		if text := strings.TrimSuffix(line, "\n"); printable(text) != text || !strings.HasPrefix(text, "  ") && strings.Contains(text, "fake") {
			t.Errorf("%q", line)
		}
	}
	if !strings.Contains(stdout, `\x1b[2J`) {
		t.Error(stdout)
	}
	if _, stdout, _ = call(t, "plan", "--format", "json", at); !strings.Contains(stdout, `"/m\u001b[2J\nfake"`) {
		t.Error(stdout)
	}
}

// Bundles of which one value differs have plans that differ, whatever the value is.
func TestPlanDiffTellsValues(t *testing.T) {
	dir := t.TempDir()
	const config = `{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "hostname": "h", "domainname": "d", "annotations": {"a": "one"},
		"process": {"args": ["sh"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "terminal": true, "consoleSize": {"height": 24, "width": 80}, "capabilities": {},
			"scheduler": {"policy": "SCHED_BATCH", "nice": 1}, "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 3},
			"execCPUAffinity": {"initial": "0", "final": "0"}, "rlimits": [{"type": "RLIMIT_CORE", "soft": 1, "hard": 2}]},
		"hooks": {"poststop": [{"path": "/bin/true", "args": ["true"], "env": ["A=1"], "timeout": 5}]},
		"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "uts"}, {"type": "network"}, {"type": "ipc"}, {"type": "time"}],
			"personality": {"domain": "LINUX"}, "timeOffsets": {"boottime": {"secs": 7, "nanosecs": 8}}, "rootfsPropagation": "private",
			"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"}, "netDevices": {"dummy7": {"name": "in7"}}, "sysctl": {"kernel.shmmax": "1048576"},
			"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent", "listenerMetadata": "m", "syscalls": [
				{"names": ["swapon"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}, {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}}}`
	bundle := func(name, config string) string {
		at := dir + "/" + name
		if err := os.MkdirAll(at+"/rootfs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at+"/config.json", []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		return at
	}
	a := bundle("a", config)
	diff := func(b string) (int, string) {
		code, stdout, stderr := call(t, "--root", dir+"/root", "plan", "--diff", a, b)
		if stderr != "" || code == 2 {
			t.Fatalf("code %d, stderr %q", code, stderr)
		}
		return code, stdout
	}
	if code, text := diff(bundle("b", config)); code != 0 || text != "" {
		t.Fatalf("the same configuration: code %d, %q", code, text)
	}
	for _, c := range [...]struct{ old, other string }{
		{`"hostname": "h"`, `"hostname": "i"`},
		{`"domainname": "d"`, `"domainname": "e"`},
		{`"a": "one"`, `"a": "two"`},
		{`"a": "one"`, `"b": "one"`},
		{`"height": 24`, `"height": 25`},
		{`SCHED_BATCH`, `SCHED_OTHER`},
		{`"nice": 1`, `"nice": 2`},
		{`CLASS_BE`, `CLASS_IDLE`},
		{`"priority": 3`, `"priority": 4`},
		{`"initial": "0"`, `"initial": "1"`},
		{`"final": "0"`, `"final": "1"`},
		{`"soft": 1`, `"soft": 2`},
		{`"A=1"`, `"A=2"`},
		{`"timeout": 5`, `"timeout": 6`},
		{`"LINUX"`, `"LINUX32"`},
		{`"secs": 7`, `"secs": 9`},
		{`"nanosecs": 8`, `"nanosecs": 9`},
		{`"boottime"`, `"monotonic"`},
		{`"private"`, `"slave"`},
		{`MPOL_BIND`, `MPOL_INTERLEAVE`},
		{`"in7"`, `"in8"`},
		{`"dummy7"`, `"dummy8"`},
		{`1048576`, `1048577`},
		{`"/run/agent"`, `"/run/other"`},
		{`"m"`, `"n"`},
		{`swapon`, `swapoff`},
		{`"errnoRet": 1`, `"errnoRet": 2`},
		{`"mkdir"`, `"rmdir"`},
	} {
		if !strings.Contains(config, c.old) {
			t.Fatalf("%s isn't in the configuration", c.old)
		}
		if code, _ := diff(bundle("b", strings.Replace(config, c.old, c.other, 1))); code != 1 {
			t.Errorf("%s and %s: code %d", c.old, c.other, code)
		}
	}
}
