package libcontainer

import (
	"fmt"
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/state"
)

// LiveMount is a mount that a container was given while it ran.
type LiveMount struct {
	state.LiveMount
	// Present says that it is where it was mounted, on top.
	Present bool
}

// Mounts lists what AddMount has mounted.
func (r *Runtime) Mounts(id string) ([]LiveMount, error) {
	l, err := r.openToChange(id)
	if err != nil {
		return nil, err
	}
	defer l.close()
	list := make([]LiveMount, 0, len(l.live.Mounts))
	for _, m := range l.live.Mounts {
		now, err := l.mountAt(m.Destination)
		list = append(list, LiveMount{m, err == nil && now == m.ID})
	}
	return list, nil
}

// AddMount mounts something in a container that is created, runs or is paused: a bind or a tmpfs, with what the configuration has for mounts but
// remount and tmpcopyup. The destination is looked up in the container's root, and made where it is missing. It takes root of the host, and a
// container with a mount namespace of its own.
func (r *Runtime) AddMount(id string, m specs.Mount) error {
	l, err := r.openToChange(id)
	if err != nil {
		return err
	}
	defer l.close()
	m.Destination = path.Clean("/" + m.Destination)
	if i := l.findMount(m.Destination); i >= 0 {
		if now, err := l.mountAt(m.Destination); err == nil && now == l.live.Mounts[i].ID {
			return fmt.Errorf("mount at %s: it was added already: %w", m.Destination, unix.EEXIST)
		}
		l.live.Mounts = slices.Delete(l.live.Mounts, i, i+1)
	}
	s, err := l.checked(func(s *specs.Spec) { s.Mounts = append(s.Mounts, m) })
	if err != nil {
		return err
	}
	l.host.Linked = linked(s, l.opt.Bundle, l.opt.Rootfs)
	p, err := plan.LiveMount(s, l.host, l.opt)
	if err != nil {
		return fmt.Errorf("mount at %s: %w", m.Destination, err)
	}
	mount, err := l.give(p, true, m.Destination)
	if err != nil {
		return err
	}
	kept := state.LiveMount{Destination: m.Destination, Source: m.Source, Options: m.Options, ID: mount}
	if m.Type == "tmpfs" {
		kept.Type = m.Type
	}
	l.live.Mounts = append(l.live.Mounts, kept)
	if err := l.entry.WriteLive(l.live); err != nil {
		_ = l.unmount(m.Destination, mount)
		return err
	}
	return nil
}

// RemoveMount unmounts what AddMount has mounted at a destination, if it is still there; what processes have open of it stays theirs.
func (r *Runtime) RemoveMount(id, destination string) error {
	l, err := r.openToChange(id)
	if err != nil {
		return err
	}
	defer l.close()
	destination = path.Clean("/" + destination)
	i := l.findMount(destination)
	if i < 0 {
		return fmt.Errorf("no mount was added at %s", destination)
	}
	if err := l.unmount(destination, l.live.Mounts[i].ID); err != nil {
		return err
	}
	l.live.Mounts = slices.Delete(l.live.Mounts, i, i+1)
	return l.entry.WriteLive(l.live)
}

func (l *living) findMount(destination string) int {
	return slices.IndexFunc(l.live.Mounts, func(m state.LiveMount) bool { return m.Destination == destination })
}
