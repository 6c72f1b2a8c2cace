package plan

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/step"
)

// bind plans a clone: of something of the host's, made beforehand, or of something in the root,
// made in its turn, because earlier mounts may have put it there.
func (p *planner) bind(i int, m *specs.Mount, s *step.Mount, ids step.IDMap) {
	from := m.Source
	if !filepath.IsAbs(from) {
		from = filepath.Join(p.opt.Bundle, from)
	}
	o := &s.Options
	src := step.Source{
		What: m.Source + " at " + m.Destination, Path: from, Recursive: o.Recursive,
		Attr: o.Attr, RecAttr: o.RecAttr, Propagation: p.inherited(o.Propagation...),
		Flags: p.flags(i, o, p.ns.user()), IDMap: ids,
	}
	s.Kind = ""
	if inside, ok := p.inRoot(from); ok {
		src.Path = inside
		s.From, s.Tree = step.FromRoot, src
		if ids.Field != "" { // which who builds may not do
			p.Mapped = append(p.Mapped, src)
		}
		return
	}
	s.From, s.Index = step.FromTree, p.source(src)
}

// flags are the flag words of mounts[i].
func (p *planner) flags(i int, o *option.Options, locked bool) step.Flags {
	return step.Flags{Field: p.field(i, "options"), Named: o.Named, Locked: locked}
}

// inRoot tells whether a path of the host's leads into the root filesystem, by its name, and
// what the path is there. The root may be named as the configuration does, with links on the way,
// or with others, which the host knows.
func (p *planner) inRoot(from string) (string, bool) {
	from = filepath.Clean(from)
	if inside, ok := p.host.Linked[from]; ok {
		return inside, true
	}
	named := p.spec.Root.Path
	if !filepath.IsAbs(named) {
		named = filepath.Join(p.opt.Bundle, named)
	}
	for _, root := range []string{p.opt.Rootfs, filepath.Clean(named)} {
		if root == "/" {
			continue // every path is below it, and is to be one of the host's
		}
		if rest, ok := strings.CutPrefix(from, root); ok && (rest == "" || rest[0] == '/') {
			return "/" + strings.TrimPrefix(rest, "/"), true
		}
	}
	return "", false
}

// remount plans other flags for what is mounted. What has yet to be filled becomes read-only when
// all is set up: /dev with its devices, and a tmpfs with the points of other mounts.
func (p *planner) remount(i int, s *step.Mount) {
	o := &s.Options
	s.From, s.Flags = step.FromMount, p.flags(i, o, false)
	// Read-only is the mount, which doesn't reach others of the file system.
	o.Superblock = slices.DeleteFunc(o.Superblock, func(w string) bool { return w == "ro" || o.Bind })
	s.Later = readonly(*o) && (s.Target == "/dev" || s.Kind == "tmpfs")
}
