package preview

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount/option"
	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/rootfs"
	"github.com/rung-oci/rung/libcontainer/step"
)

// Mount is a mount in the container, in the order of their making; the first is the root's.
type Mount struct {
	Destination string `json:"destination"` // in the container
	// How is new: a file system of its own; bind: a clone of something of the host's; inside: a clone of something in the
	// container's root; flags: nothing but other flags for what is there; mask: what hides a file or a directory, if it is there.
	How  string `json:"how"`
	Type string `json:"type,omitempty"` // of a file system
	// Source of a bind is on the host, or in the container's root; of others a word of the file system's.
	Source   string `json:"source,omitempty"`
	Resolved string `json:"resolved,omitempty"` // where the links of Source lead on the host, if elsewhere
	Missing  string `json:"missing,omitempty"`  // why Source can't be had
	// Flags are what the mount will have, if the host's source is what it is now.
	Flags []string `json:"flags"`
	// Below are flags that the mounts below get as well.
	Below       []string `json:"below"`
	Recursive   bool     `json:"recursive"`
	Propagation []string `json:"propagation"`
	Data        []string `json:"data"`           // words for the file system
	IDMap       *IDMap   `json:"idMap"`          // null: ids are the host's
	Then        string   `json:"then,omitempty"` // what is done to it when all else is there
}

// IDMap is how a mount maps the ids of its files: the lines of uid_map and gid_map; none means those of the container.
type IDMap struct {
	UID string `json:"uid"`
	GID string `json:"gid"`
}

// Device is a file in /dev, or where else the configuration has one.
type Device struct {
	Path  string `json:"path"`
	Type  string `json:"type"` // c, b, p
	Major uint32 `json:"major"`
	Minor uint32 `json:"minor"`
	Mode  uint32 `json:"mode"`
	UID   int    `json:"uid"`
	GID   int    `json:"gid"`
	Bound bool   `json:"bound"` // from the host's file
}

