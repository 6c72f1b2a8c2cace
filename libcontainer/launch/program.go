package launch

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/seal"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/nsenter"
)

// JoinAlone is [Join] without a stage: the tape is a program of its own, see
// [nsenter.Program], for which a Go runtime would take longer to start than all
// that it has to do takes. The error is [nsenter.ErrNoProgram] where that can't be.
func JoinAlone(p *plan.Plan, in *ExecInputs) (*Exec, error) {
	return join(p, in, (*Exec).byProgram)
}

// byProgram starts the program, which forks the process and ends.
func (e *Exec) byProgram(in *ExecInputs) error {
	program, err := nsenter.NewProgram(image(e.plan))
	if err != nil {
		return err
	}
	inherit, err := e.complete(program.Arena, in)
	if err == nil {
		err = program.Share()
	}
	if err != nil {
		return err
	}
	defer program.Arena.Close()
	exe, err := seal.Program(program.Executable(e.progress))
	if err != nil {
		return errors.Join(nsenter.ErrNoProgram, err)
	}
	defer exe.Close()
	pid, pidfd, err := nsenter.Spawn{
		// Its command line anybody can read: there is none.
		Exe: exe.FD, Args: []string{""}, Inherit: append(inherit, program.Arena.FD, e.progress), Slack: nsenter.TimerSlack,
	}.Start()
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM): // vm.memfd_noexec, or a security module
		return errors.Join(nsenter.ErrNoProgram, err)
	case err != nil:
		return fmt.Errorf("start init stage: %w", err)
	}
	unix.Close(pidfd)
	child := spawn.Child{PID: pid}
	child.Wait()
	return e.found(program.Arena)
}

// complete puts the descriptors into the tape, under the numbers that they have
// here, and tells which they are.
func (e *Exec) complete(a *nsenter.Arena, in *ExecInputs) (inherit []int, err error) {
	list, err := in.descriptors(e.plan)
	if err != nil {
		return nil, err
	}
	o := &e.plan.Orders
	for fd := range o.Preserve {
		inherit = append(inherit, 3+fd)
	}
	for _, f := range list {
		a.SetFD(f.Slot, f.FD)
		inherit = append(inherit, f.FD)
		if slices.Contains(e.plan.Slots.Keep, f.Slot) && !slices.Contains(o.Keep, f.FD) {
			o.Keep = append(o.Keep, f.FD)
		}
	}
	if in.Unified >= 0 {
		a.IntoCgroup(o.CloneArgs, in.Unified)
	}
	o.SetRanges(a)
	return inherit, nil
}
