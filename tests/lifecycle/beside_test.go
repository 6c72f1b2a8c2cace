package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// tools is the root filesystem of another image, which has a file that tells it.
func tools(t *testing.T, edits ...harness.Edit) string {
	t.Helper()
	b := harness.New(t, edits...)
	b.Write(t, "mark", "tools", 0o644)
	b.Chown(t)
	return filepath.Join(b.Dir, "rootfs")
}

// nsOf is a namespace of a process.
func nsOf(t *testing.T, pid int, kind string) string {
	t.Helper()
	ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

// TestDebug runs programs of another image beside containers: in all their namespaces or some, in cgroups below theirs, with their rights.
func TestDebug(t *testing.T) {
	harness.NeedRung(t, "rung debug")
	for name, edits := range map[string][]harness.Edit{
		"plain": nil, "user namespace": {harness.MappedRoot}, "no pid namespace": {harness.WithoutNS(specs.PIDNamespace)},
		"time namespace": {func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			rootfs := tools(t, edits...)
			b := harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "600"), func(s *specs.Spec) { s.Process.NoNewPrivileges = true }}, edits...)...)
			b.Chown(t)
			pid := b.Running(t)
			defer b.End(t, pid)
			script := func(args ...string) string {
				t.Helper()
				r := b.Run(t, append([]string{"debug", b.ID, "--rootfs", rootfs}, args...)...)
				if r.Code != 0 || r.Stderr != "" {
					t.Fatalf("%v", r)
				}
				return r.Stdout
			}
			const look = "for n in user pid net ipc uts cgroup time mnt; do readlink /proc/self/ns/$n; done; cat /proc/self/cgroup; grep -E 'NoNew|CapBnd' /proc/self/status"
			out := script("--", "/bin/sh", "-c", look)
			lines := strings.Split(out, "\n")
			for i, kind := range []string{"user", "pid", "net", "ipc", "uts", "cgroup", "time"} {
				if want := nsOf(t, pid, kind); lines[i] != want {
					t.Errorf("%s namespace %s, the container has %s", kind, lines[i], want)
				}
			}
			if lines[7] == nsOf(t, pid, "mnt") {
				t.Error("it is in the container's mount namespace")
			}
			if !strings.Contains(out, "/"+b.ID+".debug") {
				t.Errorf("no cgroup below the container's: %s", out)
			}
			for line := range strings.Lines(read(t, fmt.Sprintf("/proc/%d/status", pid))) {
				if (strings.HasPrefix(line, "NoNewPrivs") || strings.HasPrefix(line, "CapBnd")) && !strings.Contains(out, line) {
					t.Errorf("not as the container's process, with %q: %s", line, out)
				}
			}
			if got := script("--", "/bin/cat", "/mark"); got != "tools" {
				t.Errorf("/mark is %q", got)
			}
			// Of the namespaces that aren't shared it has its own.
			lines = strings.Split(script("--namespaces", "net,user", "--", "/bin/sh", "-c", look), "\n")
			for i, kind := range []string{"user", "pid", "net", "ipc"} {
				if same := lines[i] == nsOf(t, pid, kind); same != (kind == "net" || kind == "user") {
					t.Errorf("%s namespace is the container's: %v", kind, same)
				}
			}
			if got := script("--env", "A=1,2", "--cwd", "/bin", "--user", "3:4", "--", "/bin/sh", "-c", "echo $A; pwd; id -u; id -g"); got != "1,2\n/bin\n3\n4\n" {
				t.Errorf("env, cwd and user: %q", got)
			}
			if got := script("--read-only", "--cap", "CAP_SYS_PTRACE", "--", "/bin/sh", "-c", "touch /x 2>/dev/null || echo ro; grep CapEff /proc/self/status"); !strings.HasPrefix(got, "ro\n") || !hasCap(got, unix.CAP_SYS_PTRACE) {
				t.Errorf("a read-only root and CAP_SYS_PTRACE: %q", got)
			}
			b.Run(t, "debug", b.ID, "--rootfs", rootfs, "--", "/bin/sh", "-c", "exit 9").Fails(t, 9, "")
			b.Run(t, "debug", b.ID, "--rootfs", rootfs, "--", "/bin/none").Fails(t, 255, "no such file or directory")
			b.Run(t, "debug", b.ID, "--rootfs", rootfs+"/none", "--", "/bin/sh").Fails(t, 255, "no such file or directory")
			b.Run(t, "debug", b.ID, "--rootfs", rootfs, "--namespaces", "nett", "--", "/bin/sh").Fails(t, 255, "did you mean net?")
			b.Run(t, "debug", b.ID, "--rootfs", rootfs, "--namespaces", "mount", "--", "/bin/sh").Fails(t, 255, "the mount namespace can't be shared")
			b.Run(t, "debug", b.ID, "--", "/bin/sh").Fails(t, 255, "option --rootfs")
			b.Must(t, "pause")
			b.Run(t, "debug", b.ID, "--rootfs", rootfs, "--", "/bin/sh").Fails(t, 255, "paused container")
			b.Must(t, "resume")
		})
	}
}

