package inspect

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/proc"
)

// rest are the mounts that the configuration doesn't name, in the order of mountinfo. Those that what it names has brought with it are as
// they should be.
func (t *table) rest(s *specs.Spec, f *Found) (rows []Row) {
	named := wanted(s, specs.MountNamespace)
	own, with := named != nil && named.Path == "", brought(s, f)
	for line := range strings.Lines(f.Mountinfo) {
		words := strings.Fields(line)
		if len(words) < 5 {
			continue
		}
		p := proc.Unescape(words[4])
		m := t.found[p]
		if m == nil || t.named[p] {
			continue
		}
		t.named[p] = true
		row := Row{Subject: Mounts, Name: p, Found: m.String()}
		if own && !with.has(m) {
			row.Differs, row.Note = true, "the configuration doesn't name it"
		}
		rows = append(rows, row)
	}
	return rows
}

// A bringing is what may have brought mounts that nobody names.
type bringing struct {
	places  []string            // of devices
	trees   []tree              // that were cloned with all that is mounted in them
	shown   []string            // of mounts of type cgroup, below which is one for each hierarchy
	sources map[string][]*mount // our own mounts by their mount points
}

// A tree is what of ours is at a place in the container.
type tree struct {
	place, source string
	flows         bool // what is mounted in the source later comes, too
}

func brought(s *specs.Spec, f *Found) *bringing {
	b := &bringing{places: slices.Clone(f.Devices), sources: map[string][]*mount{}}
	seen, below := parseMounts(f.Own)
	for p, m := range seen {
		b.sources[p] = append(below[p], m)
	}
	if s.Linux != nil {
		for i := range s.Linux.Devices {
			b.places = append(b.places, path.Clean("/"+s.Linux.Devices[i].Path))
		}
	}
	b.trees = append(b.trees, tree{"/", f.Rootfs, false})
	for i := range s.Mounts {
		m := &s.Mounts[i]
		place := path.Clean("/" + m.Destination)
		if at := f.Reached[place].Point; at != "" { // by a link
			place = at
		}
		o, err := option.Parse(m.Options)
		switch {
		case err != nil || o.Remount:
		case o.Recursive:
			source := m.Source
			if !filepath.IsAbs(source) {
				source = filepath.Join(f.Bundle, source)
			}
			b.trees = append(b.trees, tree{place, filepath.Clean(source), true})
		case m.Type == "sysfs": // in whose place a clone of ours may be
			b.trees = append(b.trees, tree{place, "/sys", false})
		case m.Type == "cgroup" && !o.Bind:
			b.shown = append(b.shown, place)
		}
	}
	return b
}

// has tells whether a mount came with what is named. A recursive bind's are taken for that: what its source had then, nobody knows.
func (b *bringing) has(m *mount) bool {
	in := func(place string) (rest string, ok bool) {
		return strings.CutPrefix(m.point, strings.TrimSuffix(place, "/")+"/")
	}
	if slices.Contains(b.places, m.point) {
		return true
	}
	for _, place := range b.shown {
		if _, ok := in(place); ok && (m.kind == "cgroup" || m.kind == "cgroup2") {
			return true
		}
	}
	return slices.ContainsFunc(b.trees, func(t tree) bool {
		rest, ok := in(t.place)
		return ok && (t.flows || slices.ContainsFunc(b.sources[path.Join(t.source, rest)], func(o *mount) bool {
			return o.device == m.device && o.root == m.root
		}))
	})
}
