package libcontainer

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/leftover"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/nsenter"
)

// A survey is what was found out about an entry of the state directory, and what removing it takes.
type survey struct {
	r       *Runtime
	entry   *state.Entry
	host    proc.FS
	facts   leftover.Facts
	c       *container   // nil: there is no record that can be read
	left    state.Intent // what there is besides the entry, or may be
	manager cgroups.Manager
	dirs    []string // cgroups that are there
	sharer  string   // another container that has one of them
	hooks   int      // poststop hooks that haven't run
}

// survey looks at an entry and changes nothing. The entry stays the caller's.
func (r *Runtime) survey(host *proc.FS, e *state.Entry, locked bool) (*survey, error) {
	s := &survey{r: r, entry: e, host: *host, facts: leftover.Facts{Locked: locked}}
	c, err := r.load(host, e)
	switch {
	case err == nil:
		s.c, s.facts.Record = c, leftover.Readable
		err = s.byRecord()
	case errors.Is(err, ErrNotExist), errors.Is(err, state.ErrDamaged):
		if errors.Is(err, state.ErrDamaged) {
			s.facts.Record = leftover.Broken
		}
		err = s.byIntent()
	}
	if err == nil && !s.facts.Foreign && !s.facts.Alive && !s.facts.Bygone {
		err = s.lookForProcesses()
	}
	if errors.Is(err, unix.ENOENT) && e.Gone() != nil { // while we looked
		err = ErrNotExist
	}
	return s, err
}

func (s *survey) byRecord() (err error) {
	f, record := &s.facts, s.c.record
	if record.BootID == "" { // another runtime's, whose file has the same keys
		f.Foreign = true
		return nil
	}
	f.Bygone, f.Age, f.Deleted = s.c.bygone, time.Since(record.Created), s.entry.InPoststop()
	f.Beside = s.entry.Beside() != ""
	s.left = state.Intent{BootID: record.BootID, Cgroups: record.Cgroups, Systemd: record.Systemd, Resctrl: record.Resctrl, Root: record.Root}
	s.manager = s.c.manager
	if s.hooks = s.c.hooksLeft(); f.Bygone {
		return nil
	}
	f.Distant = record.Elsewhere(s.host) && s.entry.Exit() == nil // where its pid is another process's, or nobody's
	progress, err := s.entry.Progress()
	f.SetUp = err != nil || progress.Phase >= nsenter.PhaseWaiting
	if f.Alive, err = record.Alive(s.host); err == nil && !f.Alive {
		f.Alive, _, err = s.lives() // the record may be damaged in a number
	}
	return err
}

func (s *survey) byIntent() error {
	f := &s.facts
	made, err := s.entry.Changed()
	if err != nil {
		return err
	}
	f.Age = time.Since(made)
	i, err := s.entry.Intent()
	switch {
	case err == nil && i != nil:
		s.left, f.Intent = *i, leftover.Readable
	case errors.Is(err, state.ErrDamaged):
		f.Intent, i = leftover.Broken, nil
	case err != nil:
		return err
	default:
		if begun, err := s.entry.Begun(); err != nil || !begun {
			f.Foreign = true
			return err
		}
	}
	if f.Bygone, err = s.entry.OfAnotherBoot(i, s.host); err != nil {
		return err
	}
	s.manager = cgroups.NoCgroup{}
	if f.Bygone {
		s.left = state.Intent{}
		return nil
	}
	if len(s.left.Cgroups) > 0 {
		if s.manager, err = load(s.left.Cgroups, s.left.Systemd); err != nil {
			return err
		}
	}
	known := false
	who := s.entry.Identity(s.host)
	f.Distant = who != nil && who.Elsewhere(s.host) && s.entry.Exit() == nil
	f.Alive, known, err = s.lives()
	f.Blind = f.Record == leftover.Broken && !known && len(s.left.Cgroups) == 0
	return err
}

// lives tells whether the first process lives that the progress record names, if it names one.
func (s *survey) lives() (alive, known bool, err error) {
	pidfd, gone, err := identified(s.entry, s.host)
	if errors.Is(err, unix.ESRCH) {
		return false, gone, nil
	}
	if err == nil {
		unix.Close(pidfd)
	}
	return err == nil, true, err
}

// lookForProcesses finds the cgroups that are there, who else has them, and what lives in them.
func (s *survey) lookForProcesses() (err error) {
	for _, dir := range s.left.Cgroups {
		if unix.Access(dir, unix.F_OK) == nil && !slices.Contains(s.dirs, dir) {
			s.dirs = append(s.dirs, dir)
		}
	}
	unseen, err := hidden(s.left.Cgroups)
	if err != nil {
		return err
	}
	s.facts.Hidden = len(unseen) > 0
	if slices.Sort(s.dirs); len(s.dirs) == 0 {
		return nil
	}
	if s.sharer, err = s.r.sharer(s.left.Cgroups, s.entry.ID); err != nil || s.sharer != "" {
		return err
	}
	pids, err := s.manager.Pids(true)
	s.facts.Others = len(slices.DeleteFunc(pids, cgfile.Dying))
	return err
}

// things are what there is to be removed, in this order.
func (s *survey) things() (list []Thing) {
	add := func(kind, name string) { list = append(list, Thing{kind, name}) }
	if s.sharer == "" && len(s.dirs) > 0 {
		if s.left.Systemd {
			add(ThingUnit, path.Base(s.dirs[0]))
		} else {
			for _, dir := range s.dirs {
				add(ThingCgroup, dir)
			}
		}
	}
	if s.left.Root != nil && hasRoot(s.left.Root, s.left.BootID, s.host) {
		add(ThingMount, s.left.Root.Path)
	}
	for _, dir := range s.left.Resctrl.Made() {
		add(ThingResctrl, dir)
	}
	if s.hooks > 0 {
		add(ThingHooks, fmt.Sprint(s.hooks))
	}
	add(ThingState, s.entry.Dir)
	return list
}

// remove removes them. The entry has to be locked, and nothing of the container alive.
func (s *survey) remove(stop *cancel.Signal) error {
	ours := s.sharer == "" && len(s.dirs) > 0 // a unit without a cgroup may be whoever's that has the name now
	if s.c != nil {
		s.c.until = stop
		return s.c.remove(func() error { return s.c.clear(ours) })
	}
	if ours {
		if err := s.manager.Destroy(); err != nil {
			return explainBusy(s.manager, err)
		}
	}
	s.r.unmountRoot(s.left.Root, s.left.BootID, s.host)
	if err := s.left.Resctrl.Remove(); err != nil {
		return err
	}
	return s.entry.Remove()
}
