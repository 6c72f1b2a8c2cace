package source

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/mount/option"
	"github.com/rung-oci/rung/libcontainer/rootfs"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/thread"
)

// device clones a device file after its identity is verified: the host's file
// of that name, or one made on a tmpfs that nobody else sees.
func device(s *step.Source) (int, error) {
	ref, err := unix.Open(s.Path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == nil {
		err = rootfs.Verify(ref, s.Device, s.Rdev)
		if err == nil {
			fd, err := mount.Clone(ref, "", false)
			unix.Close(ref)
			return fd, err
		}
		unix.Close(ref)
	}
	return makeDevice(s)
}

func makeDevice(s *step.Source) (int, error) {
	dir, err := mount.New("tmpfs", "tmpfs", option.Options{}, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	err = unix.Mknodat(dir, "node", s.Device, int(s.Rdev))
	if err == nil {
		err = unix.Fchownat(dir, "node", s.UID, s.GID, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err == nil {
		err = unix.Fchmodat(dir, "node", s.Mode, 0) // whatever the umask is
	}
	if err != nil {
		return -1, fmt.Errorf("make device: %w", err)
	}
	fd, err := mount.Clone(dir, "node", false)
	if errors.Is(err, unix.EINVAL) {
		return cloneAttached(dir, "node")
	}
	return fd, err
}

// cloneAttached clones what lies in a detached mount where the kernel wants it to be one
// of the caller's namespace (before Linux 6.15): it is attached in a namespace of a
// thread's own, and goes with that.
func cloneAttached(dir int, path string) (fd int, err error) {
	done := make(chan struct{})
	go thread.Own(func() {
		defer close(done)
		if err = attach(dir); err == nil {
			fd, err = mount.Clone(dir, path, false)
		}
	})
	<-done
	if err != nil {
		return -1, fmt.Errorf("clone device: %w", err)
	}
	return fd, nil
}

// attach attaches the mount in a new mount namespace, which no other one sees.
func attach(tree int) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return err
	}
	root, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return mount.Attach(tree, root)
}
