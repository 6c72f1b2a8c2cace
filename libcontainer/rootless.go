package libcontainer

import (
	"fmt"
	"os"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/idmap"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
)

// checkCaller finds out early what an ordinary user can't have.
func checkCaller(s *specs.Spec) error {
	if uid := os.Geteuid(); uid != 0 {
		return spec.ValidateRootless(s, uid)
	}
	return nil
}

// mayCreate tells whether the caller may create a container, as far as a look tells: which ids newuidmap(1) maps for whom may be known to others than
// /etc/subuid, if /etc/nsswitch.conf says so.
func mayCreate(s *specs.Spec) bool {
	if checkCaller(s) != nil {
		return false
	}
	var h plan.Host
	own(&h)
	if _, h.Permitted, _, _, _ = caps.Current(); h.UID == 0 || s.Linux == nil || strings.Contains("\n"+textOf("/etc/nsswitch.conf"), "\nsubid:") {
		return true
	}
	name := idmap.Name(textOf("/etc/passwd"), h.UID)
	uids, gids, _ := h.MapWriters(s.Linux.UIDMappings, s.Linux.GIDMappings)
	return (!uids || idmap.Granted(s.Linux.UIDMappings, h.UID, h.UID, name, textOf("/etc/subuid"))) &&
		(!gids || idmap.Granted(s.Linux.GIDMappings, h.UID, h.GID, name, textOf("/etc/subgid")))
}

// textOf is a file's text, "" if it can't be read.
func textOf(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return string(text)
}

// own adds to a host's facts what we are and may do.
func own(h *plan.Host) {
	h.UID, h.GID = os.Geteuid(), os.Getegid()
	h.UserNS = idmap.InNamespace()
	h.NoInspector = !h.Permitted.Has(unix.CAP_SYS_PTRACE)
	h.NoMounts = !h.Permitted.Has(unix.CAP_SYS_ADMIN) || h.UserNS && !ownMounts()
}

// rootsFacts puts root of the host in the place of who asks.
func rootsFacts(h *plan.Host) {
	h.UID, h.GID, h.Permitted = 0, 0, ^caps.Set(0)
	h.UserNS, h.NoInspector, h.NoMounts = false, false, false
}

// devices adds the default devices that can neither be made nor had from the host.
func devices(h *plan.Host) {
	if h.Permitted.Has(unix.CAP_MKNOD) && !h.UserNS {
		return
	}
	for _, n := range plan.DefaultDevices() {
		var st unix.Stat_t
		if unix.Lstat(n.Path, &st) != nil || st.Mode&unix.S_IFMT != n.Mode&unix.S_IFMT || uint64(st.Rdev) != n.Rdev {
			h.Lacks = append(h.Lacks, n.Path)
		}
	}
}

// ownMounts tells whether our mount namespace belongs to our user namespace, or
// to one below: the kernel shows the owner of no other.
func ownMounts() bool {
	fd, err := unix.Open("/proc/self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	owner, err := unix.IoctlRetInt(fd, unix.NS_GET_USERNS)
	if err != nil {
		return false
	}
	unix.Close(owner)
	return true
}

// chooseCgroups decides where the container's cgroups are to be and who manages
// them. Without privileges, one that asks for none has those that we may make.
func (c *creation) chooseCgroups() (err error) {
	switch {
	case c.beside != nil && c.beside.hasCgroup():
		return c.chooseBelow()
	case c.r.NoCgroup || c.beside != nil:
		return c.chooseNone()
	case c.r.SystemdCgroup:
		return c.chooseUnit()
	}
	path := c.cgroupsPath()
	if c.loc, err = c.layout.Locate(path, c.opt.ID); err != nil {
		return err
	}
	if c.unprivileged() {
		delete(c.loc, "devices") // whose list is the host's business, see resources
	}
	if c.r.Rootless && !c.asRoot && path == "" {
		if c.loc, err = choose.Rootless(c.layout, c.loc, c.configured()); err != nil {
			return err
		}
		if len(c.loc) == 0 {
			c.without()
			return nil
		}
	}
	c.manager, err = choose.Manager(c.layout, c.loc)
	return err
}

// chooseBelow is for what runs beside a container: the cgroups are below those of that one, and are counted there.
func (c *creation) chooseBelow() (err error) {
	c.loc = cgroups.Location{}
	for key, dir := range c.beside.record.Cgroups {
		c.loc[key] = dir + "/" + c.opt.ID
	}
	c.manager, err = choose.Manager(c.layout, c.loc)
	return err
}

// chooseNone is for who wants no cgroup.
func (c *creation) chooseNone() error {
	r := c.configured()
	if field := choose.Limited(c.layout, r); field != "" {
		return fmt.Errorf("%s: a limit needs a cgroup, and the container is to have none of its own", field)
	}
	if r != nil && len(r.Devices) > 0 {
		c.r.warn("linux.resources.devices: ignored, the container has no cgroup of its own")
	}
	c.loc = cgroups.Location{}
	c.without()
	return nil
}

// without makes it a container without a cgroup of its own.
func (c *creation) without() {
	c.manager = cgroups.NoCgroup{}
	if !ownPIDNamespace(c.bundle.Spec) && c.beside == nil {
		c.r.warn("container %s has neither a cgroup nor a pid namespace of its own: processes that its init leaves behind can't be killed", c.opt.ID)
	}
}

// unprivileged tells whether we aren't root of the host.
func unprivileged() bool { return os.Geteuid() != 0 || idmap.InNamespace() }

func (c *creation) configured() *specs.LinuxResources {
	if c.bundle.Spec.Linux == nil {
		return nil
	}
	return c.bundle.Spec.Linux.Resources
}

// resources are the configuration's. Device rules are for those who have rights
// on the host: in a user namespace no device can be made, and none is there but
// those that were asked for.
func (c *creation) resources() *specs.LinuxResources {
	r := c.configured()
	if !c.unprivileged() {
		return r
	}
	if r != nil && len(r.Devices) > 0 {
		c.r.debug("linux.resources.devices: ignored without privileges: no device can be made, and none is there but those asked for")
	}
	return choose.AllDevices(r)
}

// manager is the manager of an existing container's cgroups. A record that says
// nothing of them is damaged, one that says there are none isn't.
func manager(r *state.Record) (cgroups.Manager, error) {
	if r.Cgroups != nil && len(r.Cgroups) == 0 {
		return cgroups.NoCgroup{}, nil
	}
	return load(r.Cgroups, r.Systemd)
}

// load returns the manager of cgroups that a create has written down.
func load(loc cgroups.Location, unit bool) (cgroups.Manager, error) {
	if unit {
		return choose.LoadSystemd(loc, unprivileged())
	}
	return choose.Load(loc)
}

// hasCgroup tells whether the container's processes can be told from others by
// their cgroup.
func (c *container) hasCgroup() bool { return len(c.record.Cgroups) > 0 }