func hasCap(status string, c int) bool {
	var set uint64
	_, text, _ := strings.Cut(status, "CapEff:")
	_, err := fmt.Sscanf(strings.TrimSpace(text), "%x", &set)
	return err == nil && set&(1<<c) != 0
}

// TestDebugLimits has a program beside a container that may have less than it.
func TestDebugLimits(t *testing.T) {
	harness.NeedRung(t, "rung debug")
	harness.Controller(t, "pids")
	rootfs := tools(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	pid := b.Running(t)
	defer b.End(t, pid)
	r := b.Run(t, "debug", b.ID, "--rootfs", rootfs, "--pids-limit", "1", "--", "/bin/sh", "-c", "/bin/true; echo $?")
	if r.Stdout == "0\n" {
		t.Errorf("it could fork: %v", r)
	}
}

// TestDebugEnds: what runs beside a container in its pid namespace ends with it, and leaves nothing.
func TestDebugEnds(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "rung debug")
	rootfs := tools(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	pid := b.Running(t)
	call := &harness.Cmd{Args: []string{"--root", b.Root, "debug", b.ID, "--rootfs", rootfs, "--", "/bin/sleep", "500"}}
	beside := call.Start(t)
	harness.Until(t, "it runs", func() bool {
		return strings.Contains(b.Run(t, "ps", b.ID).Stdout, "sleep 500\n") && strings.Contains(b.Run(t, "list").Stdout, ".debug")
	})
	b.End(t, pid)
	beside.Wait(t).Fails(t, 137, "")
	b.Run(t, "debug", b.ID, "--rootfs", rootfs, "--", "/bin/sh").Fails(t, 255, "container does not exist")
	if out := b.Run(t, "list", "--quiet").Stdout; out != "" {
		t.Errorf("left: %q", out)
	}
}

// TestDebugDeleted: what is run beside a container in a pid namespace of its own outlives the init, and ends when the container is deleted; no cgroup
// is left. And no annotation makes a container one of these, which gc takes for garbage.
func TestDebugDeleted(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "rung debug")
	rootfs := tools(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"), func(s *specs.Spec) {
		s.Annotations = map[string]string{"io.github.rung-oci.beside": "x"}
	})
	pid := b.Running(t)
	call := &harness.Cmd{Args: []string{"--root", b.Root, "debug", b.ID, "--rootfs", rootfs, "--namespaces", "net", "--", "/bin/sleep", "500"}}
	beside := call.Start(t)
	harness.Until(t, "it runs", func() bool { return strings.Count(b.Run(t, "list").Stdout, "running") == 2 })
	b.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	if out := b.Run(t, "gc", "--apply").Stdout; strings.Contains(out, "removed") {
		t.Errorf("gc: %s", out)
	}
	b.Must(t, "delete")
	if r := beside.Wait(t); r.Code != 137 {
		t.Errorf("debug: %v", r)
	}
	if out := b.Run(t, "list", "--quiet").Stdout; out != "" {
		t.Errorf("left: %q", out)
	}
}
