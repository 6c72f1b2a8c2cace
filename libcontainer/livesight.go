package libcontainer

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/state"
)

// A sight is how far somebody can see into the mounts of a container.
type sight struct {
	root int  // the root directory that paths are looked up in; -1: there is nothing any more
	all  bool // it is that of the mount namespace: what isn't found isn't there
}

// look calls f with a sight of the container, if there are things to look for. Root of the host enters the mount namespace. Others can't by a thread
// of a Go program: they look paths up from outside, in the root directory of the init, which the kernel shows to those who may trace that. f isn't
// called for whom it doesn't.
func (c *container) look(things int, f func(*sight)) error {
	if things == 0 {
		return nil
	}
	pidfd, err := fdio.Of(c.pidfd())
	if err == nil {
		defer pidfd.Close()
		l := &living{container: c, pidfd: pidfd}
		if !unprivileged() {
			return l.inMounts(false, func(root int) error {
				f(&sight{root, true})
				return nil
			})
		}
		var root fdio.Own
		root, err = fdio.Of(c.rootDir(pidfd.FD()))
		if err == nil {
			defer root.Close()
			f(&sight{root.FD(), l.ownsRoot(root.FD())})
		}
	}
	switch {
	case errors.Is(err, unix.ESRCH):
		if err := c.outOfSight(); err != nil {
			return err
		}
		f(&sight{-1, true})
		return nil
	case unreadable(err):
		return nil
	}
	return err
}

// find opens what is at a path. What isn't there is nothing open; known is false if that can't be said.
func (s *sight) find(path string) (at fdio.Own, known bool) {
	if s.root < 0 {
		return at, s.all
	}
	at, err := fdio.Of(lookup(s.root, path))
	switch {
	case err == nil:
		return at, true
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return at, s.all
	}
	return at, false // a directory or a file system that others may not look into
}

// ownsRoot tells whether the init's root directory is that of its mount namespace, and not one that it has made its root since. It asks statmount(2), of
// another mount namespace since Linux 6.11: before, nobody knows.
func (l *living) ownsRoot(root int) bool {
	ns, err := fdio.Of(l.ofInit(l.pidfd.FD(), "ns/mnt", unix.O_RDONLY))
	if err != nil {
		return false
	}
	defer ns.Close()
	space := uint64(0)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(ns.FD()), unix.NS_GET_MNTNS_ID, uintptr(unsafe.Pointer(&space))); errno != 0 {
		return false
	}
	var st unix.Statx_t
	if unix.Statx(root, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID_UNIQUE, &st) != nil || st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return false
	}
	place, there, err := mountedIn(space, st.Mnt_id)
	return err == nil && there && place == "/"
}

// hasMount tells whether the mount with an id is at a path, on top.
func (s *sight) hasMount(path string, id uint64) (has, known bool) {
	fd, known := s.find(path)
	if !fd.Open() {
		return false, known
	}
	defer fd.Close()
	now, err := mountID(fd.FD())
	has = err == nil && now == id
	return has, has || err == nil && s.all
}

// hasDevice tells whether a device is where it was put.
func (s *sight) hasDevice(d *state.LiveDevice) (has, known bool) {
	fd, known := s.find(d.Path)
	if !fd.Open() {
		return false, known
	}
	defer fd.Close()
	mode := uint32(unix.S_IFCHR)
	if d.Type == "b" {
		mode = unix.S_IFBLK
	}
	var st unix.Stat_t
	err := unix.Fstat(fd.FD(), &st)
	has = err == nil && st.Mode&unix.S_IFMT == mode && uint64(st.Rdev) == unix.Mkdev(uint32(d.Major), uint32(d.Minor))
	return has, has || err == nil && s.all
}
