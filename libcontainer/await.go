package libcontainer

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/state"
)

// ErrStatusUnknown is why Wait can't say how a container has ended: it had before, or only its parent
// was told.
var ErrStatusUnknown = proc.ErrStatusUnknown

// Wait waits until the container's init has ended, whoever's child it is, and returns its exit status, 128 and
// the signal's number if one ended it. Nothing is locked meanwhile. The status is known if it is still unreaped when
// we look, on Linux 6.15 and later, or if somebody has seen the end; else the error is [ErrStatusUnknown].
func (r *Runtime) Wait(id string) (status int, err error) {
	c, err := r.open(id, false)
	if err != nil {
		return 0, err
	}
	defer c.close()
	pidfd, err := c.pidfd()
	if errors.Is(err, unix.ESRCH) {
		if seen := c.entry.Exit(); seen != nil {
			return seen.Status, nil
		}
		return 0, fmt.Errorf("container %s has ended before: its %w", id, ErrStatusUnknown)
	}
	if err != nil {
		return 0, err
	}
	defer unix.Close(pidfd)
	return c.awaitEnd(pidfd)
}

// Keep is Wait by a pidfd that the caller has opened before, for who is started to do nothing else: the container may have ended since.
func (r *Runtime) Keep(id string, pidfd int) (status int, err error) {
	c, err := r.open(id, false)
	if err != nil {
		return 0, err
	}
	defer c.close()
	return c.awaitEnd(pidfd)
}

// awaitEnd waits for the end of the container's init, and writes down what it has seen.
func (c *container) awaitEnd(pidfd int) (status int, err error) {
	ws, err := c.host.WaitStatus(pidfd, c.record.PID)
	if err != nil {
		return 0, fmt.Errorf("container %s has ended: its %w", c.record.ID, err)
	}
	status = exitStatus(ws)
	c.seen(status)
	return status, nil
}

// seen writes down how the container has ended, for State and for who waits later. Who can't, because it is being deleted or because the
// directory isn't his, lets it be.
func (c *container) seen(status int) {
	if c.entry.Locked() || c.entry.Lock() != nil {
		return
	}
	defer c.entry.Unlock()
	if c.entry.Exit() == nil {
		kills, err := c.manager.OOMKills()
		_ = c.entry.WriteExit(&state.Exit{Status: status, At: time.Now(), OOMKilled: err == nil && kills > 0})
	}
}
