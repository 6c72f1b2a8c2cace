package launch

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/seal"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/nsenter"
)

// openProgram makes a program of a plan's tape, see [nsenter.Program].
func openProgram(p *plan.Plan, arena *nsenter.Arena) (nsenter.Program, error) {
	o := &p.Orders
	return nsenter.OpenProgram(arena.FD, o.ArenaSize, o.Relocs, o.Ops, o.Count)
}

// fill puts descriptors into a program's tape, under the numbers that they have
// here. The process is born in the cgroup unified unless that is -1. The program
// inherits what is returned.
func fill(p *plan.Plan, program nsenter.Program, unified int, fds []step.FDSlot) (inherit []int) {
	o := &p.Orders
	for fd := range o.Preserve {
		inherit = append(inherit, 3+fd)
	}
	for _, f := range fds {
		program.Arena.SetFD(f.Slot, f.FD)
		inherit = append(inherit, f.FD)
	}
	if unified >= 0 {
		program.Arena.IntoCgroup(o.CloneArgs, unified)
		if o.Unified != 0 {
			program.Arena.SetFD(o.Unified, unified)
		}
		inherit = append(inherit, unified)
	}
	o.SetRanges(program.Arena)
	return inherit
}

// startProgram starts a program as a child of the calling thread, with the
// descriptors of its arena and of its progress record, and those in inherit. Where the plan has it wait admit has it let
// into the container's cgroup. The
// error is [nsenter.ErrNoProgram] where memory isn't executed: vm.memfd_noexec, a
// security module.
func startProgram(p *plan.Plan, program nsenter.Program, arena, progress int, inherit []int, admit func(pid int) error) (child spawn.Child, pidfd int, err error) {
	exe, err := seal.Program(program.Executable(arena, progress))
	if err != nil {
		return child, -1, errors.Join(nsenter.ErrNoProgram, err)
	}
	defer exe.Close()
	gate := [2]int{-1, -1}
	if p.Slots.Admit != 0 {
		if err := unix.Pipe2(gate[:], unix.O_CLOEXEC); err != nil {
			return child, -1, fmt.Errorf("make pipe: %w", err)
		}
		defer unix.Close(gate[0])
		defer unix.Close(gate[1])
		program.Arena.SetFD(p.Slots.Admit, gate[0])
		inherit = append(inherit, gate[0])
	}
	child.PID, pidfd, err = nsenter.Spawn{
		// Its command line anybody can read: it is its name.
		Exe: exe.FD, Args: []string{step.Title}, Inherit: append(inherit, arena, progress), Slack: nsenter.TimerSlack,
	}.Start()
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return child, -1, errors.Join(nsenter.ErrNoProgram, err)
	case err != nil:
		return child, -1, fmt.Errorf("start player: %w", err)
	case p.Slots.Admit == 0:
		return child, pidfd, nil
	}
	if err = admit(child.PID); err == nil {
		_, err = unix.Write(gate[1], []byte{1})
	}
	if err != nil {
		child.Kill()
		unix.Close(pidfd)
		return child, -1, err
	}
	return child, pidfd, nil
}

// JoinAlone is [Join] without a stage: for the start of a Go runtime would take
// longer than all that there is to do. The error is [nsenter.ErrNoProgram] where
// that can't be.
func JoinAlone(p *plan.Plan, in *ExecInputs) (*Exec, error) {
	return join(p, in, (*Exec).byProgram)
}

// byProgram starts the program, which forks the process and ends.
func (e *Exec) byProgram(in *ExecInputs) error {
	program, err := openProgram(e.plan, e.arena)
	if err != nil {
		return err
	}
	defer program.Close()
	list, err := in.descriptors(e.plan)
	if err != nil {
		return err
	}
	timeline.Runtime.Phase("execute the tape's program")
	child, pidfd, err := startProgram(e.plan, program, e.arena.FD, e.progress, fill(e.plan, program, in.Unified, list), in.Admit)
	if err != nil {
		return err
	}
	unix.Close(pidfd)
	timeline.Runtime.Phase("wait for the clone")
	child.Wait()
	return e.found()
}
