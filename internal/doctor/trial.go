package doctor

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/nsenter"
)

// A trial is how an attempt ended. The zero value is a success.
type trial struct {
	step string // that failed
	err  error
}

// cloning is the step of a trial in which no child was made.
const cloning = "clone3"

// String is what a check has found.
func (t trial) String() string {
	switch {
	case t.err == nil:
		return ""
	case t.step == "":
		return t.err.Error()
	case t.step[0] == '!': // a label that says all
		return t.step[1:]
	}
	return t.step + ": " + t.err.Error()
}

// is tells whether the attempt failed by one of these errors.
func (t trial) is(errs ...unix.Errno) bool {
	for _, e := range errs {
		if errors.Is(t.err, e) {
			return true
		}
	}
	return false
}

// try has a child of ours in new namespaces make calls.
func try(flags uint64, calls func(*nsenter.Tape)) trial {
	return tryAs(&nsenter.CloneArgs{Flags: flags}, calls)
}

func tryAs(ca *nsenter.CloneArgs, calls func(*nsenter.Tape)) trial {
	return play(ca, func(t *nsenter.Tape) nsenter.Slot {
		if calls != nil {
			calls(t)
		}
		return 0
	})
}

// play has a child make calls. If that has a child of ours go on in its place, it says which slot takes the pid.
func play(ca *nsenter.CloneArgs, calls func(*nsenter.Tape) nsenter.Slot) trial {
	t := nsenter.NewTape()
	second := calls(t)
	t.Call("end", unix.SYS_EXIT_GROUP, nsenter.Int(0))
	p, err := nsenter.NewLocal(t.Image())
	if err != nil {
		return trial{err: err}
	}
	defer p.Free()
	pid, err := nsenter.Fork(ca, p)
	if err != nil {
		return trial{cloning, err}
	}
	ws, err := wait(pid)
	if err == nil && second != 0 && p.Arena.Int32(second) > 0 {
		ws, err = wait(p.Arena.Int32(second))
	}
	step := t.Label(int(p.Progress.Step))
	switch {
	case err != nil:
		return trial{"wait", err}
	case p.Progress.Errno != 0:
		return trial{step, unix.Errno(p.Progress.Errno)}
	case ws.Signaled():
		return trial{step, fmt.Errorf("killed by %s", unix.SignalName(ws.Signal()))}
	}
	return trial{}
}

func wait(pid int) (ws unix.WaitStatus, err error) {
	err = fdio.Again(func() error { _, err := unix.Wait4(pid, &ws, unix.WALL, nil); return err })
	return ws, err
}

// afterwards has a child of the maker's go on, which is in the pid namespace that the process has entered or made for its children.
func afterwards(t *nsenter.Tape) (pid nsenter.Slot) {
	pid = t.Slot()
	args := t.CloneArgs(unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID, pid)
	t.Call("clone process", unix.SYS_CLONE3, args.Slot.Addr(), nsenter.Int(args.Size)).Fork()
	return pid
}
