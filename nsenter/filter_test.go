package nsenter

import (
	"testing"

	"golang.org/x/sys/unix"
)

// filter has the process install a program.
func filter(tape *Tape, program []unix.SockFilter) {
	tape.Call("set no_new_privs", unix.SYS_PRCTL, Int(unix.PR_SET_NO_NEW_PRIVS), Int(1), Int(0), Int(0), Int(0))
	tape.Call("install filter", unix.SYS_SECCOMP, Int(unix.SECCOMP_SET_MODE_FILTER), Int(0), tape.Filter(program))
}

// forbid is a program that has getppid fail, and allows all else.
func forbid(e unix.Errno) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_GETPPID, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(e)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
}

// TestFilter installs a program that forbids getppid.
func TestFilter(t *testing.T) {
	tape := NewTape()
	filter(tape, forbid(unix.EXDEV))
	tape.Call("allowed", unix.SYS_GETPID)
	tape.Call("forbidden", unix.SYS_GETPPID)
	p, ws := run(t, tape)
	if label := tape.Label(int(p.Progress.Step)); ws.ExitStatus() != exitFailed || p.Progress.Errno != uint32(unix.EXDEV) || label != "forbidden" {
		t.Errorf("status %x, errno %d at %q", ws, p.Progress.Errno, label)
	}
}

// TestNoExit has a tape fail, and end, under a program that forbids everything: the
// process ends by a fault, and doesn't spin.
func TestNoExit(t *testing.T) {
	for _, fails := range []bool{true, false} {
		tape := NewTape()
		tape.Call("reset handler", unix.SYS_RT_SIGACTION, Int(int(unix.SIGSEGV)), tape.Alloc(64).Addr(), Int(0), Int(8))
		filter(tape, []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)}})
		if fails {
			tape.Call("execute", unix.SYS_GETPID)
		}
		p, ws := run(t, tape)
		if !ws.Signaled() || ws.Signal() != unix.SIGSEGV && ws.Signal() != unix.SIGILL {
			t.Errorf("fails %v: status %#x, want the end by a fault", fails, ws)
		}
		if got := p.Progress.Errno; fails && got != uint32(unix.EPERM) {
			t.Errorf("errno %d, want EPERM", got)
		}
	}
}

// TestAlwaysInterrupted has a program say of a call that it was interrupted, whenever it is
// made.
func TestAlwaysInterrupted(t *testing.T) {
	tape := NewTape()
	filter(tape, forbid(unix.EINTR))
	tape.Call("interrupted", unix.SYS_GETPPID)
	p, ws := run(t, tape)
	if label := tape.Label(int(p.Progress.Step)); ws.ExitStatus() != exitFailed || p.Progress.Errno != uint32(unix.EINTR) || label != "interrupted" {
		t.Errorf("status %x, errno %d at %q, want EINTR", ws, p.Progress.Errno, label)
	}
}
