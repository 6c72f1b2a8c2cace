package launch

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/hook"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/step"
)

// ContainerHooks implements [step.Runtime].
func (b *builder) ContainerHooks(s *step.ContainerHooks) error {
	state := s.State.JSON(b.pid)
	for i := range s.Hooks {
		var e *Exec
		err := hook.Run(&s.Hooks[i], state, func(h *specs.Hook, stdin, output int) (pid, pidfd int, err error) {
			if e, err = b.startHook(s, h, stdin, output); err != nil {
				return 0, -1, err
			}
			return e.PID, e.Pidfd, nil
		}, hook.Until{Stop: b.in.Cancel, Init: b.pidfd, Doomed: b.in.Doomed})
		if e != nil {
			if terr := e.Err(); terr != nil {
				err = terr
			}
			e.Close()
		}
		if err != nil {
			return fmt.Errorf("error running createContainer hook #%d: %w", i, err)
		}
	}
	return nil
}

func (b *builder) startHook(s *step.ContainerHooks, h *specs.Hook, stdin, output int) (*Exec, error) {
	p, at := plan.ContainerHook(s, h)
	fds := []plan.FDSlot{{Slot: at.Builder, FD: b.pidfd}, {Slot: at.Stdin, FD: stdin}, {Slot: at.Output, FD: output}}
	if b.plan.PIDs >= 0 {
		fds = append(fds, plan.FDSlot{Slot: at.PIDs, FD: b.in.Joined[b.plan.PIDs]})
	}
	if s.Time {
		time, err := unix.Openat(b.host.FD, proc.PID(b.pid, "ns/time_for_children"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		switch {
		case err == nil:
			defer unix.Close(time)
			fds = append(fds, plan.FDSlot{Slot: at.Time, FD: time})
		case !errors.Is(err, unix.EACCES): // an ordinary user's hooks do without
			return nil, fmt.Errorf("open time namespace of first process: %w", err)
		}
	}
	return Join(p, &ExecInputs{Unified: -1, FDs: fds})
}
