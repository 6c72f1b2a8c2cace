package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/nap"
	"github.com/rung-oci/rung/internal/proc"
)

// State tells what is known of the container.
func (h *Container) State() (*State, error) {
	if h.of == (identity{}) {
		return h.r.state(nil, h.id)
	}
	c, err := h.open()
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.state()
}

func (r *Runtime) state(host *proc.FS, id string) (*State, error) {
	c, err := r.openWith(host, id, nil)
	if errors.Is(err, ErrNotExist) {
		if r.abandoned(id) {
			r.warn("container %s: its create was killed, or failed to clean up: \"rung delete --force\" removes what is left", id)
			return &State{OCIVersion: specs.Version, ID: id, Status: specs.StateStopped, UID: uint32(os.Geteuid())}, nil
		}
		c, err = r.openWith(host, id, nil) // it may have been completed since
	}
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.state()
}

func (c *container) state() (*State, error) {
	f, err := c.facts()
	if errors.Is(err, unix.ENOENT) && c.vanishes() {
		return nil, ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	s := &State{
		OCIVersion: specs.Version, ID: c.record.ID, PID: c.record.PID, Status: f.Status(), Bundle: c.record.Bundle,
		Rootfs: c.record.Rootfs, Created: c.record.Created, Annotations: c.record.Annotations, UID: c.record.UID,
	}
	if !f.Alive {
		s.PID, s.Exit = 0, c.entry.Exit()
	}
	return s, nil
}

// vanishes tells whether the container's files are being removed, or have been.
func (c *container) vanishes() bool {
	if c.entry.Locked() {
		return true
	}
	_, err := c.entry.Record()
	return errors.Is(err, ErrNotExist)
}

// abandoned tells whether a container is there without a record that nobody is at work on. A directory that somebody else has put
// beside those of containers is none, as for GC.
// It looks twice: who has just made the directory hasn't locked it yet.
func (r *Runtime) abandoned(id string) bool {
	const moment = 10 * time.Millisecond
	if !r.unfinished(id) {
		return false
	}
	nap.Sleep(moment)
	return r.unfinished(id)
}

func (r *Runtime) unfinished(id string) bool {
	e, err := r.store().Open(id)
	if err != nil {
		return false
	}
	defer e.Close()
	if e.Locked() {
		return false
	}
	if _, err = e.Record(); !errors.Is(err, ErrNotExist) {
		return false
	}
	if intent, err := e.Intent(); intent != nil || err != nil {
		return true
	}
	begun, err := e.Begun()
	return begun || err != nil
}

// List tells the state of all containers. Those that can't be read are left out, each with a problem.
func (r *Runtime) List(ctx context.Context) (states []*State, problems []error, err error) {
	if err := cancel.Check(ctx); err != nil {
		return nil, nil, fmt.Errorf("list containers: %w", err)
	}
	ids, err := r.store().IDs()
	if err != nil || len(ids) == 0 {
		return nil, nil, err
	}
	host, err := proc.Open()
	if err != nil {
		return nil, nil, err
	}
	defer host.Close()
	r.putOffGC(len(ids) * recordSize)
	found, errs := make([]*State, len(ids)), make([]error, len(ids))
	r.alongside(len(ids), func(i int) { found[i], errs[i] = r.state(&host, ids[i]) })
	for i, id := range ids {
		switch {
		case errs[i] == nil:
			states = append(states, found[i])
		case !errors.Is(errs[i], ErrNotExist):
			problems = append(problems, fmt.Errorf("load container %s: %w", id, errs[i]))
		}
	}
	return states, problems, nil
}

// recordSize is about what the record of a container and its state take.
const recordSize = 4 << 10

// alongside calls f for 0 to n-1, on all processors if they are so many that it
// pays to wake them.
func (r *Runtime) alongside(n int, f func(i int)) {
	const worthwhile = 16
	var next atomic.Int32
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(i)
		}
	}
	var others sync.WaitGroup
	processors := runtime.GOMAXPROCS(0)
	if helpers := min(processors-1, n/worthwhile); helpers > 0 {
		// With a processor of Go's idle, its monitor leaves those alone that are in a
		// system call for 20 µs. Else it hands them on, to nobody, and each call ends
		// with a search for another one.
		if r.Effects.SpareProcessor {
			spare(1)
			if !r.Effects.Lasting {
				defer spare(-1)
			}
		}
		for range helpers {
			others.Go(work)
		}
	}
	work()
	others.Wait()
}
