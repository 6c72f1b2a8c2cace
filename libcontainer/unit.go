package libcontainer

import (
	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/choose"
)

// chooseUnit decides which unit of systemd the container is to be. Without
// privileges it is one of the user's own systemd.
func (c *creation) chooseUnit() (err error) {
	if c.manager, err = choose.Systemd(c.layout, c.cgroupsPath(), c.opt.ID, c.unprivileged(), c.bundle.Spec.Annotations); err == nil {
		c.loc = c.manager.Location()
	}
	return err
}

// mustAdmit tells whether what clones a process into the container's cgroup has to be
// let in before.
func mustAdmit(p cgroups.Place) bool {
	u, ok := p.(cgroups.Unit)
	return ok && u.MustAdmit()
}

// admit lets a process clone another one into the container's cgroup.
func admit(p cgroups.Place, pid int) error {
	if u, ok := p.(cgroups.Unit); ok {
		return u.Admit(pid)
	}
	return nil
}
