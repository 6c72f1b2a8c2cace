// Package source makes the detached mounts that a container gets from outside
// its namespaces: clones of directories and devices of the host's, and new
// file systems that aren't bound to a namespace. They have their final flags and
// are seen by nobody until a step puts them in place.
//
// That is done in the host's mount namespace, because a descriptor of a mount
// of the host's can't be cloned from another one (EINVAL).
package source

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/step"
)

// A Maker makes mounts. The zero value is ready.
type Maker struct {
	// Ask has somebody else map the ids of a mount, who gets them in the order of the
	// sources; nil: the maker does it.
	Ask    func(tree int) error
	Joined []int // the namespaces that step.IDMap.Joined counts
	// Copy says that the calling thread's mount namespace is a copy of another one, in which propagation may be
	// changed; else a copy is made where that has to be.
	Copy   bool
	users  map[[2]string]int
	found  []unbindable // mounts, if somebody has looked
	looked bool
}

// Close closes what several mounts share.
func (m *Maker) Close() {
	for _, fd := range m.users {
		unix.Close(fd)
	}
	m.users = nil
}

// Open makes the mount. The descriptor is close-on-exec and the caller's.
func (m *Maker) Open(s *step.Source) (int, error) {
	k := new(calls.Kernel)
	fd := m.Make(k, s)
	if err := k.Flush(); err != nil {
		k.Close(fd)
		return -1, s.Blame(fmt.Errorf("%s: %w", s, err))
	}
	return fd.Int(), nil
}

// Make has k make the mount, or queues the calls that do.
func (m *Maker) Make(k *calls.Kernel, s *step.Source) calls.FD {
	var fd calls.FD
	if s.Kind != "" || k.Remote() {
		fd = open(k, s)
	} else {
		fd = m.cloned(k, s)
	}
	if s.Context {
		return fd
	}
	if s.IDMap.Field != "" {
		own, err := k.Fetch(fd)
		if err == nil {
			err = m.idMap(own, &s.IDMap)
			unix.Close(own)
		}
		k.Keep(err)
	}
	s.SetFlags(k, fd)
	return fd
}

// Map maps the ids of a mount that somebody else has made.
func (m *Maker) Map(fd int, s *step.Source) error {
	if err := m.idMap(fd, &s.IDMap); err != nil {
		return s.Blame(fmt.Errorf("%s: %w", s, err))
	}
	return nil
}

func open(k *calls.Kernel, s *step.Source) calls.FD {
	o := option.Options{Superblock: s.Superblock, Data: s.Data}
	switch {
	case s.Context:
		return mount.Context(k, s.Kind, s.Path, o)
	case s.Kind != "":
		return mount.New(k, s.Kind, s.Path, o, s.Attr.Set)
	case s.Device != 0:
		return device(k, s)
	}
	return mount.Clone(k, "", calls.At, s.Path, s.Recursive).Else(func(e unix.Errno) error {
		if e == unix.EINVAL && s.Recursive && k.Remote() {
			return fmt.Errorf("%w (it is on an unbindable mount)", e)
		}
		return e
	}).FD()
}
