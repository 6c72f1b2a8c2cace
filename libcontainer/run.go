package libcontainer

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/spawn"
	"github.com/rung-oci/rung/internal/timeline"
)

// Run creates a container, starts it and, unless it is to be detached, waits for its end, for the exit status, and deletes it, unless it is to be kept,
// whatever has failed. A context that is done kills it, and poststop hooks are still waited for. A thread is held.
//
// Streams are copied meanwhile, also those of a terminal; if Stdin is a terminal itself, it is in raw mode for that while, and gives the other one its
// size; several at once may have it. After the end nothing is read of a Stdin that poll(2) knows. A reader or writer that fails is an error, with the status.
func (r *Runtime) Run(ctx context.Context, o *RunOptions) (ExitStatus, error) {
	o = given(o)
	stop, err := cancel.Of(ctx)
	if err != nil {
		return 1, fmt.Errorf("run container %s: %w", o.ID, err)
	}
	defer stop.Close()
	c, err := r.begin(&o.CreateOptions, nil, stop)
	if err != nil {
		return 1, typed(err)
	}
	status, err := r.run(ctx, c, o)
	return status, givenUp(err, stop.Err(), "nothing is left of container "+o.ID)
}

// run runs what has begun.
func (r *Runtime) run(ctx context.Context, c *creation, o *RunOptions) (status ExitStatus, err error) {
	defer c.close()
	if err := checkTerminal(c.terminal(), o.Detach, o.ConsoleSocket); err != nil {
		return 1, err
	}
	if o.Detach {
		pidfd, err := c.createAndStart()
		if err != nil {
			return 0, err
		}
		defer unix.Close(pidfd)
		c.streams.start()
		c.tend()
		if o.Keeper != nil {
			err = o.Keeper(pidfd)
		}
		return 0, err
	}
	f, err := c.foreground(&o.CreateOptions, o.NoSubreaper)
	if err != nil {
		return 1, err
	}
	defer f.close()
	pidfd, err := c.createAndStart()
	if err != nil {
		return 1, err
	}
	defer unix.Close(pidfd)
	if !o.Keep {
		c.undo.push(func() { _ = c.remove() }) // if something panics
	}
	timeline.Runtime.Phase("wait for the container's end")
	fault.Point("run:started")
	status, err = c.attend(ctx, f, pidfd, o.Keep)
	c.undo.keep()
	return status, err
}

// foreground is what a container in the foreground has of ours, from before it is made on.
func (c *creation) foreground(o *CreateOptions, noSubreaper bool) (*foreground, error) {
	f, err := newForeground(c.r.Effects, c.terminal(), c.stop)
	if err != nil {
		return nil, err
	}
	if f.adopts = c.r.Effects.Subreaper && !noSubreaper; f.adopts {
		// Processes that outlive their parents in a container without a pid
		// namespace come to us instead of to the host's init.
		unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	if c.terminal() {
		c.take = func(master int) error { return f.take(master, o.Stdin, o.Stdout) }
	}
	return f, nil
}

// attend waits in the foreground for the container's end, and for what its streams have still to say. Then it deletes the container, whatever has failed,
// unless it is to be kept.
func (c *creation) attend(ctx context.Context, f *foreground, pidfd int, keep bool) (status ExitStatus, err error) {
	c.entry.Unlock() // while it runs it is anybody's to change, or to delete
	streams := c.streams
	c.streams = nil
	streams.start()
	if status, err = f.wait(c.record.PID, pidfd); err == nil {
		if keep {
			c.container().seen(int(status))
		}
		err = f.drain()
	}
	if err == nil {
		err = streams.wait(ctx)
	}
	timeline.Runtime.Phase("delete")
	if !keep || c.stop.Err() != nil {
		err = leaves(err, c.remove())
	}
	if err != nil {
		streams.stop()
	}
	return status, err
}

// remove deletes the container, if nobody else has meanwhile.
func (c *creation) remove() error {
	err := c.entry.Lock(nil)
	if err == nil {
		err = c.container().delete(true)
	}
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}

// container is the created container, for the verbs that come after.
func (c *creation) container() *container {
	return &container{stop: c.stop, r: c.r, entry: c.entry, record: c.record, host: *c.host, manager: c.manager}
}

// createAndStart returns a pidfd of the container's init. It leaves nothing
// behind if either fails.
func (c *creation) createAndStart() (pidfd int, err error) {
	c.run = true
	if err := c.create(); err != nil {
		return -1, err
	}
	c.undo.push(func() { _ = c.remove() }) // if something panics
	pidfd, err = c.startNow()
	c.undo.keep()
	return pidfd, err
}

// startNow is createAndStart once the container is created.
func (c *creation) startNow() (pidfd int, err error) {
	ct := c.container()
	if pidfd, err = unix.PidfdOpen(c.record.PID, 0); err == nil {
		timeline.Runtime.Phase("wait for execve")
		if c.atOnce() {
			err = ct.await(c.status.FD(), pidfd)
		} else {
			err = ct.start(pidfd)
		}
	}
	if err != nil {
		err = c.overtaken(err)
		removal := c.remove()
		err = leaves(err, removal)
		if removal != nil && pidfd >= 0 && !wait(pidfd, 0) {
			children.watch(newChild(c.record.PID, pidfd)) // it can't end yet
			return -1, err
		}
		child := spawn.Child{PID: c.record.PID}
		child.Wait()
		if pidfd >= 0 {
			unix.Close(pidfd)
		}
		return -1, err
	}
	return pidfd, nil
}
