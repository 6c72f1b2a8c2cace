package launch

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/spawn"
	"github.com/rung-oci/rung/internal/timeline"
	"github.com/rung-oci/rung/nsenter"
)

// A player is what it takes to have a plan's tape played.
type player struct {
	plan            *plan.Plan
	image           *nsenter.Image
	arena, progress int           // the descriptors of both
	unified         int           // v2 cgroup that its child is born in, or -1
	fds             []plan.FDSlot // what the tape needs, in this process's numbers, which are the player's, too
	admit           func(pid int) error
	stdio           []int  // its standard streams; nil: ours
	extra           []int  // what becomes the preserved descriptors, numbered above those; nil: what has their numbers
	kind            string // of player, once it is started
}

// start starts the player as a child of the calling thread. Where the plan has it wait, admit has it let
// into the container's cgroup. The mapping of the arena is the caller's then.
func (p *player) start() (child spawn.Child, pidfd int, mapped *nsenter.Arena, err error) {
	var lift lift
	defer lift.close()
	q := p
	if len(p.extra) > 0 {
		if q, err = p.lifted(&lift); err != nil {
			return child, -1, nil, err
		}
	}
	im := p.image
	program, err := nsenter.OpenProgram(q.arena, im.Size, im.Relocs, im.Ops, im.Count)
	if err != nil {
		return child, -1, nil, err
	}
	child, pidfd, err = q.play(program, &lift)
	if p.kind = q.kind; err != nil {
		program.Close()
		return spawn.Child{}, -1, nil, err
	}
	return child, pidfd, program.Arena, nil
}

// play completes the tape, and starts what plays it.
func (p *player) play(program nsenter.Program, lift *lift) (child spawn.Child, pidfd int, err error) {
	inherit := p.fill(program.Arena)
	gate := [2]int{-1, -1}
	if p.plan.Slots.Admit != 0 {
		if err := unix.Pipe2(gate[:], unix.O_CLOEXEC); err != nil {
			return child, -1, fmt.Errorf("make pipe: %w", err)
		}
		defer unix.Close(gate[0])
		defer unix.Close(gate[1])
		if err := lift.up(&gate[0]); err != nil {
			return child, -1, err
		}
		program.Arena.SetFD(p.plan.Slots.Admit, gate[0])
		inherit = append(inherit, gate[0])
	}
	timeline.Runtime.Phase("start player")
	s := spawn.Start{
		Program: program, Title: plan.Title, Arena: p.arena, Progress: p.progress, Size: p.image.Size, Helper: p.plan.Orders.Helper, Inherit: inherit,
		Stdio: p.stdio, Extra: p.extra,
	}
	child, pidfd, err = s.Player()
	p.kind = s.Kind
	if err != nil || p.plan.Slots.Admit == 0 {
		return child, pidfd, err
	}
	if err = p.admit(child.PID); err == nil {
		_, err = fdio.Write(gate[1], []byte{1})
	}
	if err != nil {
		child.Kill()
		unix.Close(pidfd)
		return spawn.Child{}, -1, err
	}
	return child, pidfd, nil
}

// fill puts descriptors into the tape. The player inherits what is returned.
func (p *player) fill(arena *nsenter.Arena) (inherit []int) {
	o := &p.plan.Orders
	if len(p.extra) == 0 {
		for fd := range o.Preserve {
			inherit = append(inherit, 3+fd)
		}
	}
	for _, f := range p.fds {
		arena.SetFD(f.Slot, f.FD)
		inherit = append(inherit, f.FD)
	}
	if p.unified >= 0 {
		arena.IntoCgroup(o.CloneArgs, p.unified)
		if o.Unified != 0 {
			arena.SetFD(o.Unified, p.unified)
		}
		inherit = append(inherit, p.unified)
	}
	o.SetRanges(arena)
	return inherit
}
