package libcontainer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// Kill sends a signal to the container's init. SIGKILL also thaws a frozen container, and ends all processes of one that shares its pid namespace. With all, every
// process is meant, and of a container that has stopped what it left behind.
func (h *Container) Kill(sig unix.Signal, all bool) error {
	c, err := h.open()
	if err != nil {
		return err
	}
	defer c.close()
	pidfd, err := c.pidfd()
	if errors.Is(err, unix.ESRCH) {
		if err := c.outOfSight(); err != nil { // nor can its cgroup name to us who is in it
			return err
		}
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
	if c.hasCgroup() && (all || sig == unix.SIGKILL && !c.ownPIDNamespace()) {
		if pids, err := c.manager.Pids(true); err == nil && len(pids) == 0 {
			if err := c.seesCgroups(); err != nil {
				return err
			}
		}
		return c.signalAll(sig)
	}
	if c.ownPIDNamespace() && ends(sig) && c.waits() {
		sig = unix.SIGKILL
	}
	if err := unix.PidfdSendSignal(pidfd, sig, nil, 0); err != nil {
		if err == unix.ESRCH {
			return ErrNotRunning
		}
		return fmt.Errorf("signal container init: %w", err)
	}
	if sig == unix.SIGKILL {
		return c.thawKilled()
	}
	return nil
}

// waits tells whether the first process waits for start. It has no handlers yet, and the
// kernel keeps from pid 1 of a namespace what it doesn't handle: what would end another
// process has to be told it in the one way that it hears.
func (c *container) waits() bool {
	p, err := c.entry.Progress()
	return err == nil && p.Phase <= nsenter.PhaseWaiting
}

// ends tells whether a signal ends a process that doesn't handle it, see signal(7).
func ends(sig unix.Signal) bool {
	switch sig {
	case 0, unix.SIGCHLD, unix.SIGCONT, unix.SIGURG, unix.SIGWINCH, unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
		return false
	}
	return true
}

// ownPIDNamespace tells whether all processes of the container die with its
// init.
func (c *container) ownPIDNamespace() bool { return c.record.OwnPIDNamespace }

// killRest signals what a container left in its cgroup.
func (c *container) killRest(sig unix.Signal) error {
	pids, err := c.manager.Pids(true)
	if err != nil {
		return err
	}
	ours := len(pids) > 0
	if ours {
		init, gone, _ := identified(c.entry, c.host)
		if init >= 0 { // the record is damaged: what is there is ours
			unix.Close(init)
		}
		ours, err = c.r.owns(c.manager, c.record.Cgroups, c.record.ID, gone && c.ownPIDNamespace())
	}
	if err != nil {
		return err
	}
	if !ours {
		return ErrNotRunning
	}
	return c.signalAll(sig)
}

// signalAll sends a signal to every process of the cgroup.
func (c *container) signalAll(sig unix.Signal) error {
	if sig != unix.SIGKILL {
		return c.manager.Signal(sig)
	}
	if err := c.manager.Kill(); err != nil {
		return err
	}
	return c.heldFrozen()
}
