package plan

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/step"
)

// mounts plans the mounts in the order of the configuration.
func (p *planner) mounts() error {
	if !p.ns.isNew(specs.MountNamespace) {
		p.opt.Staging = "" // it is no place of ours there
	}
	for i, m := range append(slices.Clip(p.spec.Mounts), p.opt.Mounts...) {
		o, err := option.Parse(m.Options)
		if err != nil {
			return fmt.Errorf("%s: %w", p.field(i, "options"), err)
		}
		if p.number = 0; i < len(p.spec.Mounts) && !p.alone {
			p.number = step.Number(i + 1)
		}
		p.mount(i, &m, o)
	}
	p.number = 0
	return nil
}

// field names a field of mounts[i], or it. Who adds a mount to a container that runs has written no list that it is in: what he has named stands alone.
// So it is where no list was written by anybody.
func (p *planner) field(i int, name string) string {
	switch {
	case p.alone && name == "":
		return "mount"
	case p.alone:
		return name
	case name == "":
		return fmt.Sprintf("mounts[%d]", i)
	}
	return fmt.Sprintf("mounts[%d].%s", i, name)
}

func (p *planner) mount(i int, m *specs.Mount, o option.Options) {
	ids := p.idMap(i, m, o)
	s := &step.Mount{
		Target: path.Clean("/" + m.Destination), Number: p.number, Kind: m.Type, Source: m.Source, Options: o,
		Attr: o.Attr.Set, Staging: p.opt.Staging, Fallback: -1,
	}
	if !o.Remount && !o.Bind {
		p.label(s)
	}
	switch {
	case o.Remount:
		p.remount(i, s)
	case o.Bind:
		p.bind(i, m, s, ids)
	case m.Type == "cgroup" && !p.unified():
		p.cgroupV1(s)
		return
	case m.Type == "cgroup" || m.Type == "cgroup2":
		if at := p.unifiedAt(); at != "" && (!p.ns.own(specs.CgroupNamespace) || p.ns.user() && p.ns.joined&unix.CLONE_NEWCGROUP != 0) {
			// A new cgroup2 mount from the host's cgroup namespace would touch the
			// host's root and wait for a grace period; a clone shows the same. And in a
			// user namespace none can be made of a cgroup namespace that the host owns.
			s.From, s.Index = step.FromTree, p.cgroupTree(s, o, at)
			break
		}
		s.Kind = "cgroup2"
		fallthrough
	case m.Type == "proc":
		p.inside(s)
	case m.Type == "sysfs" && (p.ns.user() || p.host.UserNS) && !p.ns.isNew(specs.NetworkNamespace):
		// The kernel gives a new sysfs only to the owner of the network namespace.
		s.Fallback = p.source(step.Source{
			What: "/sys at " + s.Target, Path: "/sys", Recursive: true, Attr: o.Attr, Flags: step.Flags{Yield: true},
			RecAttr: option.Attr{Set: unix.MOUNT_ATTR_RDONLY}, Propagation: p.inherited(),
		})
	case m.Type == "tmpfs":
		s.Later = readonly(o)
		s.Mode = !slices.ContainsFunc(o.Data, func(w string) bool { return strings.HasPrefix(w, "mode=") })
		if ids.Field != "" {
			// Who makes it has to own it: the ids of the host are mapped, by the host.
			p.beforehand(s)
			p.Sources[s.Index].IDMap = ids
		} else if !s.Mode && !o.CopyUp {
			p.outside(s)
		}
	case m.Type == "devpts":
		p.outside(s)
	case p.host.Disks[Disk{m.Type, m.Source}] && !mount.TooLong(m.Source, o): // that takes a directory to mount on
		// The kernel asks the device rules of who makes it, and those of the container are for its programs.
		p.outside(s)
	}
	p.add(s)
}

// inside has the first process make a file system of its own pid or cgroup namespace, or, where it isn't in its
// pid namespace yet, another process.
func (p *planner) inside(s *step.Mount) {
	data := slices.Concat(s.Options.Superblock, s.Options.Data)
	if s.Kind == "cgroup2" {
		data = nil // its options belong to the whole host
		s.Attr |= cgroupAttr
		s.Options.RecAttr.Clear &^= cgroupAttr
	}
	source := s.Source
	if source == "" {
		source = s.Kind
	}
	if s.Kind == "proc" && p.seen && p.ns.clone&unix.CLONE_NEWUSER == 0 { // which may have no procfs of another's
		s.From, s.Index = step.FromThere, len(p.procs)
		p.procs = append(p.procs, procfs{source, s.Target, data})
		return
	}
	s.Source, s.Options.Superblock, s.Options.Data = source, nil, data
}

