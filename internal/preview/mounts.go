package preview

import (
	"path"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/step"
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
	// Flags are what the mount will have when all is done, if the host's source is what it is now. Of a mask for what isn't known to be a
	// file or a directory, they are those that both have.
	Flags []string `json:"flags"`
	// Below are flags that the mounts below get as well.
	Below       []string `json:"below"`
	Recursive   bool     `json:"recursive"`
	Propagation []string `json:"propagation"`
	Data        []string `json:"data"`           // words for the file system
	IDMap       *IDMap   `json:"idMap"`          // null: ids are the host's
	Then        string   `json:"then,omitempty"` // read-only: only when all else is there; unless it is missing: what it is for may be
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

// A list of mounts grows in the order of their making.
type mountList struct {
	*Input
	sources []step.Source
	all     []Mount
	attrs   []uint64 // MOUNT_ATTR_* flags of each
}

func mounts(in *Input) []Mount {
	l := mountList{Input: in, sources: in.Plan.AllSources(), all: []Mount{}}
	var later []int
	for _, s := range in.Plan.Orders.Steps {
		switch s := s.(type) {
		case *step.EnterRoot:
			l.add(l.clone("/", s.Tree))
		case *step.Mount:
			if l.add(l.mount(s)); s.Later {
				later = append(later, len(l.all)-1)
			}
		case *step.LateReadonly:
			for _, i := range later {
				l.finish(i)
			}
		case *step.Readonly:
			l.add(l.readonly(s))
		case *step.Mask:
			l.add(l.mask(s))
		case *step.Finish:
			if s.Readonly {
				l.finish(0)
			}
		}
	}
	return l.all
}

// add has a mount with these flags.
func (l *mountList) add(m Mount, attr uint64) {
	m.Flags = flags(attr)
	for _, p := range []*[]string{&m.Below, &m.Propagation, &m.Data} {
		if *p == nil {
			*p = []string{}
		}
	}
	l.all, l.attrs = append(l.all, m), append(l.attrs, attr)
}

// finish makes a mount read-only that had to be writable until now, whatever entries have said of it since.
func (l *mountList) finish(i int) {
	for j := range l.all {
		if m := &l.all[j]; j == i || j > i && m.How == "flags" && path.Clean(m.Destination) == path.Clean(l.all[i].Destination) {
			l.attrs[j] |= unix.MOUNT_ATTR_RDONLY
			m.Flags, m.Then = flags(l.attrs[j]), "read-only"
		}
	}
}

// mount tells of one entry.
func (l *mountList) mount(s *step.Mount) (Mount, uint64) {
	o := &s.Options
	switch s.From {
	case step.FromTree:
		if l.sources[s.Index].Kind == "" {
			return l.clone(s.Target, s.Index)
		}
	case step.FromRoot:
		m := cloned(s.Target, &s.Tree)
		m.How = "inside"
		return m, final(&s.Tree, l.attrs[l.on(s.Tree.Path)])
	case step.FromMount:
		change := step.Source{Attr: o.Attr, RecAttr: o.RecAttr, Flags: s.Flags}
		return Mount{Destination: s.Target, How: "flags", Below: flags(o.RecAttr.Set), Data: o.Data}, final(&change, l.attrs[l.on(s.Target)])
	}
	m := Mount{
		Destination: s.Target, How: "new", Type: s.Kind, Source: s.Source, Below: flags(o.RecAttr.Set),
		Propagation: propagation(o.Propagation), Data: append(append([]string{}, o.Superblock...), o.Data...),
	}
	if s.From == step.FromTree {
		m.IDMap = idMap(&l.sources[s.Index])
	}
	return m, s.Attr&^o.RecAttr.Clear | o.RecAttr.Set
}

// cloned tells of a clone, but for how it is made.
func cloned(at string, s *step.Source) Mount {
	return Mount{
		Destination: at, Source: s.Path, Below: flags(s.RecAttr.Set), Recursive: s.Recursive, Propagation: propagation(s.Propagation), IDMap: idMap(s),
	}
}

// clone tells of one of the host's.
func (l *mountList) clone(at string, i int) (Mount, uint64) {
	s := &l.sources[i]
	m := cloned(at, s)
	m.How = "bind"
	have := uint64(0)
	if l.Source != nil {
		resolved, flags, err := l.Source(s.Path)
		switch have = flags; {
		case err != nil:
			m.Missing, have = err.Error(), 0
		case resolved != s.Path:
			m.Resolved = resolved
		}
	}
	return m, final(s, have)
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
