// Package v2 manages one directory of a cgroup v2 tree: all of a container's
// cgroups on a pure v2 host, and the unified side on a hybrid one.
package v2

import (
	"errors"
	"fmt"
	"strconv"
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
	made       []string       // by Make
	holder     int            // may be in the cgroup before Make
}

var _ cgroups.Manager = (*Manager)(nil)

// New returns a manager for dir, which is below the mountpoint. Without a
// mountpoint (a location read from a container's state) all but Create works.
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

// Pids lists the processes of the cgroup; see [cgroups.Manager].
func (m *Manager) Pids(recursive bool) ([]int, error) {
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return nil, cgfile.UnlessGone(err)
	}
	defer d.Close()
	return cgfile.Pids(d, recursive)
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

// Signal signals every process that the cgroup and those below it list; see
// [cgroups.Manager].
func (m *Manager) Signal(sig unix.Signal) error {
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return cgfile.UnlessGone(err)
	}
	defer d.Close()
	_, err = cgfile.Signal(d, sig, map[int]bool{})
	return cgfile.UnlessGone(err)
}

// Destroy removes the directory and all below it; see [cgroups.Manager].
func (m *Manager) Destroy() error {
	return m.DestroyBy(time.Now().Add(cgfile.RemoveTimeout))
}

// DestroyBy is Destroy with a bound that other hierarchies share.
func (m *Manager) DestroyBy(deadline time.Time) error {
	return cgfile.Remove(m.dir, deadline)
}

// OOMKills reads memory.events; without the memory controller it is 0.
func (m *Manager) OOMKills() (uint64, error) {
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return 0, cgfile.UnlessGone(err)
	}
	defer d.Close()
	text, err := d.Read("memory.events")
	if err != nil {
		return 0, cgfile.UnlessGone(err)
	}
	value, _ := cgfile.Stat(text, "oom_kill")
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s/memory.events: %w", m.dir, err)
	}
	return n, nil
}
