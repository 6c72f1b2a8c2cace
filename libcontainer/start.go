package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/hook"
	"github.com/rung-oci/rung/internal/launch"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/internal/timeline"
	"github.com/rung-oci/rung/nsenter"
)

// Start lets a created container run its program, and returns once that runs; it is an [*ExecError] if it can't, else [ErrRunning], [ErrStopped] or [ErrPaused]. A
// context that is done before kills the container: it has begun to start. One that is done already changes nothing.
func (h *Container) Start(ctx context.Context) error {
	stop, err := cancel.Of(ctx)
	if err != nil {
		return fmt.Errorf("start container %s: %w", h.id, err)
	}
	defer stop.Close()
	return givenUp(h.start(stop), stop.Err(), "container "+h.id+" is killed")
}

func (h *Container) start(stop *cancel.Signal) error {
	h.r.closeOnExec()
	timeline.Runtime.Phase("open container")
	c, err := h.openLocked(stop.Err)
	if err != nil {
		return err
	}
	defer c.close()
	c.stop = stop
	timeline.Runtime.Phase("check state")
	f, err := c.facts()
	if err != nil {
		return err
	}
	switch f.Status() {
	case specs.StateStopped:
		return ErrStopped
	case specs.StateRunning:
		return ErrRunning
	case state.Paused:
		return ErrPaused
	}
	// Its program would start at some time or other, and we wait for it till then.
	if by, err := c.manager.FrozenBy(); err != nil || by != "" {
		return cannotRun(by, err)
	}
	pidfd, err := c.pidfd()
	if errors.Is(err, unix.ESRCH) {
		return ErrStopped
	}
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	return c.start(pidfd)
}

// start opens the gate of a created container, with its hooks around.
func (c *container) start(pidfd int) error {
	if !c.record.HasProcess {
		return errors.New("process property must not be empty")
	}
	var b *spec.Bundle
	if c.record.HasHooks {
		var err error
		if b, err = c.config(); err != nil {
			return err
		}
		timeline.Runtime.Phase("startContainer hooks")
		if err := c.startContainerHooks(b, pidfd); err != nil {
			c.abort(pidfd)
			return err
		}
	}
	n, err := newNotifier(c.entry, c.r.notifySocket())
	if err != nil {
		return err
	}
	defer n.close()
	timeline.Runtime.Phase("open gate")
	status, err := c.openGate(pidfd)
	if err != nil {
		return err
	}
	defer unix.Close(status)
	timeline.Runtime.Phase("wait for execve")
	if err := c.await(status, pidfd); err != nil {
		return err
	}
	timeline.Runtime.Phase("close gate")
	if err := c.entry.Unlink(state.GateName); err != nil {
		return err
	}
	if b != nil && len(b.Spec.Hooks.Poststart) > 0 {
		if err := c.poststart(b, pidfd); err != nil {
			return err
		}
	}
	if n == nil {
		return nil
	}
	c.entry.Unlock() // it may take its time to be ready, or never be
	err = n.wait(c.record.PID, pidfd, c.stop)
	if c.stop.Err() != nil {
		c.abort(pidfd)
	}
	return err
}

// poststart runs the poststart hooks. The container runs meanwhile, and is anybody's to
// change or to delete.
func (c *container) poststart(b *spec.Bundle, pidfd int) error {
	c.entry.Unlock()
	st := c.hookState(b, specs.StateRunning).JSON(c.record.PID)
	err := hook.RunAll("poststart", b.Spec.Hooks.Poststart, st, hookPlace(b).Start, hook.Until{Stop: c.stop})
	switch lockErr := c.entry.Lock(c.stop.Err); {
	case errors.Is(lockErr, ErrNotExist): // nor is its cgroup the container's any more
		return err
	case err == nil:
		return lockErr
	}
	c.abort(pidfd)
	return err
}

