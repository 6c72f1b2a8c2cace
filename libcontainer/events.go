package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fdio"
)

// Stats are what a container uses.
type Stats struct {
	*CgroupStats
	Resctrl *ResctrlStats // nil: it was made without linux.intelRdt
}

func (c *container) stats() (*Stats, error) {
	s, err := c.manager.Stats()
	if err != nil {
		return nil, err
	}
	g, err := c.groupStats()
	return &Stats{s, g}, err
}

// Stats reads what the container uses, which has to live.
func (h *Container) Stats() (*Stats, error) {
	c, err := h.openLiving()
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.stats()
}

// An Event is something of [Container.Events].
type Event struct {
	Stats *Stats // what it uses; nil: it was out of memory, and the kernel has killed one of its processes
}

// Events are what the container uses, once every interval, and each time that it was out of memory, until its init has ended, the context is done, or an
// error has come, which is the last of them.
func (h *Container) Events(ctx context.Context, interval time.Duration) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := h.events(ctx, interval, yield); err != nil {
			yield(Event{}, err)
		}
	}
}

func (h *Container) events(ctx context.Context, interval time.Duration, yield func(Event, error) bool) error {
	if interval <= 0 {
		return errors.New("duration interval must be greater than 0")
	}
	stop, err := cancel.Of(ctx)
	if err != nil {
		return fmt.Errorf("events of container %s: %w", h.id, err)
	}
	defer stop.Close()
	c, err := h.openLiving()
	if err != nil {
		return err
	}
	defer c.close()
	c.stop = stop
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
		h.r.warn("container %s: no OOM events: %v", h.id, err)
		oom = &cgroups.OOMWatch{FD: -1, Count: func() (uint64, error) { return 0, nil }}
	case err != nil:
		return err
	default:
		defer oom.Close()
	}
	return c.follow(pidfd, oom, interval, yield)
}

func (c *container) follow(pidfd int, oom *cgroups.OOMWatch, interval time.Duration, yield func(Event, error) bool) error {
	next := time.Now().Add(interval)
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}, {Fd: int32(oom.FD), Events: unix.POLLIN}, c.stop.Poll()}
	for {
		if _, err := fdio.Poll(fds, next); err != nil {
			return fmt.Errorf("wait for events: %w", err)
		}
		if err := c.stop.Err(); err != nil {
			return fmt.Errorf("events of container %s: %w", c.record.ID, err)
		}
		n, err := oom.Count()
		for ; n > 0 && err == nil; n-- {
			if !yield(Event{}, nil) {
				return nil
			}
		}
		if err != nil || fds[0].Revents != 0 {
			return err
		}
		if now := time.Now(); !now.Before(next) {
			s, err := c.stats()
			if err != nil {
				return err
			}
			if !yield(Event{s}, nil) {
				return nil
			}
			next = now.Add(interval)
		}
	}
}
