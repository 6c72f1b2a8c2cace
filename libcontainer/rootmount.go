package libcontainer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/internal/thread"
)

// noteRoot writes down the mount of the root filesystem before it is attached where it
// outlives the container.
func (c *creation) noteRoot(tree int) error {
	m := &state.RootMount{Path: c.bundle.Rootfs}
	var err error
	if m.ID, err = mountID(tree); err != nil {
		return err
	}
	if m.Namespace, m.Inode, err = c.mountNamespace(); err != nil {
		return err
	}
	c.root = m
	c.undo.push(func() { c.r.unmountRoot(m, c.boot, *c.host) })
	return c.writeIntent()
}

// mountNamespace is the path and the inode of the mount namespace that the container joins;
// "" and our own's if it joins none.
func (c *creation) mountNamespace() (path string, ino uint64, err error) {
	for _, j := range c.joined {
		if j.flag == unix.CLONE_NEWNS {
			ino, err = inode(j.fd)
			return j.path, ino, err
		}
	}
	own, err := openMountNamespace("")
	if err != nil {
		return "", 0, err
	}
	defer unix.Close(own)
	ino, err = inode(own)
	return "", ino, err
}

// mountID is the kernel's number of the mount that a descriptor leads to.
func mountID(fd int) (uint64, error) {
	var st unix.Statx_t
	// Linux 5.14 to 6.7 leaves the unique one out, and answers with the other.
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID_UNIQUE|unix.STATX_MNT_ID, &st)
	if err == nil && st.Mask&(unix.STATX_MNT_ID_UNIQUE|unix.STATX_MNT_ID) == 0 {
		err = unix.ENODATA
	}
	if err != nil {
		return 0, fmt.Errorf("mount id: %w", err)
	}
	return st.Mnt_id, nil
}

// openMountNamespace opens the mount namespace at a path, or our own.
func openMountNamespace(path string) (int, error) {
	if path == "" {
		path = "/proc/thread-self/ns/mnt"
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open mount namespace %s: %w", path, err)
	}
	return fd, nil
}

func inode(fd int) (uint64, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return st.Ino, err
}

// unmountRoot takes the mounts of a container away that didn't go with its processes. Of
// those of another boot, or in a namespace that has gone, nothing is left.
func (r *Runtime) unmountRoot(m *state.RootMount, boot string, host proc.FS) {
	elsewhere, err := atRoot(m, boot, host, func(dir int, id uint64) error {
		if id != m.ID { // it was never attached, or is gone, or covered
			return covered(dir)
		}
		return unmount(dir)
	})
	if elsewhere {
		r.notice("mounts at %s are in another mount namespace than this one, and stay", m.Path)
	}
	if err != nil {
		r.notice("unmount %s: %v", m.Path, err)
	}
}

// hasRoot tells whether a container's root filesystem is mounted where unmountRoot would unmount it.
func hasRoot(m *state.RootMount, boot string, host proc.FS) (is bool) {
	_, err := atRoot(m, boot, host, func(_ int, id uint64) error {
		is = id == m.ID
		return nil
	})
	return err == nil && is
}

// atRoot calls f with the directory at which a container's root filesystem was mounted and the id of the mount that it is on
// now, if both are still there; on a thread in its mount namespace. Elsewhere says that this was the caller's of a create, and isn't ours.
func atRoot(m *state.RootMount, boot string, host proc.FS, f func(dir int, id uint64) error) (elsewhere bool, err error) {
	if m == nil {
		return false, nil
	}
	if now, err := state.BootID(host); err != nil || now != boot {
		return false, nil
	}
	ns, err := openMountNamespace(m.Namespace)
	if err != nil {
		return false, nil // nobody holds it any more
	}
	defer unix.Close(ns)
	if id, err := inode(ns); err != nil || id != m.Inode {
		return m.Namespace == "", nil
	}
	return false, thread.Do(func() error { return in(ns, m, f) })
}

// errCovered says that a path may have our mount below another one.
var errCovered = errors.New("what is mounted there isn't the container's; its own mounts, if they are below, stay")

// covered tells whether a directory is the top of a mount.
func covered(dir int) error {
	var st unix.Statx_t
	err := unix.Statx(dir, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &st)
	if err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		err = errCovered
	}
	return err
}

// in calls f with the directory at m's path in its mount namespace. The calling thread isn't good for anything else afterwards.
func in(ns int, m *state.RootMount, f func(dir int, id uint64) error) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	if m.Namespace != "" {
		if err := unix.Setns(ns, unix.CLONE_NEWNS); err != nil {
			return err
		}
	}
	dir, err := unix.Openat2(unix.AT_FDCWD, m.Path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	id, err := mountID(dir)
	if err != nil {
		return err
	}
	return f(dir, id)
}

// unmount unmounts the mount that a directory is the top of, with all that is mounted on it: what others have mounted at
// its path since isn't ours.
func unmount(dir int) error {
	// Binds that are the host's peers must not take what is mounted there with them.
	k := new(calls.Kernel)
	mount.SetPropagation(k, "", calls.Number(dir), unix.MS_PRIVATE, true)
	if err := k.Flush(); err != nil {
		return err
	}
	if err := unix.Fchdir(dir); err != nil {
		return err
	}
	return unix.Unmount(".", unix.MNT_DETACH)
}
