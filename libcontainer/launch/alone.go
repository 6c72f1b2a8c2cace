package launch

import (
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/stage"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// alone is what a first process that is made without a stage has in its place: the
// program that clones it, and a thread of ours that builds what it will see.
type alone struct {
	player      spawn.Child
	hand        *stage.Hand
	peer, pidfd int // the hand's: a socket to the first process, and its pidfd
}

// begin starts the program and the hand. The first process dies with the thread
// that we are on, which therefore nobody else may have.
func (p *Process) begin(control int) error {
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
	near, far, err := wire.Pair()
	if err != nil {
		return err
	}
	defer far.Close()
	p.alone = &alone{peer: near.FD, pidfd: -1}
	o := &p.plan.Orders
	for _, f := range own[:kept] {
		o.Keep = append(o.Keep, f.FD)
	}
	inherit := fill(p.plan, program, p.in.Unified, append(own, step.FDSlot{Slot: o.Sock, FD: far.FD}))
	if p.alone.hand, err = stage.NewHand(); err != nil {
		return err
	}
	p.stage = p.alone.hand.Stage
	p.alone.player, err = startProgram(program, p.arena.FD, p.in.Progress, inherit)
	return err
}

// born waits until the first process exists and has the hand build.
func (p *Process) born() error {
	if p.alone == nil {
		return nil
	}
	p.alone.player.Wait()
	pid, err := p.pid()
	if err != nil {
		return errSilent // the record says why
	}
	if p.alone.pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		return err
	}
	o := p.plan.Orders
	o.Sources, o.Arena, o.Peer, o.Pidfd = len(p.plan.Sources), p.arena.FD, p.alone.peer, p.alone.pidfd
	p.alone.hand.Order(o)
	return nil
}

// letHand closes our copies of what the hand has by now. While we had the socket to
// the first process it would not see its builder die.
func (p *Process) letHand() {
	a := p.alone
	if a == nil || a.peer < 0 {
		return
	}
	if a.hand != nil {
		a.hand.Let()
	}
	for _, fd := range []int{a.peer, a.pidfd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	a.peer, a.pidfd = -1, -1
}
