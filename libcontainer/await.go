package libcontainer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/proc"
)

// ErrStatusUnknown is why Wait can't say how a container has ended: it had before, or only its parent
// was told.
var ErrStatusUnknown = proc.ErrStatusUnknown

// Wait waits until the container's init has ended, whoever's child it is, and returns its exit status, 128 and
// the signal's number if one ended it. Nothing is locked meanwhile. The status is known if it is still unreaped when
// we look, or on Linux 6.15 and later; else the error is [ErrStatusUnknown].
func (r *Runtime) Wait(id string) (status int, err error) {
	c, err := r.open(id, false)
	if err != nil {
		return 0, err
	}
	defer c.close()
	pidfd, err := c.pidfd()
	if errors.Is(err, unix.ESRCH) {
		return 0, fmt.Errorf("container %s has ended before: its %w", id, ErrStatusUnknown)
	}
	if err != nil {
		return 0, err
	}
	defer unix.Close(pidfd)
	ws, err := c.host.WaitStatus(pidfd, c.record.PID)
	if err != nil {
		return 0, fmt.Errorf("container %s has ended: its %w", id, err)
	}
	return exitStatus(ws), nil
}
