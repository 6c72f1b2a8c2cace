package launch

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/source"
	"github.com/rung-oci/rung/internal/thread"
	"github.com/rung-oci/rung/internal/timeline"
)

// makeWithin makes the mounts that come from outside the container, in its mount namespace
// and with our own rights. A user namespace gets a copy of the host's mounts in which their flags
// are locked, and mounts on others can't be unmounted (mount_namespaces(7)). That holds for clones
// of the copy, but not for those that are made on the host. A thread of its own does it, which
// ends before anything of the image's is there.
func (b *builder) makeWithin() error {
	if len(b.plan.Orders.Within) == 0 {
		return nil
	}
	timeline.Builder.Phase("make mounts in the container's mount namespace")
	return thread.Do(b.within)
}

// within is makeWithin on a thread that is good for nothing else afterwards.
func (b *builder) within() error {
	host, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open mount namespace: %w", err)
	}
	defer unix.Close(host)
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare working directory: %w", err)
	}
	maker, outside := source.Maker{Ask: b.MapIDs, Copy: true}, source.Maker{Ask: b.MapIDs}
	if err := b.enterMounts(); err != nil {
		return err
	}
	for i := range b.plan.Orders.Within {
		s := &b.plan.Orders.Within[i]
		fd, err := maker.Open(s)
		if errors.Is(err, unix.EINVAL) && !s.Recursive {
			// What has mounts on it that can't be unmounted is cloned only with them. Without, as
			// it is asked for, it is the host's to clone.
			if err := unix.Setns(host, unix.CLONE_NEWNS); err != nil {
				return fmt.Errorf("go back to mount namespace: %w", err)
			}
			if fd, err = outside.Open(s); err == nil {
				if err = b.enterMounts(); err != nil {
					unix.Close(fd)
				}
			}
		}
		if err != nil {
			return err
		}
		b.trees = append(b.trees, fd)
	}
	return nil
}

// enterMounts joins the builder's mount namespace.
func (b *builder) enterMounts() error {
	fd := b.pidfd
	if b.mounts >= 0 {
		fd = b.mounts
	}
	err := unix.Setns(fd, unix.CLONE_NEWNS)
	if err == unix.ESRCH {
		return calls.ErrGone
	}
	if err != nil {
		return fmt.Errorf("join mount namespace of first process: %w", err)
	}
	return nil
}
