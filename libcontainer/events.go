package libcontainer

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/fdio"
	"github.com/rung-oci/rung/libcontainer/resctrl"
)

// Stats are what a container uses.
type Stats struct {
	*cgroups.Stats
	Resctrl *resctrl.Stats // nil: it was made without linux.intelRdt
}

func (c *container) stats() (*Stats, error) {
	s, err := c.manager.Stats()
	if err != nil {
		return nil, err
	}
	g, err := c.groupStats()
	return &Stats{s, g}, err
}

// Stats reads what a container that lives uses.
func (r *Runtime) Stats(id string) (*Stats, error) {
	c, err := r.openLiving(id)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.stats()
}

// openLiving opens a container whose init lives.
func (r *Runtime) openLiving(id string) (*container, error) {
	c, err := r.open(id, false)
	if err != nil {
		return nil, err
	}
	alive, err := c.record.Alive(c.host)
	if err == nil && !alive {
		err = fmt.Errorf("container with id %s is not running", id)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// Events calls emit with what the container uses once every interval, and with
// nil whenever it was out of memory, until its init has ended or emit returns an
// error.
func (r *Runtime) Events(id string, interval time.Duration, emit func(*Stats) error) error {
	c, err := r.openLiving(id)
	if err != nil {
		return err
	}
	defer c.close()
	pidfd, err := c.pidfd()
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	oom, err := c.manager.WatchOOM()
	switch {
	case errors.Is(err, unix.ENOENT):
		r.warn("container %s: no OOM events: %v", id, err)
		oom = &cgroups.OOMWatch{FD: -1, Count: func() (uint64, error) { return 0, nil }}
	case err != nil:
		return err
	default:
		defer oom.Close()
	}
	return c.follow(pidfd, oom, interval, emit)
}

func (c *container) follow(pidfd int, oom *cgroups.OOMWatch, interval time.Duration, emit func(*Stats) error) error {
	next := time.Now().Add(interval)
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}, {Fd: int32(oom.FD), Events: unix.POLLIN}}
	for {
		if _, err := fdio.Poll(fds, next); err != nil {
			return fmt.Errorf("wait for events: %w", err)
		}
		n, err := oom.Count()
		for ; n > 0 && err == nil; n-- {
			err = emit(nil)
		}
		if err != nil || fds[0].Revents != 0 {
			return err
		}
		if now := time.Now(); !now.Before(next) {
			s, err := c.stats()
			if err == nil {
				err = emit(s)
			}
			if err != nil {
				return err
			}
			next = now.Add(interval)
		}
	}
}
