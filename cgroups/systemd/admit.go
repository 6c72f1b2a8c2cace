package systemd

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
)

// Admit lets a process into the scope that is to clone others there and may not do
// so from outside: that takes the right to write to the cgroup.procs of the
// nearest cgroup above both places, and the cgroup of a login session isn't
// below those that the user's systemd may give away. Whoever may is left alone.
func (m *Manager) Admit(pid int) error {
	outside, err := m.outside()
	if err != nil || !outside {
		return err
	}
	c, err := m.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.call("AttachProcessesToUnit", m.unit.Name, "", []uint32{uint32(pid)}).Err; err != nil {
		return fmt.Errorf("move player to unit %s: %w", m.unit.Name, err)
	}
	return nil
}

// MustAdmit tells whether [Manager.Admit] has to do something, or can't say.
func (m *Manager) MustAdmit() bool {
	outside, err := m.outside()
	return outside || err != nil
}

// outside tells whether we may not clone into the container's cgroup. On v1 the
// container's processes enter it themselves, which is no different.
func (m *Manager) outside() (bool, error) {
	dir, ok := m.Location()[""]
	if !ok || !m.user {
		return false, nil
	}
	l, err := cgroups.Detect()
	if err != nil {
		return false, err
	}
	own, ok := l.OwnUnified()
	if !ok {
		return false, nil
	}
	return unix.Access(above(own, dir)+"/cgroup.procs", unix.W_OK) != nil, nil
}

// above is the nearest directory that both are below, or one of them.
func above(a, b string) string {
	for a != b && !strings.HasPrefix(b, a+"/") && a != "/" {
		a = path.Dir(a)
	}
	return a
}
