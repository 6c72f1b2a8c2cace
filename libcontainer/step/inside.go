package step

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// inside clones what is to be bound from within the root filesystem. That is done in its turn, so
// that it has what earlier mounts put there; and by a path of the root's, since an image may have
// links in it.
func (s *Mount) inside(e *Env) (int, error) {
	from, err := e.Root.Lookup(s.Tree.Path)
	if err != nil {
		return -1, err
	}
	defer unix.Close(from)
	tree, err := mount.Clone(from, "", s.Tree.Recursive)
	if errors.Is(err, unix.EINVAL) && !s.Tree.Recursive && s.Tree.Flags.Locked {
		return -1, errBelow
	}
	if err != nil {
		return -1, at("clone", err)
	}
	if err := s.finishInside(e, from, tree); err != nil {
		unix.Close(tree)
		return -1, err
	}
	return tree, nil
}

// errBelow is the kernel's EINVAL in words: a user namespace may not leave out what the host
// has mounted on something.
var errBelow = fmt.Errorf("clone: the host has mounts below it, which a user namespace can't leave out (rbind takes them along): %w", unix.EINVAL)

// finishInside gives the clone its ids and flags.
func (s *Mount) finishInside(e *Env, from, tree int) (err error) {
	src := s.Tree
	if src.IDMap.Field != "" {
		if err := e.Conn.Ask(wire.MapIDs, tree); err != nil {
			return at("map ids", err)
		}
	}
	if src.Flags.Locked {
		// Only the root is of another user namespace, what is mounted in it is of this one.
		if src.Flags.Locked, err = sameMount(from, e.Root.FD); err != nil {
			return err
		}
	}
	return src.SetFlags(tree)
}

// sameMount tells whether two descriptors are of the same mount.
func sameMount(a, b int) (bool, error) {
	var x, y unix.Statx_t
	if err := unix.Statx(a, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &x); err != nil {
		return false, at("statx", err)
	}
	if err := unix.Statx(b, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &y); err != nil {
		return false, at("statx", err)
	}
	return x.Mnt_id == y.Mnt_id, nil
}
