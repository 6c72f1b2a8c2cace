package libcontainer

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/internal/timeline"
)

// Delete removes a stopped container, or one that was only created; any other is [ErrRunning]. With force it removes any: a running one is killed, one
// whose state can't be read is removed with the help of its intent, and one that doesn't exist is no error. Poststop hooks are waited for,
// but with force not those that another Delete runs. What it has left to do when the context is done, another Delete does; for a context that is done already there is [context.WithoutCancel].
// Where its cgroups aren't mounted as when it was created it is an error, and with force a warning that names those that are left.
// In another pid namespace than it was created in it is [ErrOutOfSight], and with force only what is in its cgroup is killed: without one, or where that may
// be others' too, it stays.
func (h *Container) Delete(ctx context.Context, force bool) error {
	stop, err := cancel.Of(ctx)
	if err != nil {
		return fmt.Errorf("delete container %s: %w", h.id, err)
	}
	defer stop.Close()
	return givenUp(h.delete(force, stop), stop.Err(), "what is left of container "+h.id+" is for another delete")
}

func (h *Container) delete(force bool, stop *cancel.Signal) error {
	if h.replaced() { // its verbs aren't ours to wait for
		if force {
			return nil
		}
		return ErrNotExist
	}
	h.r.closeOnExec()
	timeline.Runtime.Phase("open container")
	if force {
		h.interrupt()
		if done, err := h.overtake(); done {
			return err
		}
	}
	c, err := h.openLocked(stop.Err)
	switch {
	case err == nil:
		defer c.close()
		c.until = stop
		return c.delete(force)
	case force && errors.Is(err, state.ErrBusy):
		if done, rerr := h.overtake(); done {
			return rerr
		}
		if h.gone() {
			return nil
		}
		return err
	case !force || stop.Err() != nil || errors.Is(err, ErrInvalidID) || errors.Is(err, state.ErrBusy):
		return err
	}
	done, err := h.deleteByIntent(errors.Is(err, ErrNotExist), stop)
	if err == nil && !done {
		return h.delete(true, stop)
	}
	return err
}

// interrupt kills the first process of a container that another verb has, such as a start
// that waits for it or for its hooks: it is to die in any case, and the verb then gives up.
func (h *Container) interrupt() {
	e, err := h.openEntry()
	if err != nil {
		return
	}
	defer e.Close()
	if !e.Locked() {
		return
	}
	host, err := proc.Open()
	if err != nil {
		return
	}
	defer host.Close()
	record, err := e.Record()
	if err != nil {
		h.r.interruptCreate(e, host)
		return
	}
	if pidfd, err := record.Pidfd(host); err == nil {
		e.Doom()
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		unix.Close(pidfd)
	}
}

// interruptCreate does so with a container that is being created, whose first process is in the cgroups of its intent. One without
// cgroups is waited for.
func (r *Runtime) interruptCreate(e *state.Entry, host proc.FS) {
	i, err := e.Intent()
	if err != nil || i == nil || len(i.Cgroups) == 0 {
		return
	}
	if bygone, err := e.OfAnotherBoot(i, host); err != nil || bygone {
		return
	}
	m, err := load(i.Cgroups, i.Systemd)
	if err != nil {
		return
	}
	if ours, err := r.owns(m, i.Cgroups, e.ID, false); err == nil && ours {
		e.Doom()
		_ = m.Kill()
	}
}

func (c *container) delete(force bool) error {
	f, err := c.facts()
	if err != nil && !force {
		return err
	}
	if st := f.Status(); err == nil && !force && st != specs.StateStopped && st != specs.StateCreated {
		return &stateError{fmt.Sprintf("cannot delete container %s that is not stopped: %s", c.record.ID, st), ErrRunning}
	}
	if err := c.r.leavesCgroups(c.record.ID, c.record.Cgroups, c.record.Systemd, force); err != nil {
		return err
	}
	return c.remove(c.destroy)
}

// overtake removes the entry of a container whose poststop hooks another delete runs: they
// may take their time, and nothing but them is left of the container. The other goes on.
func (h *Container) overtake() (done bool, err error) {
	e, err := h.openEntry()
	if err != nil {
		return false, nil // who opens it next says so
	}
	defer e.Close()
	if !e.InPoststop() || !e.Locked() {
		return false, nil
	}
	return true, e.Remove()
}

// deleteByIntent removes what a create that was killed has left, or a container
// whose record is damaged. All that it needs was written before there was
// anything to remove. Where the id was absent a moment ago, a container that
// has been made since is none of those: done is false.
func (h *Container) deleteByIntent(absent bool, stop *cancel.Signal) (done bool, err error) {
	e, err := h.openEntry()
	if errors.Is(err, ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer e.Close()
	if err := e.Lock(stop.Err); err != nil {
		if errors.Is(err, ErrNotExist) {
			return true, nil
		}
		return false, err
	}
	// In this order: see state.Entry.Remove. Somebody may be overtaking a delete whose entry this is.
	onlyEntry := e.InPoststop()
	if _, err := e.Record(); err == nil && absent {
		return false, nil
	}
	if !onlyEntry {
		if err := h.r.destroyLeft(e, stop); err != nil {
			return false, err
		}
	}
	return true, e.Remove()
}
