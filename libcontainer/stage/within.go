package stage

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/source"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/thread"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// makeWithin makes the mounts that come from outside the container, in its mount namespace
// and with our own rights. A user namespace gets a copy of the host's mounts in which their flags
// are locked, and mounts on others can't be unmounted (mount_namespaces(7)). That holds for clones
// of the copy, but not for those that are made on the host. A thread of its own does it, which
// ends before anything of the image's is there.
func (first *process) makeWithin(o *step.Orders) error {
	if len(o.Within) == 0 {
		return nil
	}
	timeline.Builder.Phase("make mounts in the container's mount namespace")
	made := make(chan error, 1)
	go thread.Own(func() { made <- first.within(o) })
	return <-made
}

// within is makeWithin on a thread that is good for nothing else afterwards.
func (first *process) within(o *step.Orders) error {
	host, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open mount namespace: %w", err)
	}
	defer unix.Close(host)
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare working directory: %w", err)
	}
	maker := source.Maker{Ask: func(tree int) error { return first.ask(wire.MapIDs, tree) }}
	if err := first.enterMounts(o); err != nil {
		return err
	}
	for i := range o.Within {
		s := &o.Within[i]
		fd, err := maker.Open(s)
		if errors.Is(err, unix.EINVAL) && !s.Recursive {
			// What has mounts on it that can't be unmounted is cloned only with them. Without, as
			// it is asked for, it is the host's to clone.
			if err := unix.Setns(host, unix.CLONE_NEWNS); err != nil {
				return fmt.Errorf("go back to mount namespace: %w", err)
			}
			if fd, err = maker.Open(s); err == nil {
				if err = first.enterMounts(o); err != nil {
					unix.Close(fd)
				}
			}
		}
		if err != nil {
			return err
		}
		o.Trees = append(o.Trees, fd)
	}
	return nil
}

// enterMounts joins the first process's mount namespace.
func (first *process) enterMounts(o *step.Orders) error {
	fd := first.pidfd
	if o.Dumpable {
		fd = first.ns[len(first.ns)-1]
	}
	err := unix.Setns(fd, unix.CLONE_NEWNS)
	if err == unix.ESRCH {
		return step.ErrFirst
	}
	if err != nil {
		return fmt.Errorf("join mount namespace of first process: %w", err)
	}
	return nil
}
