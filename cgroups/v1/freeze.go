package v1

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/internal/nap"
)

const (
	stateFile = "freezer.state"
	ownFile   = "freezer.self_freezing"
	frozen    = "FROZEN"
	thawed    = "THAWED"
)

// Frozen reads the cgroup's own setting; freezer.state would also tell of a frozen parent.
func (m *Manager) Frozen() (bool, error) {
	t := m.find("freezer")
	if t == nil {
		if m.unified != nil {
			return m.unified.Frozen()
		}
		return false, nil
	}
	text, err := cgfile.Text(t.dir + "/" + ownFile)
	return text == "1\n", cgfile.UnlessGone(err)
}

// FrozenBy looks at the effective state, and then for the cgroup that was
// frozen.
func (m *Manager) FrozenBy() (string, error) {
	if t := m.find("freezer"); t != nil {
		by, err := frozenBy(t.dir)
		if by != "" || err != nil {
			return by, err
		}
	}
	if m.unified != nil {
		return m.unified.FrozenBy()
	}
	return "", nil
}

func frozenBy(dir string) (string, error) {
	d, err := cgfile.OpenDir(dir)
	if err != nil {
		return "", cgfile.UnlessGone(err)
	}
	defer d.Close()
	text, err := d.Read(stateFile)
	if err != nil || strings.TrimSpace(text) == thawed {
		return "", cgfile.UnlessGone(err)
	}
	return cgfile.Nearest(dir, ownFile, "1\n"), nil
}

// Freeze writes FROZEN until the kernel says so.
func (m *Manager) Freeze(timeout time.Duration, stop func() error) error {
	t := m.find("freezer")
	if t == nil {
		if m.unified != nil {
			return m.unified.Freeze(timeout, stop)
		}
		return fmt.Errorf("freeze cgroup: %w", errNoFreezer)
	}
	d, err := cgfile.OpenDir(t.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err = freeze(d, time.Now().Add(timeout), stop); err != nil {
		// Half frozen is worse than running.
		_ = d.Thaw(stateFile, thawed)
	}
	return err
}

// freeze may leave the cgroup freezing when it fails. A process that is forked
// or moved in at the wrong moment can hold the state at FREEZING for ever
// (runc#2774): each write looks at all processes again, and now and then all
// are let go for a moment, which frees one that waits for a frozen other.
func freeze(d cgfile.Dir, deadline time.Time, stop func() error) error {
	for try := 1; ; try++ {
		if err := d.Write(stateFile, frozen); err != nil {
			return err
		}
		// The first looks come fast: a few processes take some 50 µs.
		for wait := 20 * time.Microsecond; wait < 5*time.Millisecond; wait *= 2 {
			text, err := d.Read(stateFile)
			if err != nil {
				return err
			}
			if strings.TrimSpace(text) == frozen {
				return nil
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("freeze cgroup %s: %w", d.Path(), unix.ETIMEDOUT)
			}
			if stop != nil {
				if err := stop(); err != nil {
					return fmt.Errorf("freeze cgroup %s: %w", d.Path(), err)
				}
			}
			nap.Sleep(wait)
		}
		if try%20 == 0 {
			if err := d.Write(stateFile, thawed); err != nil {
				return err
			}
		}
	}
}

// Thaw writes THAWED.
func (m *Manager) Thaw() error {
	t := m.find("freezer")
	if t == nil {
		if m.unified != nil {
			return m.unified.Thaw()
		}
		return nil
	}
	return cgfile.In(t.dir, func(d cgfile.Dir) error { return d.Thaw(stateFile, thawed) })
}
