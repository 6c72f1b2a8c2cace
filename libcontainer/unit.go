package libcontainer

import (
	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/cgroups/systemd"
)

// chooseUnit decides which unit of systemd the container is to be. Without
// privileges it is one of the user's own systemd.
func (c *creation) chooseUnit() error {
	extra, err := systemd.Annotated(c.bundle.Spec.Annotations)
	if err != nil {
		return err
	}
	unit, loc, err := locateUnit(c.layout, c.cgroupsPath(), c.opt.ID)
	if err != nil {
		return err
	}
	c.loc = loc
	c.manager, err = choose.Systemd(c.layout, loc, unit, unprivileged(), systemd.Options{Description: "rung container " + c.opt.ID, Extra: extra})
	return err
}

// mustAdmit tells whether what clones a process into the container's cgroup has to be
// let in before.
func mustAdmit(m cgroups.Manager) bool {
	u, ok := m.(*systemd.Manager)
	return ok && u.MustAdmit()
}

// admit lets a process clone another one into the container's cgroup.
func admit(m cgroups.Manager, pid int) error {
	if u, ok := m.(*systemd.Manager); ok {
		return u.Admit(pid)
	}
	return nil
}

func locateUnit(l *cgroups.Layout, cgroupsPath, id string) (systemd.Unit, cgroups.Location, error) {
	if err := systemd.Running(); err != nil {
		return systemd.Unit{}, nil, err
	}
	unit, err := systemd.ParsePath(cgroupsPath, id, unprivileged())
	if err != nil {
		return unit, nil, err
	}
	base := "/"
	if unprivileged() {
		if base, err = systemd.UserBase(); err != nil {
			return unit, nil, err
		}
	}
	loc, err := unit.Locate(l, base)
	return unit, loc, err
}
