package v1

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// killTime bounds how long Kill tries to hold the processes still.
const killTime = 2 * time.Second

// Kill sends SIGKILL to every process in any of the hierarchies. v1 has no file
// for that, so the processes are frozen first, lest one forks faster than it is
// found, and thawed after, without which they can't die. On a hybrid host
// cgroup.kill has done the work; what is left is to find those that are only in
// a v1 hierarchy, and to thaw.
func (m *Manager) Kill() error {
	seen := map[int]bool{}
	var first error
	if m.unified != nil {
		first = m.unified.Kill()
	}
	if t := m.find("freezer"); t != nil {
		if err := killFrozen(t.dir, seen, m.unified == nil); err != nil && first == nil {
			first = err
		}
	}
	for i := range m.trees {
		if err := cgfile.In(m.trees[i].dir, func(d cgfile.Dir) error { return killAll(d, seen) }); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Signal signals the processes of the hierarchy that holds all of them.
func (m *Manager) Signal(sig unix.Signal) error { return cgfile.SignalOf(m.main(), sig) }

// killFrozen kills in the freezer's directory and thaws it whatever happens
// (crun 1.29.1 fixed a path that left a container frozen for ever), with what a container
// to which the freezer is writable has made and frozen below.
func killFrozen(dir string, seen map[int]bool, hold bool) (err error) {
	d, err := cgfile.OpenDir(dir)
	if err != nil {
		return cgfile.UnlessGone(err)
	}
	defer d.Close()
	defer func() {
		e := d.Thaw(stateFile, thawed)
		if e == nil {
			e = d.WriteBelow(stateFile, thawed)
		}
		if e = cgfile.UnlessGone(e); err == nil {
			err = e
		}
	}()
	if hold {
		pids, err := cgfile.Pids(d, true)
		if err != nil || len(pids) == 0 {
			return cgfile.UnlessGone(err)
		}
		// A process that can't be frozen (one in uninterruptible sleep, or a
		// vfork parent) doesn't save the others.
		_ = freeze(d, time.Now().Add(killTime), nil)
	}
	return killAll(d, seen)
}

// killAll repeats until it finds nobody new. Only processes that fork without
// end while they can't be frozen make it stop early.
func killAll(d cgfile.Dir, seen map[int]bool) error {
	for range 100 {
		fresh, err := cgfile.Signal(d, unix.SIGKILL, seen)
		if err != nil || fresh == 0 {
			return cgfile.UnlessGone(err)
		}
	}
	return nil
}
