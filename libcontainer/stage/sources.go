package stage

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/mount/option"
	"github.com/rung-oci/rung/libcontainer/rootfs"
	"github.com/rung-oci/rung/libcontainer/step"
)

// open clones all sources, in the host's mount namespace: a descriptor of a
// mount of the host's can't be cloned from another namespace (EINVAL). They stay
// detached, with their final flags, until a step puts them in place.
func open(sources []step.Source) ([]int, error) {
	trees := make([]int, 0, len(sources))
	for i := range sources {
		fd, err := openSource(&sources[i])
		if err != nil {
			return nil, fmt.Errorf("mount %s: %w", sources[i].What, err)
		}
		trees = append(trees, fd)
	}
	return trees, nil
}

func openSource(s *step.Source) (int, error) {
	if s.Device != 0 {
		return device(s)
	}
	fd, err := mount.Clone(unix.AT_FDCWD, s.Path, s.Recursive)
	if err != nil {
		return -1, err
	}
	if err := flags(fd, s); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func flags(fd int, s *step.Source) error {
	for _, p := range s.Propagation {
		if err := mount.SetPropagation(fd, p.Type, p.Recursive); err != nil {
			return fmt.Errorf("set propagation: %w", err)
		}
	}
	if err := mount.SetAttr(fd, s.Attr.Set, s.Attr.Clear, false); err != nil {
		return fmt.Errorf("set flags: %w", err)
	}
	if err := mount.SetAttr(fd, s.RecAttr.Set, s.RecAttr.Clear, true); err != nil {
		return fmt.Errorf("set recursive flags: %w", err)
	}
	return nil
}

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
	if err := unix.Mknodat(dir, "node", s.Device|0o666, int(s.Rdev)); err != nil {
		return -1, fmt.Errorf("make device: %w", err)
	}
	return mount.Clone(dir, "node", false)
}
