package source

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/thread"
)

// device clones a device file after its identity is verified: the host's file
// of that name, or one made on a tmpfs that nobody else sees.
func device(k *calls.Kernel, s *step.Source) (fd calls.FD) {
	ref := calls.None
	err := k.Try(func() {
		ref = k.Openat("", calls.At, s.Path, unix.O_PATH|unix.O_NOFOLLOW, 0).FD()
		rootfs.Verify(k, ref, s.Device, s.Rdev)
	})
	if err == nil {
		fd = mount.Clone(k, "", ref, "", false).FD()
		k.Close(ref)
		return fd
	}
	k.Close(ref)
	return makeDevice(k, s)
}

func makeDevice(k *calls.Kernel, s *step.Source) calls.FD {
	dir := mount.New(k, "tmpfs", "tmpfs", option.Options{}, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	defer k.Close(dir)
	const label = "make device"
	k.Mknodat(label, dir, "node", s.Device, s.Rdev)
	k.Fchownat(label, dir, "node", s.UID, s.GID, unix.AT_SYMLINK_NOFOLLOW)
	k.Fchmodat(label, dir, "node", s.Mode) // whatever the umask is
	c := mount.Clone(k, "", dir, "node", false)
	return c.Else(func(e unix.Errno) error {
		if e != unix.EINVAL || k.Remote() {
			return e
		}
		fd, err := cloneAttached(dir, "node")
		if err == nil {
			c.Give(fd)
		}
		return err
	}).FD()
}

// cloneAttached clones what lies in a detached mount where the kernel wants it to be one
// of the caller's namespace (before Linux 6.15): it is attached in a namespace of a
// thread's own, and goes with that.
func cloneAttached(dir calls.FD, path string) (fd calls.FD, err error) {
	err = thread.Do(func() (err error) {
		k := new(calls.Kernel)
		if err = attach(k, dir); err == nil {
			fd, err = mount.Clone(k, "", dir, path, false).Open()
		}
		return err
	})
	if err != nil {
		return calls.None, fmt.Errorf("clone device: %w", err)
	}
	return fd, nil
}

// attach attaches the mount in a new mount namespace, which no other one sees.
func attach(k *calls.Kernel, tree calls.FD) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return err
	}
	root := k.Openat("", calls.At, "/", unix.O_PATH, 0).FD()
	defer k.Close(root)
	k.Mount("", "", "/", "", unix.MS_PRIVATE, "")
	mount.Attach(k, "", tree, root)
	return k.Flush()
}
