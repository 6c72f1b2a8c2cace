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
