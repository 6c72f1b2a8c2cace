package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
)

// A container is one that exists, opened for a verb.
type container struct {
	r       *Runtime
	entry   *state.Entry
	record  *state.Record
	host    proc.FS
	shared  bool // host isn't ours to close
	manager cgroups.Manager
	stop    *cancel.Signal
	until   *cancel.Signal // ends what its removal waits for, hooks too; nil: nothing does
	bygone  bool           // it was made before the last boot: nothing is left of it but its entry
}

// open opens a container and reads its record.
func (r *Runtime) open(id string) (*container, error) { return r.openWith(nil, id, nil) }

// never is for whom nothing stops.
func never() error { return nil }

// openWith is open with a /proc that several containers share, nil for one of its
// own. With lock, no other verb can change the container until close; waiting for that ends when lock says why.
func (r *Runtime) openWith(host *proc.FS, id string, lock func() error) (*container, error) {
	children.rouse()
	e, err := r.store().Open(id)
	if err != nil {
		return nil, err
	}
	if lock != nil {
		err = e.Lock(lock)
	}
	var c *container
	if err == nil {
		c, err = r.load(host, e)
	}
	if err != nil {
		e.Close()
	}
	return c, err
}

// load reads the record of an open entry, which becomes the container's to close, unless it fails.
func (r *Runtime) load(host *proc.FS, e *state.Entry) (_ *container, err error) {
	c := &container{r: r, entry: e}
	if c.record, err = e.Record(); err != nil {
		return nil, err
	}
	if host != nil {
		c.host, c.shared = *host, true
	} else if c.host, err = proc.Open(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && !c.shared {
			c.host.Close()
		}
	}()
	if c.bygone, err = c.record.OfAnotherBoot(c.host); err != nil {
		return nil, err
	}
	if c.bygone {
		// Who has its pid, or is where its cgroups were, is somebody else.
		c.record.Cgroups, c.record.Resctrl, c.record.Systemd = map[string]string{}, nil, false
	}
	if c.manager, err = manager(c.record); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *container) close() {
	c.entry.Close()
	if c.host.FD >= 0 && !c.shared {
		c.host.Close()
	}
}

// takesProcesses tells whether something can be run beside the container's processes.
func (c *container) takesProcesses() error {
	f, err := c.facts()
	if err != nil {
		return err
	}
	switch f.Status() {
	case specs.StateStopped:
		return errInStopped
	case state.Paused:
		return errInPaused
	}
	return nil
}

// facts finds out what the status follows from; an error if that can't be known from here.
func (c *container) facts() (state.Facts, error) {
	f, err := c.entry.Facts(c.record, c.host)
	if err != nil {
		return f, err
	}
	if !f.Alive {
		return f, c.outOfSight()
	}
	f.Frozen, err = c.manager.Frozen()
	return f, err
}

// openFacts opens and locks a container that is to be changed, and says how it is.
func (h *Container) openFacts(stop func() error) (*container, state.Facts, error) {
	c, err := h.openLocked(stop)
	if err != nil {
		return nil, state.Facts{}, err
	}
	f, err := c.facts()
	if err != nil {
		c.close()
		return nil, f, err
	}
	return c, f, nil
}

// config reads the configuration as it was at create, with the resources of the
// last update.
func (c *container) config() (*spec.Bundle, error) {
	raw, err := c.entry.ReadFile(state.ConfigName)
	if err != nil {
		return nil, err
	}
	s, err := spec.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("configuration of container %s: %w", c.record.ID, err)
	}
	if err := c.updated(s); err != nil {
		return nil, err
	}
	return &spec.Bundle{Dir: c.record.Bundle, Rootfs: c.record.Rootfs, Spec: s, Raw: raw}, nil
}

// configNow is config with the mounts that were added since.
func (c *container) configNow() (*spec.Bundle, error) {
	b, err := c.config()
	if err != nil {
		return nil, err
	}
	live, err := c.entry.Live()
	if err != nil {
		return nil, err
	}
	for _, m := range live.Mounts {
		kind := m.Type
		if kind == "" {
			kind = "bind"
		}
		b.Spec.Mounts = append(b.Spec.Mounts, specs.Mount{
			Destination: m.Destination, Type: kind, Source: m.Source, Options: m.Options,
			UIDMappings: m.UIDMappings, GIDMappings: m.GIDMappings,
		})
	}
	return b, nil
}

// updated puts the resources of the last update, if there was one, into s.
func (c *container) updated(s *specs.Spec) error {
	raw, err := c.entry.ReadFile(state.ResourcesName)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.Linux == nil {
		s.Linux = new(specs.Linux)
	}
	if s.Linux.Resources, _, err = spec.DecodeResources(raw); err != nil {
		return fmt.Errorf("resources of container %s: %w", c.record.ID, err)
	}
	return nil
}

// outOfSight is an error if the init's pid is of another pid namespace than ours, and nobody has seen its end. Who finds that the init doesn't live asks it
// before he says so, or does what may be done to one that has ended.
func (c *container) outOfSight() error {
	if c.bygone || !c.record.Elsewhere(c.host) || c.entry.Exit() != nil {
		return nil
	}
	return fmt.Errorf("container %s: %w", c.record.ID, ErrOutOfSight)
}

// pidfd opens the container's init; unix.ESRCH if it has ended.
func (c *container) pidfd() (int, error) { return c.record.Pidfd(c.host) }

// explainExist says what to do about a container that is in the way of another.
func (r *Runtime) explainExist(id string) error {
	if r.abandoned(id) {
		return fmt.Errorf("%w (its create was killed: remove it by delete --force)", ErrExist)
	}
	return ErrExist
}

// identified opens the first process of a container whose record doesn't lead to it. gone
// says that it is known who that was, and that it has ended.
func identified(e *state.Entry, host proc.FS) (pidfd int, gone bool, err error) {
	who := e.Identity(host)
	if who == nil {
		return -1, false, unix.ESRCH
	}
	pidfd, err = who.Pidfd(host)
	return pidfd, errors.Is(err, unix.ESRCH), err
}