// outside has the runtime make a new file system that belongs to no namespace but
// the user's, while the player starts.
func (p *planner) outside(s *step.Mount) {
	if p.ns.user() {
		return
	}
	src := instance(s)
	src.Context = true
	s.From, s.Index = step.FromContext, p.source(src)
}

// instance is a new file system of the mount's kind.
func instance(s *step.Mount) step.Source {
	return step.Source{What: s.Kind + " at " + s.Target, Path: s.Source, Kind: s.Kind, Superblock: s.Options.Superblock, Data: s.Options.Data}
}

// beforehand has the runtime make a new file system and its mount.
func (p *planner) beforehand(s *step.Mount) {
	src := instance(s)
	src.Attr.Set, src.RecAttr, src.Propagation = s.First(), s.FirstBelow(), s.Options.Propagation
	s.From, s.Index = step.FromTree, p.source(src)
}

// unified tells whether a mount of type cgroup shows cgroup v2.
func (p *planner) unified() bool {
	l := p.host.Layout
	return len(l.Hierarchies) == 1 && l.Hierarchies[0].Unified
}

// unifiedAt is where the host has cgroup v2, "" if nowhere.
func (p *planner) unifiedAt() string {
	for i := range p.host.Layout.Hierarchies {
		if h := &p.host.Layout.Hierarchies[i]; h.Unified {
			return h.Mountpoint
		}
	}
	return ""
}

// cgroupTree is a clone of cgroup v2, which the host has at dir.
func (p *planner) cgroupTree(s *step.Mount, o option.Options, dir string) int {
	if own := p.host.Location[""]; own != "" && p.ns.own(specs.CgroupNamespace) { // and not the host's
		dir = own
	}
	return p.source(step.Source{
		What: "cgroup at " + s.Target, Path: dir, Attr: cgroupFlags(o), Flags: step.Flags{Yield: true}, Propagation: p.inherited(o.Propagation...),
	})
}

// cgroupFlags are those of a mount of cgroups, below which is nothing: recursive words are as others.
func cgroupFlags(o option.Options) option.Attr {
	a := o.Attr
	if o.RecAttr.Clear&unix.MOUNT_ATTR__ATIME != 0 { // there is one access time mode
		a.Set &^= unix.MOUNT_ATTR__ATIME
	}
	return option.Attr{Set: a.Set | o.RecAttr.Set | cgroupAttr, Clear: (a.Clear | o.RecAttr.Clear) &^ cgroupAttr}
}

// readonly tells whether a new mount is to be read-only, in which mount points have yet to be made.
func readonly(o option.Options) bool { return (o.Attr.Set|o.RecAttr.Set)&unix.MOUNT_ATTR_RDONLY != 0 }

// cgroupAttr are flags that a mount of cgroups always has, as with runc: nothing there is
// a program or a device.
const cgroupAttr = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC

// cgroupV1 shows the container its own directory of each hierarchy, under the
// names that programs expect: a tmpfs with a directory for each, and links for
// controllers that share one.
func (p *planner) cgroupV1(s *step.Mount) {
	s.From, s.Kind, s.Source = step.FromNew, "tmpfs", "tmpfs"
	s.Later = readonly(s.Options)
	s.Options.Data = p.withContext([]string{"mode=755"})
	s.Attr |= cgroupAttr
	s.Options.RecAttr.Clear &^= cgroupAttr
	attr := cgroupFlags(s.Options)
	p.add(s)
	for i := range p.host.Layout.Hierarchies {
		h := &p.host.Layout.Hierarchies[i]
		dir, ok := p.host.Location[h.Keys()[0]]
		if !ok && !p.host.NoMounts {
			continue
		}
		if !ok { // an ordinary user's container stays in his cgroup, where he may write nothing
			dir = h.OwnDir()
		}
		name := filepath.Base(h.Mountpoint)
		target := s.Target + "/" + name
		src := p.source(step.Source{What: "cgroup at " + target, Path: dir, Attr: attr, Flags: step.Flags{Yield: true}, Propagation: p.inherited()})
		p.add(&step.Mount{Target: target, From: step.FromTree, Index: src, Source: dir, Fallback: -1})
		for _, c := range h.Controllers {
			if c != name && strings.Contains(name, ",") {
				p.add(&step.Link{Path: s.Target + "/" + c, Target: name})
			}
		}
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