// openGate lets the first process go, and returns the status FIFO, which says
// when it has come to something.
func (c *container) openGate(pidfd int) (status int, err error) {
	status, err = c.entry.OpenFifo(state.StatusName, unix.O_RDONLY)
	if err == nil {
		if err = c.held(status, pidfd); err == nil {
			err = c.openGateFifo(pidfd)
		}
		if err != nil {
			unix.Close(status)
		}
	}
	if err != nil {
		return -1, err
	}
	fault.Point("start:opened")
	return status, nil
}

// held makes sure that the first process has the status FIFO open for writing: by
// one that nobody has we would never hear of it.
func (c *container) held(status, pidfd int) error {
	switch _, err := unix.Read(status, make([]byte, 1)); err {
	case unix.EAGAIN:
		return nil
	case nil: // end of file
		return c.notOpen(state.StatusName, pidfd)
	default:
		return fmt.Errorf("read %s/%s: %w", c.entry.Dir, state.StatusName, err)
	}
}

func (c *container) openGateFifo(pidfd int) error {
	gate, err := c.entry.OpenFifo(state.GateName, unix.O_WRONLY)
	if err == nil {
		_, err = fdio.Write(gate, []byte{1})
		unix.Close(gate)
	}
	if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EPIPE) {
		return c.notOpen(state.GateName, pidfd)
	}
	return err
}

// notOpen is the error of a FIFO that the first process should have open. Who ends closes
// his files some time before he is seen to have ended.
func (c *container) notOpen(name string, pidfd int) error {
	if wait(pidfd, likelyEndWait) {
		return ErrStopped
	}
	return fmt.Errorf("container's first process doesn't have %s/%s open", c.entry.Dir, name)
}

// await waits for what becomes of the first process: the status FIFO closes by
// its execve or its death, and its progress record says which.
func (c *container) await(status, pidfd int) error {
	fds := []unix.PollFd{{Fd: int32(status)}, {Fd: int32(pidfd), Events: unix.POLLIN}, c.stop.Poll()}
	for frozen, waited := 0, 0; fds[0].Revents|fds[1].Revents == 0; {
		seen, err := fdio.Poll(fds, time.Now().Add(time.Second))
		if err != nil {
			return fmt.Errorf("wait for container: %w", err)
		}
		if err := c.stop.Err(); err != nil {
			c.abort(pidfd)
			return err
		}
		if seen {
			continue
		}
		by, err := c.manager.FrozenBy()
		if frozen++; err != nil || by == "" {
			frozen = 0
		}
		if frozen == frozenSeconds {
			return cannotRun(by, nil)
		}
		if waited++; waited == agentSeconds && c.agentKeeps() {
			_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
			wait(pidfd, killWait)
			return errors.New("seccomp agent doesn't answer: the container is killed")
		}
	}
	if err := c.verdict(); err != nil {
		wait(pidfd, killWait) // its state is stopped when the error is known
		return err
	}
	fault.Point("start:running")
	return nil
}

// frozenSeconds is how long start waits for a container that somebody freezes
// while it starts.
const frozenSeconds = 10

// agentSeconds is how long start waits for what a seccomp agent has to say about
// the last calls before the program.
const agentSeconds = int(launch.AgentPatience / time.Second)

// verdict reads what the first process has come to.
func (c *container) verdict() error {
	p, err := c.entry.Progress()
	switch {
	case err != nil:
		return err
	case p.Errno != 0 && p.Phase == nsenter.PhaseStarted:
		errno := syscall.Errno(p.Errno)
		return &StepError{"install seccomp filter", errno, fmt.Errorf("install seccomp filter: %w", errno)}
	case p.Errno != 0:
		return c.execError(syscall.Errno(p.Errno))
	case p.Phase == nsenter.PhaseExec:
		return nil // execve was called and has not failed
	}
	if n, err := c.manager.OOMKills(); err == nil && n > 0 {
		return &stateError{explainOOM(launch.ErrOOM, c.manager, nil).Error(), ErrStopped}
	}
	return errStartDied
}

// abort ends a container whose hook has failed: it is stopped when the error is
// returned. Its poststop hooks run when it is deleted, as always (runtime-spec 1.3,
// lifecycle 8 and 12).
func (c *container) abort(pidfd int) {
	_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	_ = c.manager.Kill()
	wait(pidfd, killWait)
}
