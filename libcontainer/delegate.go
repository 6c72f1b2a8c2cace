package libcontainer

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/mount/option"
)

// delegate gives the container's cgroup to its user, who then can make cgroups
// below it, if it asks for that as with runc: a cgroup namespace of its own, and a
// cgroup mount that can be written to. Only cgroup v2 can be delegated.
func (c *creation) delegate() error {
	uid, gid, ok := delegatee(c.bundle.Spec)
	if !ok || uid == 0 || unprivileged() || c.layout.Mode != cgroups.Unified {
		return nil // to root everything belongs already, and to us
	}
	return c.manager.Delegate(uid, gid)
}

// delegatee is the user and group of the host that the container's cgroup is for.
func delegatee(s *specs.Spec) (uid, gid int, ok bool) {
	if s.Linux == nil || !ownCgroupNamespace(s.Linux.Namespaces) || !writableCgroup(s.Mounts) {
		return 0, 0, false
	}
	var user specs.User
	if s.Process != nil {
		user = s.Process.User
	}
	for _, ns := range s.Linux.Namespaces {
		if ns.Type == specs.UserNamespace {
			// One that is joined has maps that aren't known here: nobody.
			uid, ok1 := hostID(s.Linux.UIDMappings, user.UID)
			gid, ok2 := hostID(s.Linux.GIDMappings, user.GID)
			return uid, gid, ok1 && ok2
		}
	}
	return int(user.UID), int(user.GID), true
}

func hostID(maps []specs.LinuxIDMapping, id uint32) (int, bool) {
	for _, m := range maps {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return int(m.HostID + (id - m.ContainerID)), true
		}
	}
	return 0, false
}

func ownCgroupNamespace(list []specs.LinuxNamespace) bool {
	for _, ns := range list {
		if ns.Type == specs.CgroupNamespace {
			return ns.Path == ""
		}
	}
	return false
}

// writableCgroup looks at what is mounted last on /sys/fs/cgroup.
func writableCgroup(mounts []specs.Mount) (writable bool) {
	for _, m := range mounts {
		if m.Destination != "/sys/fs/cgroup" {
			continue
		}
		writable = false
		if m.Type == "cgroup" || m.Type == "cgroup2" {
			o, err := option.Parse(m.Options)
			writable = err == nil && (o.Attr.Set|o.RecAttr.Set)&unix.MOUNT_ATTR_RDONLY == 0
		}
	}
	return writable
}
