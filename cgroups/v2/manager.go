// Package v2 manages one directory of a cgroup v2 tree: all of a container's
// cgroups on a pure v2 host, and the unified side on a hybrid one.
package v2

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/cgroups/device"
)

// Manager is a [cgroups.Manager] for one v2 directory.
type Manager struct {
	mount, dir string
	devices    device.Program // left to Protect
	holder     int            // may be in the cgroup before Make
}

var _ cgroups.Manager = (*Manager)(nil)

// New returns a manager for dir, which is below the mountpoint. Without a
// mountpoint (a location read from a container's state) all but Make works.
func New(mountpoint, dir string) *Manager {
	return &Manager{mount: mountpoint, dir: dir}
}

// Location returns the directory under the key "".
func (m *Manager) Location() cgroups.Location { return cgroups.Location{"": m.dir} }

// Entry opens the directory for CLONE_INTO_CGROUP.
func (m *Manager) Entry() (*cgroups.Entry, error) {
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return nil, err
	}
	return &cgroups.Entry{Unified: d.FD()}, nil
}

// Pids lists the processes of the cgroup.
func (m *Manager) Pids(recursive bool) ([]int, error) { return cgfile.PidsOf(m.dir, recursive) }

// CheckEmpty is [cgroups.CheckEmpty] of the directory, if it is there.
func (m *Manager) CheckEmpty() error {
	return cgfile.In(m.dir, func(d cgfile.Dir) error { return cgroups.CheckEmpty(d, 0) })
}

// Kill writes cgroup.kill (Linux 5.14), which reaches every process below at
// once, those being forked and those that are frozen too.
func (m *Manager) Kill() error {
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return cgfile.UnlessGone(err)
	}
	defer d.Close()
	err = d.Write("cgroup.kill", "1")
	if errors.Is(err, unix.EOPNOTSUPP) {
		// A threaded cgroup: its processes belong to a cgroup above.
		_, err = cgfile.Signal(d, unix.SIGKILL, map[int]bool{})
	}
	// A frozen process dies of SIGKILL, but a container that is created here
	// again must not find the cgroup frozen.
	if frozen, _ := d.Read("cgroup.freeze"); frozen == "1\n" && err == nil {
		err = d.Write("cgroup.freeze", "0")
	}
	return cgfile.UnlessGone(err)
}

// Signal signals every process that the cgroup and those below it list.
func (m *Manager) Signal(sig unix.Signal) error { return cgfile.SignalOf(m.dir, sig) }

// Destroy removes the directory and all below it.
func (m *Manager) Destroy() error {
	return m.DestroyBy(time.Now().Add(cgfile.RemoveTimeout))
}

// DestroyBy is Destroy with a bound that other hierarchies share.
func (m *Manager) DestroyBy(deadline time.Time) error {
	return cgfile.Remove(m.dir, deadline)
}

// OOMKills reads memory.events; without the memory controller it is 0.
func (m *Manager) OOMKills() (uint64, error) {
	return cgfile.Count(m.dir, "memory.events", "oom_kill")
}
