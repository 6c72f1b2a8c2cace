package plan

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/suggest"
)

// A Live is something that a container gets while it runs: a step, and what it takes from outside.
type Live struct {
	Step   step.Step
	Source *step.Source // nil: nothing
	// Locked says that the source is to be made in a copy of the host's mounts that belongs to the container's user namespace, where its flags
	// are locked.
	Locked bool
}

// errShared says that what is made at a path in the container's mount namespace would be made at one of somebody else's.
var errShared = errors.New("the container has no mount namespace of its own")

// LiveMount plans the last of the configuration's mounts for a container that runs.
func LiveMount(s *specs.Spec, host *Host, opt *Options) (*Live, error) {
	p := live(s, host, opt)
	p.alone = true
	i := len(s.Mounts) - 1
	m := &s.Mounts[i]
	o, err := option.Parse(m.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.field(i, "options"), err)
	}
	switch {
	case !p.ns.isNew(specs.MountNamespace):
		return nil, errShared
	case o.Remount:
		return nil, errors.New("flags of what is mounted can't be changed: remove the mount, and add another")
	case path.Clean("/"+m.Destination) == "/":
		return nil, errors.New("nothing can be mounted on the root of a container that runs")
	case !o.Bind && m.Type != "tmpfs":
		return nil, fmt.Errorf("a mount of type %q can't be added to a container that runs: it can be a bind or a tmpfs%s", m.Type, suggest.Meant(m.Type, []string{"bind", "tmpfs"}, ""))
	case o.CopyUp:
		return nil, errors.New("option tmpcopyup: it is for containers that are created")
	}
	p.mount(i, m, o)
	at := p.Orders.Steps[0].(*step.Mount)
	l := &Live{Step: at}
	switch {
	case at.From == step.FromRoot && at.Tree.IDMap.Field != "":
		return nil, fmt.Errorf("%s: ids of what is in the container's root can't be mapped while it runs", at.Tree.IDMap.Field)
	case at.From == step.FromRoot:
	case o.Bind:
		l.Source, l.Locked = &p.Sources[at.Index], p.ns.user()
	default:
		src := instance(at)
		src.Attr.Set, src.RecAttr, src.Propagation = at.First(), at.Options.RecAttr, at.Options.Propagation
		src.IDMap = p.idMap(i, m, o)
		src.Data = p.owned(src.Data)
		at.From, l.Source = step.FromTree, &src
	}
	if l.Source != nil && l.Source.IDMap.Field != "" && l.Source.IDMap.UID == "" {
		return nil, fmt.Errorf("%s: ids can't be mapped as those of a user namespace that was given by path: name the mappings", l.Source.IDMap.Field)
	}
	at.Index = 0
	return l, nil
}

// owned gives a file system that the host makes to root of the container.
func (p *planner) owned(data []string) []string {
	if !p.ns.user() {
		return data
	}
	out := append([]string{}, data...)
	for _, id := range [...]struct {
		word string
		maps []specs.LinuxIDMapping
	}{{"uid=", p.linux().UIDMappings}, {"gid=", p.linux().GIDMappings}} {
		if !has(out, id.word) {
			out = append(out, fmt.Sprintf("%s%d", id.word, p.hostID(0, id.maps)))
		}
	}
	return out
}

func has(data []string, key string) bool {
	for _, w := range data {
		if len(w) >= len(key) && w[:len(key)] == key {
			return true
		}
	}
	return false
}

// LiveDevice plans a device for a container that runs. Unless it is bound, the step needs no mount namespace.
func LiveDevice(s *specs.Spec, host *Host, opt *Options, d *specs.LinuxDevice) (l *Live, n rootfs.Node, err error) {
	p := live(s, host, opt)
	n = deviceNode(d)
	if !p.ns.isNew(specs.MountNamespace) {
		return nil, n, errShared
	}
	if err := p.ownable(&n); err != nil {
		return nil, n, err
	}
	p.node(n)
	l = &Live{Step: p.Orders.Steps[0]}
	if len(p.Sources) > 0 {
		l.Source = &p.Sources[0]
		l.Source.Path = "" // not the host's file, whose mode and owner aren't what is asked for
	}
	return l, n, nil
}

// ownable is an error unless the owner of a device is one that the container's user namespace has.
func (p *planner) ownable(n *rootfs.Node) error {
	if p.ns.clone&unix.CLONE_NEWUSER == 0 {
		return nil
	}
	for _, of := range [...]struct {
		what string
		id   int
		maps []specs.LinuxIDMapping
	}{{"uid", n.UID, p.linux().UIDMappings}, {"gid", n.GID, p.linux().GIDMappings}} {
		if !slices.ContainsFunc(of.maps, func(m specs.LinuxIDMapping) bool {
			return uint64(of.id) >= uint64(m.ContainerID) && uint64(of.id) < uint64(m.ContainerID)+uint64(m.Size)
		}) {
			return fmt.Errorf("%s %d is not mapped in the user namespace", of.what, of.id)
		}
	}
	return nil
}

// live is a planner for what comes later.
func live(s *specs.Spec, host *Host, opt *Options) *planner {
	own := *opt
	p := &planner{Plan: &Plan{Shared: -1, PIDs: -1}, spec: s, host: host, opt: &own, null: -1, dir: -1}
	p.ns = sortNamespaces(s, host)
	return p
}
