package plan

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// namespaces sorts the configuration's namespaces by how a process gets into
// them.
type namespaces struct {
	clone  uint64 // CLONE_NEW* flags for clone3 of the first process
	later  uint64 // cgroup, time, network: unshared by the first process or the player
	joined uint64 // given by path
}

// Flag is the CLONE_NEW* flag of a namespace type, 0 for an unknown one.
func Flag(t specs.LinuxNamespaceType) int {
	switch t {
	case specs.PIDNamespace:
		return unix.CLONE_NEWPID
	case specs.NetworkNamespace:
		return unix.CLONE_NEWNET
	case specs.MountNamespace:
		return unix.CLONE_NEWNS
	case specs.IPCNamespace:
		return unix.CLONE_NEWIPC
	case specs.UTSNamespace:
		return unix.CLONE_NEWUTS
	case specs.UserNamespace:
		return unix.CLONE_NEWUSER
	case specs.CgroupNamespace:
		return unix.CLONE_NEWCGROUP
	case specs.TimeNamespace:
		return unix.CLONE_NEWTIME
	}
	return 0
}

func sortNamespaces(s *specs.Spec, h *Host) (n namespaces) {
	for _, j := range h.Joined {
		n.joined |= uint64(j.Flag)
	}
	if s.Linux == nil {
		return n
	}
	for _, ns := range s.Linux.Namespaces {
		flag := uint64(Flag(ns.Type))
		switch {
		case ns.Path != "":
		case flag == unix.CLONE_NEWCGROUP || flag == unix.CLONE_NEWTIME || flag == unix.CLONE_NEWNET && networkBeside(s):
			n.later |= flag
		default:
			n.clone |= flag
		}
	}
	return n
}

// Network tells whether a container of s gets a network namespace of its own.
func Network(s *specs.Spec, h *Host) bool {
	n := sortNamespaces(s, h)
	return n.isNew(specs.NetworkNamespace)
}

// networkBeside tells whether a first process that builds makes its network namespace itself. Nothing else that the kernel makes for a
// container takes as long, and meanwhile the runtime has other things to do; by its clone the runtime would wait for it.
// Where hooks look at the namespaces, or a user namespace has to own it, the first process is born with it.
func networkBeside(s *specs.Spec) bool {
	if h := s.Hooks; h != nil && len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) > 0 {
		return false
	}
	mount := false
	for _, ns := range s.Linux.Namespaces {
		if ns.Path != "" || ns.Type == specs.UserNamespace {
			return false
		}
		mount = mount || ns.Type == specs.MountNamespace
	}
	return mount
}

// seen tells whether other containers see the first process before its program runs, in a pid namespace
// that is another one's. Then it may have nothing open that leads to the host, and is born when all is built. (Whoever sees the host's
// processes, and has rights over those of the host's user namespace, has the host.)
func (n namespaces) seen() bool { return n.joined&unix.CLONE_NEWPID != 0 }

// isNew tells whether the container gets a namespace of its own.
func (n namespaces) isNew(t specs.LinuxNamespaceType) bool {
	return (n.clone|n.later)&uint64(Flag(t)) != 0
}

// own tells whether the container's namespace isn't the host's: it is new or
// joined.
func (n namespaces) own(t specs.LinuxNamespaceType) bool {
	return (n.clone|n.later|n.joined)&uint64(Flag(t)) != 0
}

// user tells whether the container is in another user namespace than we.
func (n namespaces) user() bool { return n.own(specs.UserNamespace) }

// timeLater tells whether the first process makes a time namespace, which it isn't in itself.
func (n namespaces) timeLater() bool { return n.later&unix.CLONE_NEWTIME != 0 && !n.timeByPlayer() }

// timeByPlayer tells whether the player makes the time namespace, whose
// offsets must be set before a process is in it. (With a new user namespace the
// first process makes it, so that the user namespace owns it, and enters it by
// execve, which takes Linux 6.1.)
func (n namespaces) timeByPlayer() bool {
	return n.later&unix.CLONE_NEWTIME != 0 && n.clone&unix.CLONE_NEWUSER == 0
}

// hooks is what createContainer hooks join. A mount namespace given by path is somebody else's, and
// entered only if mounts are made.
func (n namespaces) hooks(builds bool) int {
	flags := (n.clone | n.joined) & (unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWUSER | unix.CLONE_NEWTIME)
	if n.timeByPlayer() { // it is in it, unless it has made it for whom it clones: see [planner.timeAhead]
		flags |= unix.CLONE_NEWTIME
	}
	if builds {
		flags |= (n.clone | n.joined) & unix.CLONE_NEWNS
	}
	return int(flags | n.hookedLate())
}

// hookedLate are those of them that don't exist yet when id maps are written.
func (n namespaces) hookedLate() uint64 {
	return (n.clone | n.joined | n.later) & (unix.CLONE_NEWPID | unix.CLONE_NEWCGROUP)
}

// joins is what a process that comes into a container enters before it forks, and
// what its child enters: a cgroup namespace. Where cgroup2 is mounted with
// nsdelegate, as systemd does it, nobody is cloned into a cgroup of a namespace
// from outside of it (ENOENT). A cgroup namespace of the host's can't be entered
// from the container's user namespace, so there it comes first all the same.
func (n namespaces) joins() (first, born int) {
	flags := n.clone | n.later | n.joined
	if n.user() && n.joined&unix.CLONE_NEWCGROUP != 0 {
		return int(flags), 0
	}
	return int(flags &^ unix.CLONE_NEWCGROUP), int(flags & unix.CLONE_NEWCGROUP)
}

// maps is the text of uid_map and gid_map for a new user namespace.
func (n namespaces) maps(s *specs.Spec) (uid, gid string) {
	if n.clone&unix.CLONE_NEWUSER == 0 {
		return "", ""
	}
	return IDMap(s.Linux.UIDMappings), IDMap(s.Linux.GIDMappings)
}

// IDMap is the text of a map for uid_map or gid_map.
func IDMap(list []specs.LinuxIDMapping) string {
	var b []byte
	for _, m := range list {
		for _, v := range [3]uint32{m.ContainerID, m.HostID, m.Size} {
			b = strconv.AppendUint(b, uint64(v), 10)
			b = append(b, ' ')
		}
		b[len(b)-1] = '\n'
	}
	return string(b)
}
