package libcontainer

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/state"
)

// LiveMount is a mount that a container was given while it ran.
type LiveMount struct {
	state.LiveMount
	Present bool // it is where it was mounted, on top
	Unknown bool // who asks can't see whether it is
}

// Mounts lists what AddMount has mounted.
func (h *Container) Mounts() ([]LiveMount, error) {
	c, err := h.open()
	if err != nil {
		return nil, err
	}
	defer c.close()
	live, err := c.entry.Live()
	if err != nil {
		return nil, err
	}
	list := make([]LiveMount, 0, len(live.Mounts))
	for _, m := range live.Mounts {
		list = append(list, LiveMount{LiveMount: m, Unknown: true})
	}
	return list, c.look(len(list), func(s *sight) {
		for i := range list {
			present, known := s.hasMount(list[i].Destination, list[i].ID)
			list[i].Present, list[i].Unknown = present, !known
		}
	})
}

// AddMount mounts a bind or a tmpfs in a container that is created, runs or is paused, with what a configuration has for mounts but remount and tmpcopyup. The
// destination is made where it is missing. It takes root of the host, and a container with a mount namespace of its own.
func (h *Container) AddMount(ctx context.Context, m specs.Mount) error {
	l, err := h.openToChange(ctx, "add mount to")
	if err != nil {
		return err
	}
	defer l.close()
	if m.Source == "" {
		return wrong("source", "the source of a mount is empty")
	}
	if !path.IsAbs(m.Destination) {
		return wrong("destination", fmt.Sprintf("the destination of a mount isn't absolute: %q", m.Destination))
	}
	if err := recordable(map[string]string{"destination": m.Destination, "source": m.Source, "options": strings.Join(m.Options, ",")}); err != nil {
		return err
	}
	m.Destination = path.Clean(m.Destination)
	s, err := l.checked(fmt.Sprintf("mounts[%d]", len(l.spec.Mounts)), func(s *specs.Spec) { s.Mounts = append(s.Mounts, m) })
	if err != nil {
		return fmt.Errorf("mount at %s: %w", m.Destination, err)
	}
	l.host.Linked = linked(s, l.opt.Bundle, l.opt.Rootfs)
	p, err := plan.LiveMount(s, l.host, l.opt)
	if err != nil {
		return fmt.Errorf("mount at %s: %w", m.Destination, err)
	}
	if err := l.forget(m.Destination); err != nil {
		return err
	}
	kept := state.LiveMount{Destination: m.Destination, Source: m.Source, Options: m.Options, UIDMappings: m.UIDMappings, GIDMappings: m.GIDMappings}
	if m.Type == "tmpfs" {
		kept.Type = m.Type
	}
	noted := false
	err = l.give(p, true, func(mount uint64) error {
		kept.ID, noted = mount, true
		l.live.Mounts = append(l.live.Mounts, kept)
		return l.entry.WriteLive(l.live)
	})
	if err != nil && noted {
		if uerr := l.unmount(m.Destination, kept.ID); uerr != nil {
			return fmt.Errorf("%w (it stays on record: %w)", err, uerr)
		}
		l.live.Mounts = l.live.Mounts[:len(l.live.Mounts)-1]
		_ = l.entry.WriteLive(l.live)
	}
	return err
}

// forget drops the records of mounts that were added at a destination, if the container has them no more. One that the container has moved is
// recorded where it is now, even where another one is recorded: a record is all that leads to a mount.
func (l *living) forget(destination string) error {
	if len(l.live.Mounts) == 0 {
		return nil
	}
	var list []state.LiveMount
	changed := false
	err := l.inMounts(true, func(root int) error {
		for _, m := range l.live.Mounts {
			at, place, err := l.whereIs(root, m.Destination, m.ID)
			here := m.Destination == destination
			switch {
			case err != nil:
				return err
			case here && at == beneath:
				return fmt.Errorf("mount at %s: %w", destination, errBeneath)
			case here && at == onTop:
				return fmt.Errorf("mount at %s: it was added already: %w", destination, unix.EEXIST)
			case at == moved && place == destination:
				return fmt.Errorf("mount at %s: the container has moved there what was added at %s: %w", destination, m.Destination, unix.EEXIST)
			case here && at == nowhere:
				changed = true
				continue
			case here && place != "": // "": no path of the container's leads to it
				m.Destination, changed = place, true
			}
			list = append(list, m)
		}
		return nil
	})
	if err != nil || !changed {
		return err
	}
	l.live.Mounts = list
	return l.entry.WriteLive(l.live)
}

// RemoveMount unmounts what AddMount has mounted; what processes have open of it stays theirs.
func (h *Container) RemoveMount(ctx context.Context, destination string) error {
	l, err := h.openToChange(ctx, "remove mount of")
	if err != nil {
		return err
	}
	defer l.close()
	destination = path.Clean("/" + destination)
	i, err := l.uppermost(destination)
	if err != nil {
		return err
	}
	if i < 0 {
		return fmt.Errorf("no mount was added at %s", destination)
	}
	id := l.live.Mounts[i].ID
	l.live.Mounts = slices.Delete(l.live.Mounts, i, i+1)
	return l.entry.WriteLiveAfter(l.live, func() error { return l.unmount(destination, id) })
}

// uppermost is the record of the mount that was added at a destination, -1 without one. Of several, which a container has if it moves what it was
// given, it is that of the one that is there on top, or else of one that nothing covers where it is now, or else the last.
func (l *living) uppermost(destination string) (found int, err error) {
	var records []int
	for i, m := range l.live.Mounts {
		if m.Destination == destination {
			records = append(records, i)
		}
	}
	if len(records) == 0 {
		return -1, nil
	}
	found = records[len(records)-1]
	if len(records) == 1 {
		return found, nil
	}
	err = l.inMounts(true, func(root int) error {
		for _, i := range records {
			id := l.live.Mounts[i].ID
			at, place, err := l.whereIs(root, destination, id)
			if err == nil && at == moved {
				if at, _, err = l.whereIs(root, place, id); at == onTop {
					found = i
					continue
				}
			}
			if err != nil || at == onTop {
				found = i
				return err
			}
		}
		return nil
	})
	return found, err
}
