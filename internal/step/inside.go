package step

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
)

// inside clones what is to be bound from within the root filesystem. That is done in its turn, so
// that it has what earlier mounts put there; and by a path of the root's, since an image may have
// links in it.
func (s *Mount) inside(e *Env) Tree {
	from := e.Root.Open(s.Tree.Path).FD()
	defer e.K.Close(from)
	tree := mount.Clone(e.K, "clone", from, "", s.Tree.Recursive).Else(func(err unix.Errno) error {
		if err == unix.EINVAL && !s.Tree.Recursive && s.Tree.Flags.Locked {
			return calls.Whole(belowError{})
		}
		return err
	}).FD()
	if e.K.Flush() == nil {
		s.finishInside(e, from, tree)
	}
	return Tree{FD: tree}
}

// Fetch makes the clone of a mount that comes from within the root now, as a tree that Run attaches: who wants to know which mount it is
// can look at it before.
func (s *Mount) Fetch(e *Env) {
	tree := s.inside(e)
	s.From, s.Index = FromTree, len(e.Trees)
	e.Trees = append(e.Trees, tree)
}

// belowError is the kernel's EINVAL in words: a user namespace may not leave out what the host
// has mounted on something.
type belowError struct{}

func (belowError) Error() string {
	return "clone: the host has mounts below it, which a user namespace can't leave out (rbind takes them along): " + unix.EINVAL.Error()
}

func (belowError) Unwrap() error { return unix.EINVAL }

// finishInside gives the clone its ids and flags.
func (s *Mount) finishInside(e *Env, from, tree calls.FD) {
	src := s.Tree
	if src.IDMap.Field != "" {
		ours, err := e.K.Fetch(tree)
		if err == nil {
			err = e.Host.MapIDs(ours)
			unix.Close(ours)
		}
		if err != nil {
			e.K.Fail("map ids", err)
			return
		}
	}
	if src.Flags.Locked {
		// Only the root is of another user namespace, what is mounted in it is of this one.
		a, err := e.K.Look("statx", from)
		if err != nil {
			e.K.Keep(err)
			return
		}
		b, err := e.K.Look("statx", e.Root.FD)
		if err != nil {
			e.K.Keep(err)
			return
		}
		src.Flags.Locked = a.Mnt_id == b.Mnt_id
	}
	src.SetFlags(e.K, tree)
}
