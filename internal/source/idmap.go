package source

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/idmap"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/step"
)

// idMap maps the ids of the mount, if that is wanted.
func (m *Maker) idMap(tree int, s *step.IDMap) error {
	if s.Field == "" {
		return nil
	}
	if m.Ask != nil {
		return m.Ask(tree)
	}
	user, err := m.user(s)
	if err != nil {
		return err
	}
	return explain(mount.SetIDMap(new(calls.Kernel), calls.Number(tree), user, s.Recursive).Do(), s)
}

// user is the user namespace with the maps. Mounts with the same maps share it.
func (m *Maker) user(s *step.IDMap) (int, error) {
	if s.UID == "" {
		if s.Joined >= len(m.Joined) {
			return -1, fmt.Errorf("%s: the container's user namespace isn't at hand", s.Field)
		}
		return m.Joined[s.Joined], nil
	}
	key := [2]string{s.UID, s.GID}
	if fd, ok := m.users[key]; ok {
		return fd, nil
	}
	fd, err := idmap.Namespace(&idmap.Maps{UID: s.UID, GID: s.GID, Field: s.MapsField})
	if err != nil {
		return -1, err
	}
	if m.users == nil {
		m.users = make(map[[2]string]int, 1)
	}
	m.users[key] = fd
	return fd, nil
}

// explain adds what the kernel's few words may mean.
func explain(err error, s *step.IDMap) error {
	below := ""
	if s.Recursive {
		below = " or one below it"
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s: map ids of the mount: its file system%s doesn't support id-mapped mounts on this kernel: %w", s.Field, below, err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s: map ids of the mount: it%s is id-mapped already, or its file system belongs to another user namespace: %w", s.Field, below, err)
	}
	return fmt.Errorf("%s: map ids of the mount: %w", s.Field, err)
}
