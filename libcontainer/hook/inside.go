package hook

import (
	"fmt"
	"math"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// Inside is where hooks run that belong into a container's namespaces. Their programs are found there, by
// the mounts that it has by then.
type Inside struct {
	Pidfd int    // a process that is in the namespaces
	Join  int    // which of them, CLONE_NEW* flags
	PIDs  int    // the pid namespace, where that process isn't in it; else -1
	Dir   string // working directory
	Umask int
}

// Start starts a hook: root of the user namespace, if there is one to join. It has exactly the environment of its
// configuration.
func (p Inside) Start(h *specs.Hook, stdin, output int) (pid, pidfd int, err error) {
	var lives [2]int // ends when the program runs, or will never run
	if err := unix.Pipe2(lives[:], unix.O_CLOEXEC); err != nil {
		return 0, -1, fmt.Errorf("make pipe: %w", err)
	}
	defer unix.Close(lives[0])
	tape := nsenter.NewTape()
	second := p.tape(tape, h, stdin, output)
	player, err := nsenter.NewLocal(tape.Image())
	if err == nil {
		pid, err = nsenter.Fork(&nsenter.CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, player)
	}
	unix.Close(lives[1])
	if err != nil {
		return 0, -1, err
	}
	defer player.Free()
	for {
		var b [1]byte
		if _, err := unix.Read(lives[0], b[:]); err != unix.EINTR {
			break
		}
	}
	if second != 0 {
		reap(pid)
		pid = player.Arena.Int32(second)
	}
	if e := player.Progress.Errno; e != 0 {
		if pid > 0 {
			reap(pid)
		}
		return 0, -1, fmt.Errorf("%s: %w", tape.Label(int(player.Progress.Step)), syscall.Errno(e))
	}
	pidfd, err = unix.PidfdOpen(pid, 0)
	return pid, pidfd, err
}

// tape is what the process plays. A pid namespace is only its child's, who takes over: second is the place of its pid.
func (p Inside) tape(t *nsenter.Tape, h *specs.Hook, stdin, output int) (second nsenter.Slot) {
	t.Call("become undumpable", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_DUMPABLE), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0)) // its memory is ours
	for fd, from := range []int{stdin, output, output} {
		t.Call("set standard descriptor", unix.SYS_DUP3, nsenter.Int(from), nsenter.Int(fd), nsenter.Int(0))
	}
	t.Call("close descriptors at execve", unix.SYS_CLOSE_RANGE, nsenter.Int(3), nsenter.Uint(math.MaxUint32), nsenter.Int(unix.CLOSE_RANGE_CLOEXEC))
	p.join(t)
	if p.Join&unix.CLONE_NEWUSER != 0 {
		t.BecomeRoot()
	}
	t.Call("set umask", unix.SYS_UMASK, nsenter.Int(p.Umask))
	t.Call("chdir to "+p.Dir, unix.SYS_CHDIR, t.Str(p.Dir))
	if p.Join&unix.CLONE_NEWPID != 0 {
		second = t.Slot()
		args := t.CloneArgs(unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID, second)
		t.Call("fork", unix.SYS_CLONE3, args.Slot.Addr(), nsenter.Int(args.Size)).Fork()
	}
	t.Call("start process group", unix.SYS_SETPGID, nsenter.Int(0), nsenter.Int(0))
	args := h.Args
	if len(args) == 0 {
		args = []string{h.Path}
	}
	t.Call("fork/exec "+h.Path, unix.SYS_EXECVE, t.Str(h.Path), t.Strs(args, 0).Addr(), t.Strs(h.Env, 0).Addr())
	return second
}

// join joins the namespaces. A pid namespace of the host's can be entered only before a user namespace is, and one that
// belongs to that, by an ordinary user, only afterwards.
func (p Inside) join(t *nsenter.Tape) {
	join := p.Join
	pids := func() nsenter.Entry {
		return t.Call("join pid namespace", unix.SYS_SETNS, nsenter.Int(p.PIDs), nsenter.Int(unix.CLONE_NEWPID))
	}
	joined := t.Slot()
	apart := p.PIDs >= 0 && join&unix.CLONE_NEWPID != 0
	if apart {
		join &^= unix.CLONE_NEWPID
		pids().SkipOn(1, unix.EPERM)
		t.Set("", joined, nsenter.Int(1), 0)
	}
	t.Call("join namespaces of first process", unix.SYS_SETNS, nsenter.Int(p.Pidfd), nsenter.Int(join))
	if apart {
		t.SkipIf(joined, 1)
		pids()
	}
}

func reap(pid int) {
	for {
		if _, err := unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
			return
		}
	}
}
