package launch

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/fault"
	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/stage"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// alone is what a first process that is made without a stage has in its place: the
// program that clones it, and a thread of ours that builds what it will see.
type alone struct {
	player      spawn.Child
	playerfd    int
	hand        *stage.Hand // nil: the first process makes the calls itself
	trees       []int       // mounts for the first process
	peer, pidfd int         // the hand's: a socket to the first process, and its pidfd
}

// begin starts the program and the hand. The first process dies with the thread
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
	if p.plan.Remote != nil {
		p.stage = spawn.NoStage()
	} else {
		timeline.Runtime.Phase("start the builder's thread")
		if p.alone.hand, err = stage.NewHand(); err != nil {
			return err
		}
		p.stage = p.alone.hand.Stage
	}
	timeline.Runtime.Phase("execute the tape's program")
	p.alone.player, p.alone.playerfd, err = startProgram(p.plan, program, p.arena.FD, p.in.Progress, inherit, p.in.Admit)
	return err
}

// born waits until the first process exists and has the hand build.
func (p *Process) born() error {
	if p.alone == nil {
		return nil
	}
	timeline.Runtime.Phase("wait for the clone")
	if err := p.alone.awaitClone(p.plan.Orders.Gate || p.plan.Remote != nil); err != nil {
		return err
	}
	pid, err := p.pid()
	if err != nil {
		return errSilent // the record says why
	}
	if p.alone.pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		return err
	}
	if p.plan.Remote != nil {
		return p.build(pid)
	}
	return p.orderHand(pid)
}

// build has the first process build.
func (p *Process) build(pid int) error {
	o, trees := p.plan.Orders, p.alone.trees
	p.alone.trees = nil
	r := stage.Remote{
		Orders: &o, Remote: p.plan.Remote, PID: pid, Pidfd: p.alone.pidfd, Sock: p.alone.peer, Host: proc.FS{FD: p.in.Proc}, Arena: p.arena.FD,
		Trees: trees, Network: p.in.Network, Ask: p.ask,
	}
	err := r.Build()
	if errors.Is(err, step.ErrFirst) {
		return errSilent
	}
	return err
}

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
	return p.do(kind, own)
}

// orderHand gives the hand its orders, with descriptors of its own: what we close
// when we have failed may be in use there.
func (p *Process) orderHand(pid int) error {
	o := p.plan.Orders
	o.Fault, o.Sources, o.Exe, o.Trace = fault.Wanted(), len(p.plan.Sources), -1, -1
	var err error
	dup := func(fd int) int {
		if err == nil {
			fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		}
		if err != nil {
			return -1
		}
		return fd
	}
	o.Arena, o.Progress = dup(p.arena.FD), dup(p.in.Progress)
	if o.User { // its builder is a process
		o.Exe, o.Trace = dup(p.in.Exe), timeline.File()
	}
	if err != nil {
		step.CloseAll([]int{o.Arena, o.Progress, o.Exe})
		return fmt.Errorf("copy descriptor: %w", err)
	}
	o.Peer, o.Pidfd = p.alone.peer, p.alone.pidfd
	p.alone.peer, p.alone.pidfd = -1, -1
	p.alone.hand.Order(o, pid)
	return nil
}

// awaitClone waits until the first process has something to say to the builder, or
// the player has ended without having cloned it. The player's end after that is of
// no interest: it may have to wait for a processor while the first process has one.
// A silent first process waits to be spoken to.
func (a *alone) awaitClone(silent bool) error {
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
			fds[1].Fd = -1
			a.player.Wait()
			if silent || a.player.Status.ExitStatus() != 0 {
				return nil // whether there is a first process, and why not, others see
			}
		}
	}
}

// dismiss lets go of what the hand would have got. While we had the socket to the
// first process that would not see its builder die.
func (a *alone) dismiss() {
	if a.hand != nil {
		a.hand.Dismiss()
	}
	step.CloseAll(a.trees)
	step.CloseAll([]int{a.peer, a.pidfd})
	a.peer, a.pidfd, a.trees = -1, -1, nil
}