// flags are the words for MOUNT_ATTR_* bits.
func flags(attr uint64) []string {
	words := []string{}
	for _, f := range [...]struct {
		bit  uint64
		word string
	}{
		{unix.MOUNT_ATTR_RDONLY, "ro"},
		{unix.MOUNT_ATTR_NOSUID, "nosuid"},
		{unix.MOUNT_ATTR_NODEV, "nodev"},
		{unix.MOUNT_ATTR_NOEXEC, "noexec"},
		{unix.MOUNT_ATTR_NODIRATIME, "nodiratime"},
		{unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
	} {
		if attr&f.bit != 0 {
			words = append(words, f.word)
		}
	}
	switch attr & unix.MOUNT_ATTR__ATIME {
	case unix.MOUNT_ATTR_NOATIME:
		words = append(words, "noatime")
	case unix.MOUNT_ATTR_STRICTATIME:
		words = append(words, "strictatime")
	}
	return words
}

func propagation(list []option.Propagation) []string {
	words := []string{}
	for _, p := range list {
		word := map[uint64]string{unix.MS_SHARED: "shared", unix.MS_SLAVE: "slave", unix.MS_PRIVATE: "private", unix.MS_UNBINDABLE: "unbindable"}[p.Type]
		if p.Recursive {
			word = "r" + word
		}
		words = append(words, word)
	}
	return words
}

func mounts(in *Input) []Mount {
	list := []Mount{}
	sources := in.Plan.AllSources()
	clone := func(at string, i int) Mount {
		m := in.clone(at, &sources[i])
		m.How = "bind"
		return m
	}
	later := map[string]bool{}
	for _, s := range in.Plan.Orders.Steps {
		switch s := s.(type) {
		case *step.EnterRoot:
			list = append(list, clone("/", s.Tree))
		case *step.Mount:
			list = append(list, in.mount(s, sources, clone))
			if later[s.Target] = s.Later; s.Later {
				list[len(list)-1].Then = "read-only"
			}
		case *step.Readonly:
			list = append(list, Mount{Destination: s.Path, How: "inside", Source: s.Path, Flags: []string{"ro"}, Recursive: true, Then: "unless it is missing"})
		case *step.Mask:
			list = append(list, Mount{Destination: s.Path, How: "mask"})
		case *step.Finish:
			if s.Readonly {
				list[0].Then = "read-only"
			}
		}
	}
	for i := range list {
		for _, p := range []*[]string{&list[i].Flags, &list[i].Below, &list[i].Propagation, &list[i].Data} {
			if *p == nil {
				*p = []string{}
			}
		}
	}
	return list
}

// mount tells of one entry.
func (in *Input) mount(s *step.Mount, sources []step.Source, clone func(string, int) Mount) Mount {
	switch s.From {
	case step.FromTree:
		if sources[s.Index].Kind == "" {
			return clone(s.Target, s.Index)
		}
	case step.FromRoot:
		m := inside(s.Target, &s.Tree)
		m.How = "inside"
		return m
	case step.FromMount:
		return Mount{Destination: s.Target, How: "flags", Flags: flags(s.Options.Attr.Set), Below: flags(s.Options.RecAttr.Set), Data: s.Options.Data}
	}
	m := Mount{
		Destination: s.Target, How: "new", Type: s.Kind, Source: s.Source, Flags: flags(s.Attr&^s.Options.RecAttr.Clear | s.Options.RecAttr.Set), Below: flags(s.Options.RecAttr.Set),
		Propagation: propagation(s.Options.Propagation), Data: append(append([]string{}, s.Options.Superblock...), s.Options.Data...),
	}
	if s.From == step.FromTree {
		m.IDMap = idMap(&sources[s.Index])
	}
	return m
}

// inside tells of a clone whose flags aren't known.
func inside(at string, s *step.Source) Mount {
	return Mount{
		Destination: at, Source: s.Path, Flags: flags(final(s, 0)), Below: flags(s.RecAttr.Set), Recursive: s.Recursive,
		Propagation: propagation(s.Propagation), IDMap: idMap(s),
	}
}

// clone tells of one of the host's.
func (in *Input) clone(at string, s *step.Source) Mount {
	m := inside(at, s)
	if in.Source == nil {
		return m
	}
	resolved, have, err := in.Source(s.Path)
	if err != nil {
		m.Missing = err.Error()
		return m
	}
	if resolved != s.Path {
		m.Resolved = resolved
	}
	m.Flags = flags(final(s, have))
	return m
}

// final are the flags of a clone of what has some already: what [step.Flags.Set] makes of them.
func final(s *step.Source, have uint64) uint64 {
	a := s.Attr
	switch f := &s.Flags; {
	case f.Field == "":
	case !f.Named.Any:
		a = option.Attr{}
	case f.Locked:
		a, _ = option.Locked(a, f.Named, have)
	default:
		if option.NeedsFlags(f.Named) {
			a = option.Without(a, f.Named, have)
		}
		a = option.Replace(a, f.Named)
	}
	have = have&^a.Clear | a.Set
	return have&^s.RecAttr.Clear | s.RecAttr.Set
}

func idMap(s *step.Source) *IDMap {
	if s.IDMap.Field == "" {
		return nil
	}
	return &IDMap{s.IDMap.UID, s.IDMap.GID}
}

func devices(p *plan.Plan) []Device {
	list := []Device{}
	sources := p.AllSources()
	for _, s := range p.Orders.Steps {
		switch s := s.(type) {
		case *step.Device:
			list = append(list, device(&s.Node))
		case *step.BindDevice:
			src := &sources[s.Tree]
			d := device(&rootfs.Node{Path: s.Path, Mode: src.Device | src.Mode, Rdev: src.Rdev, UID: src.UID, GID: src.GID})
			d.Bound = true
			list = append(list, d)
		}
	}
	return list
}

func device(n *rootfs.Node) Device {
	d := Device{Path: n.Path, Type: "c", Major: unix.Major(n.Rdev), Minor: unix.Minor(n.Rdev), Mode: n.Mode & 0o7777, UID: n.UID, GID: n.GID}
	switch n.Mode & unix.S_IFMT {
	case unix.S_IFBLK:
		d.Type = "b"
	case unix.S_IFIFO:
		d.Type = "p"
	}
	return d
}
