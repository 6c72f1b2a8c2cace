package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
)

// Wait waits until the container's init has ended, whoever's child it is, for its exit status, and until all is copied of what it has printed, if
// [Runtime.Create] has opened its streams. The container lives on if the context is done, and no thread is held. How it has ended is known while the
// init is unreaped, on Linux 6.15 and later, or if somebody has seen it; else it is [ErrStatusUnknown].
func (h *Container) Wait(ctx context.Context) (ExitStatus, error) {
	if err := cancel.Check(ctx); err != nil {
		return 0, fmt.Errorf("wait for container %s: %w", h.id, err)
	}
	c, err := h.open()
	if errors.Is(err, ErrNotExist) && h.streams != nil { // it has been deleted, and what it has printed is perhaps still being copied
		if stopped := h.streams.wait(ctx); stopped != nil && ctx.Err() != nil {
			return 0, fmt.Errorf("wait for container %s: %w", h.id, stopped)
		}
	}
	if err != nil {
		return 0, err
	}
	defer c.close()
	defer hearings.join(identityOf(c.record))()
	pidfd, err := c.pidfd()
	if errors.Is(err, unix.ESRCH) {
		if seen := c.entry.Exit(); seen != nil {
			return ExitStatus(seen.Status), h.streams.wait(ctx)
		}
		if pidfd, err = c.record.Unreaped(c.host); err != nil {
			if err := c.outOfSight(); err != nil {
				return 0, err
			}
			if told := hearings.told(identityOf(c.record)); told != nil { // just now
				return *told, h.streams.wait(ctx)
			}
			return 0, fmt.Errorf("container %s has ended before: its %w", h.id, ErrStatusUnknown)
		}
	}
	if err != nil {
		return 0, err
	}
	defer unix.Close(pidfd)
	if err := awaitEnd(ctx, pidfd); err != nil {
		return 0, fmt.Errorf("wait for container %s: %w", h.id, err)
	}
	status, err := c.ended(pidfd)
	if err == nil {
		err = h.streams.wait(ctx)
	}
	return status, err
}

// Keep is Wait by a pidfd of the container's init that was opened before: the container may have ended since. Any other descriptor is an error.
func (h *Container) Keep(ctx context.Context, pidfd int) (ExitStatus, error) {
	if err := h.unless(ctx, "wait for"); err != nil {
		return 0, err
	}
	c, err := h.open()
	if err != nil {
		return 0, err
	}
	defer c.close()
	defer hearings.join(identityOf(c.record))()
	if err := c.checkPidfd(pidfd); err != nil {
		return 0, fmt.Errorf("wait for container %s: %w", h.id, err)
	}
	if err := awaitEnd(ctx, pidfd); err != nil {
		return 0, fmt.Errorf("wait for container %s: %w", h.id, err)
	}
	return c.ended(pidfd)
}

// checkPidfd is an error if a descriptor is no pidfd of the container's init. That of one that has been reaped no longer tells whose it was.
func (c *container) checkPidfd(fd int) error {
	text, err := c.host.ReadFile(proc.PID(os.Getpid(), "fdinfo/"+strconv.Itoa(fd)), maxFDInfo)
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("descriptor %d: %w", fd, unix.EBADF)
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if pid, is := strings.CutPrefix(line, "Pid:"); is {
			if pid = strings.TrimSpace(pid); pid == strconv.Itoa(c.record.PID) || pid == "-1" {
				return nil
			}
			return fmt.Errorf("descriptor %d is a pidfd of another process", fd)
		}
	}
	return fmt.Errorf("descriptor %d is no pidfd", fd)
}

// maxFDInfo bounds what is read of a descriptor's facts.
const maxFDInfo = 4 << 10

// ended waits for the end of the container's init, and writes down what it has seen.
func (c *container) ended(pidfd int) (ExitStatus, error) {
	ws, err := c.host.WaitStatus(pidfd, c.record.PID)
	if err != nil {
		if seen := c.entry.Exit(); seen != nil { // see tend
			return ExitStatus(seen.Status), nil
		}
		if told := hearings.told(identityOf(c.record)); told != nil {
			return *told, nil
		}
		return 0, fmt.Errorf("container %s has ended: its %w", c.record.ID, err)
	}
	status := exitStatus(ws)
	c.seen(int(status))
	return status, nil
}

// seen writes down how the container has ended, for State and for who waits later. Who can't, because it is being deleted or because the
// directory isn't his, lets it be.
func (c *container) seen(status int) {
	if c.entry.Locked() || c.entry.Lock(nil) != nil {
		return
	}
	defer c.entry.Unlock()
	c.writeExit(status)
}

// writeExit writes down how the container has ended, unless somebody has. Its lock is held.
func (c *container) writeExit(status int) {
	if c.entry.Exit() == nil {
		kills, err := c.manager.OOMKills()
		_ = c.entry.WriteExit(&state.Exit{Status: status, At: time.Now(), OOMKilled: err == nil && kills > 0})
	}
}
