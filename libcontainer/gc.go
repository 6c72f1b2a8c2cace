package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/leftover"
	"github.com/rung-oci/rung/internal/nap"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
)

// GCOptions say what GC takes for garbage, and whether it removes it.
type GCOptions struct {
	Stopped bool          // also what has ended
	Older   time.Duration // only what was made so long ago
	Apply   bool          // remove it
}

// A Leftover is what GC has found of a container.
type Leftover struct {
	ID     string
	Reason LeftoverReason
	Keep   string  // why it is left alone for all that; "": it is to be removed
	Things []Thing // what there is of it, the state directory last
	Err    error   // why it couldn't be looked at, or removed
}

// A Thing is something on the host that belongs to a container.
type Thing struct{ Kind, Name string }

// The kinds of things.
const (
	ThingCgroup  = "cgroup"          // a directory
	ThingUnit    = "unit"            // of systemd, and its cgroups
	ThingMount   = "mount"           // a root filesystem, with all that is mounted on it, in a mount namespace that isn't the container's
	ThingResctrl = "resctrl-group"   // a directory
	ThingHooks   = "poststop-hooks"  // of the configuration: they are run
	ThingState   = "state-directory" // of the container
)

// GC finds what creates and deletes that died have left in the state directory, and by what that names on the host. With Apply it removes it, under each
// container's lock. It kills nothing, and leaves alone what has a live process or is being changed.
func (r *Runtime) GC(ctx context.Context, o *GCOptions) ([]Leftover, error) {
	stop, err := cancel.Of(ctx)
	if err != nil {
		return nil, fmt.Errorf("collect garbage: %w", err)
	}
	defer stop.Close()
	o = given(o)
	r.closeOnExec()
	ids, err := r.store().IDs()
	if errors.Is(err, os.ErrNotExist) || err == nil && len(ids) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	host, err := proc.Open()
	if err != nil {
		return nil, err
	}
	defer host.Close()
	var found []Leftover
	for _, id := range ids {
		if stop.Err() != nil {
			break
		}
		l, err := r.collect(&host, id, o, stop)
		if errors.Is(err, ErrNotExist) {
			continue // it was deleted meanwhile
		}
		if l.ID, l.Err = id, err; l.Reason != leftover.None || err != nil {
			found = append(found, l)
		}
	}
	if err := stop.Err(); err != nil {
		return found, fmt.Errorf("collect garbage: %w", err)
	}
	return found, nil
}

// collect looks at one container, and removes what there is of it if it is garbage and wanted.
func (r *Runtime) collect(host *proc.FS, id string, o *GCOptions, stop *cancel.Signal) (l Leftover, err error) {
	e, err := r.store().Open(id)
	if err != nil {
		return l, err
	}
	defer e.Close()
	if err := awaitClaim(e); err != nil {
		return l, err
	}
	s, err := r.survey(host, e, e.Locked())
	if err != nil {
		return l, err
	}
	if l.judge(s, o); l.Reason == leftover.None {
		return l, e.Gone()
	}
	if l.Things = s.things(); !o.Apply || l.Keep != "" {
		return l, e.Gone()
	}
	// All this again, now that nobody can change it.
	locked := false
	if err := e.TryLock(); errors.Is(err, state.ErrBusy) {
		locked = true
	} else if err != nil {
		return l, err
	}
	if s, err = r.survey(host, e, locked); err != nil {
		return l, err
	}
	l.judge(s, o)
	l.Things = s.things()
	if l.Reason == leftover.None || l.Keep != "" {
		return l, nil
	}
	return l, s.remove(stop)
}

// judge says what is to become of what was found.
func (l *Leftover) judge(s *survey, o *GCOptions) {
	v := leftover.Judge(&s.facts, &leftover.Options{Stopped: o.Stopped, Older: o.Older})
	l.Reason, l.Keep = v.Reason, v.Keep
}

// awaitClaim waits until an entry without an intent isn't that of a create that has just made it, and comes to lock it.
func awaitClaim(e *state.Entry) error {
	const moment = time.Second
	if i, err := e.Intent(); i != nil || err != nil {
		return nil //nolint:nilerr // the survey says what is wrong with it
	}
	made, err := e.Changed()
	if age := time.Since(made); err == nil && age < moment {
		nap.Sleep(min(moment-age, moment))
	}
	return err
}
