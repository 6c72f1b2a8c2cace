package libcontainer

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/early"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/timeline"
)

// host collects the facts that a plan depends on.
func host(layout *cgroups.Layout, loc cgroups.Location, joined []joinedNS) (*plan.Host, error) {
	_, permitted, _, _, err := caps.Current()
	if err != nil {
		return nil, fmt.Errorf("read own capabilities: %w", err)
	}
	h := &plan.Host{Layout: layout, Location: loc, Permitted: permitted}
	own(h)
	h.Timed = timeline.On()
	h.Nofile[0], h.Nofile[1] = early.Nofile()
	h.FileSize = fileSize()
	h.Null = notGiven([]int{0, 1, 2}, h.Null)
	for _, j := range joined {
		h.Joined = append(h.Joined, plan.Joined{Flag: j.flag, Inner: j.inner})
	}
	h.HasKcore = unix.Access("/proc/kcore", unix.F_OK) == nil
	return h, nil
}

// notGiven tells which of the standard streams don't become the container's by being that: a character device is a
// terminal or the host's /dev/null. Without a list they are as before.
func notGiven(stdio []int, before [3]bool) (not [3]bool) {
	if stdio == nil {
		return before
	}
	for i, fd := range stdio {
		var st unix.Stat_t
		not[i] = unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT == unix.S_IFCHR
	}
	return not
}

// A joinedNS is an open namespace that a configuration names by its path.
type joinedNS struct {
	fd, flag int
	path     string // in the configuration
	inner    bool
}

// openNamespaces opens all namespaces given by path and checks what they are.
// A path may lead to anything, so nothing is waited for, and the kernel's word
// on the type counts.
func openNamespaces(s *specs.Spec) (list []joinedNS, err error) {
	if s.Linux == nil {
		return nil, nil
	}
	for i, ns := range s.Linux.Namespaces {
		if ns.Path == "" {
			continue
		}
		j, err := openNamespace(ns)
		if err != nil {
			closeNamespaces(list)
			return nil, fmt.Errorf("linux.namespaces[%d].path: %w", i, err)
		}
		j.path = ns.Path
		list = append(list, j)
	}
	return list, markInner(list)
}

func openNamespace(ns specs.LinuxNamespace) (joinedNS, error) {
	fd, err := unix.Open(ns.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return joinedNS{}, fmt.Errorf("open %s: %w", ns.Path, err)
	}
	flag := plan.Flag(ns.Type)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil || fs.Type != unix.NSFS_MAGIC {
		unix.Close(fd)
		return joinedNS{}, fmt.Errorf("%s is not a namespace", ns.Path)
	}
	kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err != nil || kind != flag {
		unix.Close(fd)
		return joinedNS{}, fmt.Errorf("%s is not a %s namespace", ns.Path, ns.Type)
	}
	return joinedNS{fd: fd, flag: flag}, nil
}

// markInner finds the namespaces that belong to the joined user namespace.
func markInner(list []joinedNS) error {
	at := slices.IndexFunc(list, func(j joinedNS) bool { return j.flag == unix.CLONE_NEWUSER })
	if at < 0 {
		return nil
	}
	var user unix.Stat_t
	if err := unix.Fstat(list[at].fd, &user); err != nil {
		return fmt.Errorf("stat user namespace: %w", err)
	}
	for i := range list {
		if i == at {
			continue
		}
		owner, err := unix.IoctlRetInt(list[i].fd, unix.NS_GET_USERNS)
		if err != nil {
			continue // owned outside of what we can see: then not by the joined one
		}
		var st unix.Stat_t
		err = unix.Fstat(owner, &st)
		unix.Close(owner)
		list[i].inner = err == nil && st.Ino == user.Ino && st.Dev == user.Dev
	}
	return nil
}

func closeNamespaces(list []joinedNS) {
	for _, j := range list {
		unix.Close(j.fd)
	}
}
