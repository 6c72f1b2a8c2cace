package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
)

// A Container is a handle: the id of a container in the directory of a Runtime. It needn't be closed; its methods may be called from any goroutine at any time.
// One of [Runtime.Create] or [Runtime.Load] stands for that very container, and says [ErrNotExist] if another one has got its id since; one of
// [Runtime.Container] for whoever has the id.
type Container struct {
	r  *Runtime
	id string
	of identity // none: whoever has the id

	streams  *streams  // that Create has opened, or nil
	terminal *Terminal // that Create has kept, or nil
}

// An identity tells a container from others that have its id before or after it.
type identity struct {
	pid           int
	start, serial uint64
	boot          string
}

func identityOf(r *state.Record) identity { return identity{r.PID, r.Start, r.Serial, r.BootID} }

// Container is a handle of the container with an id, if there is one.
func (r *Runtime) Container(id string) *Container { return &Container{r: r, id: id} }

// Load is a handle of the container that has an id now, or [ErrNotExist].
func (r *Runtime) Load(ctx context.Context, id string) (*Container, error) {
	if err := cancel.Check(ctx); err != nil {
		return nil, fmt.Errorf("load container %s: %w", id, err)
	}
	c, err := r.open(id)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return &Container{r: r, id: id, of: identityOf(c.record)}, nil
}

// ID is the container's id.
func (h *Container) ID() string { return h.id }

// Terminal is the terminal that [Runtime.Create] has kept, or nil: its process has none, or a console socket has got it.
func (h *Container) Terminal() *Terminal { return h.terminal }

// unless is the context's error, if that is done: op is what isn't begun.
func (h *Container) unless(ctx context.Context, op string) error {
	if err := cancel.Check(ctx); err != nil {
		return fmt.Errorf("%s container %s: %w", op, h.id, err)
	}
	return nil
}

// open opens the container that the handle stands for.
func (h *Container) open() (*container, error) { return h.openWith(nil) }

// openLocked is open that lets no other verb change the container until it is closed. Waiting for others ends when stop says why.
func (h *Container) openLocked(stop func() error) (*container, error) { return h.openWith(stop) }

func (h *Container) openWith(lock func() error) (*container, error) {
	c, err := h.r.openWith(nil, h.id, lock)
	if err != nil {
		return nil, err
	}
	if !h.is(c.record) {
		c.close()
		return nil, ErrNotExist
	}
	return c, nil
}

// is tells whether a record is that of the container.
func (h *Container) is(r *state.Record) bool { return h.of == identity{} || h.of == identityOf(r) }

// holds tells whether an entry is that of the container that the handle stands for. That one has had a record: an entry without is of who is being made,
// or was not to the end, or of nobody any more.
func (h *Container) holds(e *state.Entry) (bool, error) {
	if h.of == (identity{}) {
		return true, nil
	}
	record, err := e.Record()
	switch {
	case err == nil:
		return h.is(record), nil
	case errors.Is(err, ErrNotExist):
		return false, nil
	case !errors.Is(err, state.ErrDamaged):
		return false, err
	}
	host, herr := proc.Open()
	if herr != nil {
		return false, herr
	}
	defer host.Close()
	who := e.Identity(host)
	if who == nil {
		return false, err
	}
	return h.is(who), nil
}

// openEntry opens the entry of the container that the handle stands for.
func (h *Container) openEntry() (*state.Entry, error) {
	e, err := h.r.store().Open(h.id)
	if err != nil {
		return nil, err
	}
	holds, err := h.holds(e)
	if err == nil && !holds {
		err = ErrNotExist
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// gone tells whether there is nothing of the container any more.
func (h *Container) gone() bool {
	e, err := h.openEntry()
	if err == nil {
		e.Close()
	}
	return errors.Is(err, ErrNotExist)
}

// replaced tells whether another container has got the id, and is complete.
func (h *Container) replaced() bool {
	if h.of == (identity{}) {
		return false
	}
	e, err := h.r.store().Open(h.id)
	if err != nil {
		return false
	}
	defer e.Close()
	record, err := e.Record()
	return err == nil && !h.is(record)
}

// openToJoin opens a container that is created or runs.
func (h *Container) openToJoin() (*container, error) {
	c, err := h.open()
	if err != nil {
		return nil, err
	}
	if err := c.takesProcesses(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// openLiving opens a container whose init lives, and whose cgroups can be seen.
func (h *Container) openLiving() (*container, error) {
	c, err := h.open()
	if err != nil {
		return nil, err
	}
	alive, err := c.record.Alive(c.host)
	if err == nil && !alive {
		err = cmp.Or[error](c.outOfSight(), &stateError{fmt.Sprintf("container with id %s is not running", h.id), ErrNotRunning})
	}
	if err == nil {
		err = c.seesCgroups()
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// kill ends the process behind a pidfd.
func kill(pidfd int) { _ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0) }
