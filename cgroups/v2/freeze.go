package v2

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/internal/fdio"
)

// Frozen reads cgroup.freeze, the cgroup's own setting; cgroup.events would
// also tell of a frozen parent.
func (m *Manager) Frozen() (bool, error) {
	text, err := cgfile.Text(m.dir + "/cgroup.freeze")
	return text == "1\n", cgfile.UnlessGone(err)
}

// FrozenBy asks the cgroup and the kernel's word on those above.
func (m *Manager) FrozenBy() (string, error) {
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return "", cgfile.UnlessGone(err)
	}
	defer d.Close()
	own, err := d.Read("cgroup.freeze")
	if err != nil {
		return "", cgfile.UnlessGone(err)
	}
	if own == "1\n" {
		return m.dir, nil
	}
	events, err := d.Read("cgroup.events")
	if err != nil {
		return "", cgfile.UnlessGone(err)
	}
	if v, _ := cgfile.Stat(events, "frozen"); v != "1" {
		return "", nil
	}
	return cgfile.Nearest(m.dir, "cgroup.freeze", "1\n"), nil
}

// Freeze writes cgroup.freeze and waits for the kernel's word that all processes
// have stopped.
func (m *Manager) Freeze(timeout time.Duration, stop func() error) error {
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	events, err := d.OpenFile("cgroup.events", unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(events)
	err = d.Write("cgroup.freeze", "1")
	if err == nil {
		if err = waitFrozen(d, events, time.Now().Add(timeout), stop); err == nil {
			return nil
		}
		err = fmt.Errorf("freeze cgroup %s: %w", m.dir, err)
	}
	// Half frozen is worse than running: a process that waits for a frozen one
	// would never say why.
	_ = d.Thaw("cgroup.freeze", "0")
	return err
}

// thawCheck is how often waitFrozen looks whether the cgroup is still to be frozen, and it to wait.
const thawCheck = 100 * time.Millisecond

var errThawed = errors.New("somebody thawed it")

// waitFrozen follows cgroup.events: the kernel signals each change of it as an
// exceptional condition to poll. That a kill thaws the cgroup before it was
// frozen is no such change.
func waitFrozen(d cgfile.Dir, fd int, deadline time.Time, stop func() error) error {
	var buf [256]byte
	for {
		n, err := unix.Pread(fd, buf[:], 0)
		if err != nil {
			return err
		}
		if v, _ := cgfile.Stat(string(buf[:n]), "frozen"); v == "1" {
			return nil
		}
		if stop != nil {
			if err := stop(); err != nil {
				return err
			}
		}
		left := min(time.Until(deadline), thawCheck)
		if left <= 0 {
			return unix.ETIMEDOUT
		}
		changed, err := fdio.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}, time.Now().Add(left))
		if err != nil {
			return err
		}
		if changed {
			continue
		}
		if want, err := d.Read("cgroup.freeze"); err != nil || want != "1\n" {
			if err == nil {
				err = errThawed
			}
			return err
		}
	}
}

// Thaw writes cgroup.freeze.
func (m *Manager) Thaw() error {
	return cgfile.In(m.dir, func(d cgfile.Dir) error { return d.Thaw("cgroup.freeze", "0") })
}
