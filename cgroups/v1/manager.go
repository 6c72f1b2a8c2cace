// Package v1 manages a container's directories in cgroup v1 hierarchies, one
// in each, and on a hybrid host the one in the unified tree beside them.
package v1

import (
	"errors"
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	v2 "github.com/rung-oci/rung/cgroups/v2"
)

// Manager is a [cgroups.Manager] for v1 and hybrid hosts.
type Manager struct {
	loc     cgroups.Location
	trees   []tree
	unified *v2.Manager // nil on a pure v1 host
	holder  int         // may be in the cgroups before Make
}

// tree is one hierarchy; controllers that are mounted together share it.
type tree struct {
	keys       []string
	mount, dir string
}

var _ cgroups.Manager = (*Manager)(nil)

// New returns a manager for the location. The layout is needed by Make only
// and may be nil for a location read from a container's state.
func New(l *cgroups.Layout, loc cgroups.Location) *Manager {
	m := &Manager{loc: loc}
	for _, key := range slices.Sorted(maps.Keys(loc)) {
		dir, mount := loc[key], ""
		if l != nil {
			if h := l.Hierarchy(key); h != nil {
				mount = h.Mountpoint
			}
		}
		if key == "" {
			m.unified = v2.New(mount, dir)
			continue
		}
		i := slices.IndexFunc(m.trees, func(t tree) bool { return t.dir == dir })
		if i < 0 {
			i = len(m.trees)
			m.trees = append(m.trees, tree{mount: mount, dir: dir})
		}
		m.trees[i].keys = append(m.trees[i].keys, key)
	}
	return m
}

// find returns the tree of a controller, nil when it isn't on v1.
func (m *Manager) find(key string) *tree {
	for i := range m.trees {
		if slices.Contains(m.trees[i].keys, key) {
			return &m.trees[i]
		}
	}
	return nil
}

// Location returns the directories by controller.
func (m *Manager) Location() cgroups.Location { return m.loc }

// Entry opens each hierarchy's tasks file, and on a hybrid host the unified directory.
func (m *Manager) Entry() (*cgroups.Entry, error) {
	e := &cgroups.Entry{Unified: -1}
	if m.unified != nil {
		u, err := m.unified.Entry()
		if err != nil {
			return nil, err
		}
		e.Unified = u.Unified
	}
	for i := range m.trees {
		fd, err := cgfile.OpenFile(m.trees[i].dir+"/tasks", unix.O_WRONLY)
		if err != nil {
			e.Close()
			return nil, err
		}
		e.Tasks = append(e.Tasks, fd)
	}
	return e, nil
}

// Pids lists the processes of the container in the hierarchy that holds all of
// them.
func (m *Manager) Pids(recursive bool) ([]int, error) { return cgfile.PidsOf(m.main(), recursive) }

// CheckEmpty is [cgroups.CheckEmpty] of the directories that are there. Where that which is asked
// for processes isn't, none has anybody of the container's id.
func (m *Manager) CheckEmpty() error {
	return cgfile.In(m.main(), func(main cgfile.Dir) error {
		if err := cgroups.CheckEmpty(main, 0); err != nil {
			return err
		}
		for i := range m.trees {
			if err := cgfile.In(m.trees[i].dir, func(d cgfile.Dir) error { return cgroups.CheckEmpty(d, 0) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// main is the directory that is asked for the container's processes: one from
// which nobody has a reason to move them away.
func (m *Manager) main() string {
	for _, key := range [...]string{"freezer", "devices", "pids", "memory"} {
		if t := m.find(key); t != nil {
			return t.dir
		}
	}
	if len(m.trees) > 0 {
		return m.trees[0].dir
	}
	return m.loc[""]
}

// Destroy removes the directory in every hierarchy. It
// goes on after a failure, so that what can be removed is.
func (m *Manager) Destroy() error {
	deadline := time.Now().Add(cgfile.RemoveTimeout)
	var first error
	for i := range m.trees {
		if err := cgfile.Remove(m.trees[i].dir, deadline); err != nil && first == nil {
			first = err
		}
	}
	if m.unified != nil {
		if err := m.unified.DestroyBy(deadline); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// OOMKills reads memory.oom_control, or what the unified side says if it has
// the memory controller.
func (m *Manager) OOMKills() (uint64, error) {
	t := m.find("memory")
	if t == nil {
		if m.unified != nil {
			return m.unified.OOMKills()
		}
		return 0, nil
	}
	return cgfile.Count(t.dir, "memory.oom_control", "oom_kill")
}

var errNoFreezer = errors.New("the freezer controller is not mounted")
