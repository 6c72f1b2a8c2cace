package launch

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/stage"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// alone is what a first process that is made without a stage has in its place: the
// program that clones it.
type alone struct {
	player      spawn.Child
	playerfd    int
	trees       []int // mounts for the first process
	peer, pidfd int   // a socket to the first process, and its pidfd
}

// begin starts the program. The first process dies with the thread
// that we are on, which therefore nobody else may have: [Process.Close] lets it go.
func (p *Process) begin(control int) error {
	p.alone = &alone{playerfd: -1, peer: -1, pidfd: -1}
	runtime.LockOSThread()
	own, err := p.own(control)
	if err != nil {
		return err
	}
	program, err := openProgram(p.plan, p.arena)
	if err != nil {
		return err
	}
	defer program.Close()
	near, far, err := spawn.Pair(p.in.Seen)
	if err != nil {
		return err
	}
	defer far.Close()
	p.alone.peer = near.FD
	o := &p.plan.Orders
	inherit := fill(p.plan, program, p.in.Unified, append(own, step.FDSlot{Slot: o.Sock, FD: far.FD}))
	p.stage = spawn.NoStage()
	timeline.Runtime.Phase("execute the tape's program")
	p.alone.player, p.alone.playerfd, err = startProgram(p.plan, program, p.arena.FD, p.in.Progress, inherit, p.in.Admit)
	return err
}

// born waits until the first process exists, and has it build.
func (p *Process) born() error {
	if p.alone == nil {
		return nil
	}
	timeline.Runtime.Phase("wait for the clone")
	if err := p.alone.awaitClone(); err != nil {
		return err
	}
	pid, err := p.pid()
	if err != nil {
		return errSilent // the record says why
	}
	if p.alone.pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		return err
	}
	return p.build(pid)
}

// build has the first process build.
func (p *Process) build(pid int) error {
	o, trees := p.plan.Orders, p.alone.trees
	p.alone.trees = nil
	r := &stage.Remote{
		Orders: &o, Remote: p.plan.Remote, PID: pid, Pidfd: p.alone.pidfd, Sock: p.alone.peer, Host: proc.FS{FD: p.in.Proc}, Arena: p.arena.FD,
		Trees: trees, Network: p.in.Network, Ask: p.ask,
	}
	p.remote = r
	err := r.Build()
	if errors.Is(err, step.ErrFirst) {
		return errSilent
	}
	if own, ok := errors.AsType[*answer](err); ok {
		return own.error // which says what it is about
	}
	return err
}

// answer is an error of ours that has gone through a step.
type answer struct{ error }

// Unwrap is the error.
func (a *answer) Unwrap() error { return a.error }

// ask does what a step asks for, with descriptors that stay its own.
func (p *Process) ask(kind wire.Kind, fds ...int) error {
	var own []int
	for _, fd := range fds {
		d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			step.CloseAll(own)
			return fmt.Errorf("copy descriptor: %w", err)
		}
		own = append(own, d)
	}
	if err := p.do(kind, own); err != nil {
		return &answer{err}
	}
	return nil
}

// awaitClone waits until the player has ended: then it has cloned the first process, or failed, which others see. A
// first process that has died by then needn't be waited for.
func (a *alone) awaitClone() error {
	fds := []unix.PollFd{{Fd: int32(a.peer), Events: unix.POLLIN}, {Fd: int32(a.playerfd), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("poll: %w", err)
		case fds[0].Revents != 0:
			return nil
		case fds[1].Revents != 0:
			a.player.Wait()
			return nil
		}
	}
}

// dismiss lets go of what the first process hasn't got. While we had the socket to it, it would not see its builder
// die.
func (a *alone) dismiss() {
	step.CloseAll(a.trees)
	step.CloseAll([]int{a.peer, a.pidfd})
	a.peer, a.pidfd, a.trees = -1, -1, nil
}
