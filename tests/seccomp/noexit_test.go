package seccomp

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// quickly is how long a container may take that can do nothing, not even end.
const quickly = 5 * time.Second

// A profile may refuse the program and the exit: what has failed ends all the same,
// and says why. (It went on in a loop at 100 % of a processor, also when the runtime
// had gone.)
func TestNoExit(t *testing.T) {
	refuse := func(names ...string) *specs.LinuxSeccomp {
		return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: names, Action: specs.ActErrno}}}
	}
	for name, profile := range map[string]*specs.LinuxSeccomp{
		"everything":          {DefaultAction: specs.ActErrno},
		"execve and the exit": refuse("execve", "exit_group", "exit"),
		"the last report":     refuse("write", "exit_group"),
	} {
		for _, edit := range []struct {
			name string
			do   harness.Edit
		}{
			{"host root", func(*specs.Spec) {}},
			{"user namespace", harness.MappedRoot},
			{"with privileges to gain", func(s *specs.Spec) { s.Process.NoNewPrivileges = false }},
			{"terminal", func(s *specs.Spec) { s.Process.Terminal = true }},
		} {
			t.Run(name+" "+edit.name, func(t *testing.T) {
				harness.Share(t)
				b := harness.New(t, func(s *specs.Spec) { s.Linux.Seccomp = profile; s.Process.NoNewPrivileges = true }, edit.do)
				b.Chown(t)
				if b.Spec.Process.Terminal {
					call := b.Cmd("create", "--console-socket", harness.Receive(t).Path)
					call.Run(t) // it may fail here, or at its start
					fails(t, name, b.Run(t, "start", b.ID), 1)
					b.Run(t, "delete", "--force", b.ID).Silent(t)
					b.ReapAll(t)
					return
				}
				fails(t, name, b.Container(t, "run"), 255) // as with runc where only execve refuses
			})
		}
	}
}

// fails checks that a container with a profile didn't run its program. Where the filter
// comes after the last report, that profile refuses nothing which the program needs.
func fails(t *testing.T, profile string, r *harness.Result, code int) {
	t.Helper()
	switch {
	case profile != "the last report":
		ends(t, r, code)
	case r.Code == 128+int(unix.SIGTRAP) && runtime.GOARCH == "arm64":
		// The program has run: glibc ends by a breakpoint there if it may not exit. What is ours ends by SIGILL.
	case r.Code != 0:
		ends(t, r, 1)
	}
}

// An exec whose program can't be run, where it may not exit.
func TestNoExitExec(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Args("/bin/sleep", "60"), func(s *specs.Spec) {
		s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"exit_group", "exit"}, Action: specs.ActErrno}}}
	})
	if err := os.WriteFile(b.Rootfs+"/bin/broken", []byte("#!/nosuch\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	pid, _ := b.Create(t)
	b.Must(t, "start")
	ends(t, b.Run(t, "exec", b.ID, "/bin/broken"), 255)
	ends(t, b.Run(t, "exec", "--detach", b.ID, "/bin/broken"), 255)
	b.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	b.Must(t, "delete")
}

func ends(t *testing.T, r *harness.Result, code int) {
	t.Helper()
	if r.Code != code || r.Stderr == "" || r.Elapsed > quickly {
		t.Errorf("took %v, want exit code %d and a reason: %v", r.Elapsed, code, r)
	}
}
