package libcontainer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Kill sends a signal to the container's init. SIGKILL also ends all other
// processes of a container that shares its pid namespace with others, and thaws
// a frozen one. With all, every process of the container is meant, and a
// container that has stopped is no error: what it left behind is killed.
func (r *Runtime) Kill(id string, sig unix.Signal, all bool) error {
	c, err := r.open(id, false)
	if err != nil {
		return err
	}
	defer c.close()
	pidfd, err := c.pidfd()
	if errors.Is(err, unix.ESRCH) {
		if all || sig == unix.SIGKILL && !c.ownPIDNamespace() {
			err = c.killRest(sig)
		}
		switch {
		case all && errors.Is(err, ErrNotRunning):
			return nil
		case errors.Is(err, unix.ESRCH):
			return ErrNotRunning
		}
		return err
	}
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	if sig == unix.SIGKILL && (all || !c.ownPIDNamespace()) {
		if err := c.manager.Kill(); err != nil || c.hasCgroup() {
			return err
		}
	}
	if all && c.hasCgroup() {
		return c.signalAll(sig)
	}
	if err := unix.PidfdSendSignal(pidfd, sig, nil, 0); err != nil {
		if err == unix.ESRCH {
			return ErrNotRunning
		}
		return fmt.Errorf("signal container init: %w", err)
	}
	if sig == unix.SIGKILL {
		if frozen, err := c.manager.Frozen(); err == nil && frozen {
			return c.manager.Thaw()
		}
	}
	return nil
}

// ownPIDNamespace tells whether all processes of the container die with its
// init.
func (c *container) ownPIDNamespace() bool { return c.record.OwnPIDNamespace }

// killRest kills what a container left in its cgroup.
func (c *container) killRest(sig unix.Signal) error {
	pids, err := c.manager.Pids(true)
	if err != nil {
		return err
	}
	if len(pids) == 0 {
		return ErrNotRunning
	}
	if sig == unix.SIGKILL {
		return c.manager.Kill()
	}
	return c.signalAll(sig)
}

// signalAll sends a signal to every process of the cgroup. A pid is used only
// if it is still in the cgroup after it was opened.
func (c *container) signalAll(sig unix.Signal) error {
	pids, err := c.manager.Pids(true)
	if err != nil {
		return err
	}
	open := make(map[int]int, len(pids))
	defer func() {
		for _, fd := range open {
			unix.Close(fd)
		}
	}()
	for _, pid := range pids {
		if fd, err := unix.PidfdOpen(pid, 0); err == nil {
			open[pid] = fd
		}
	}
	if pids, err = c.manager.Pids(true); err != nil {
		return err
	}
	for _, pid := range pids {
		fd, ok := open[pid]
		if !ok {
			continue
		}
		if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && err != unix.ESRCH {
			return fmt.Errorf("signal process %d: %w", pid, err)
		}
	}
	return nil
}
