package inspect

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/proc"
)

// A mount is a line of mountinfo, see proc_pid_mountinfo(5).
type mount struct {
	id, parent   string
	device       string // of its file system, "8:1"
	root, point  string
	kind, source string
	options      []string // the mount's own
	tags         []string // whom it shares with
	super        []string // of its file system
}

// parseMounts returns the mounts of a mountinfo by their mount points: those that can be seen, and those below. Of several at one
// place that is seen on which none of the others is: Linux 6.8 and later list them as they were made, and not as they were attached.
func parseMounts(text string) (seen map[string]*mount, below map[string][]*mount) {
	var all []*mount
	covered := map[[2]string]bool{} // by id and mount point
	for line := range strings.Lines(text) {
		left, right, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		a, b := strings.Split(left, " "), strings.Split(right, " ")
		if !ok || len(a) < 6 || len(b) < 3 {
			continue
		}
		m := &mount{id: a[0], parent: a[1], device: a[2], root: proc.Unescape(a[3]), point: proc.Unescape(a[4]), kind: b[0], source: proc.Unescape(b[1])}
		m.tags = a[6:]
		m.options, m.super = strings.Split(a[5], ","), strings.Split(proc.Unescape(strings.Join(b[2:], " ")), ",")
		all = append(all, m)
		covered[[2]string{m.parent, m.point}] = true
	}
	seen, below = map[string]*mount{}, map[string][]*mount{}
	for _, m := range all {
		if covered[[2]string{m.id, m.point}] {
			below[m.point] = append(below[m.point], m)
		} else {
			seen[m.point] = m
		}
	}
	return seen, below
}

// String is the mount in words: type, source with what of it is mounted, and options.
func (m *mount) String() string {
	source := m.source
	if m.root != "/" {
		source += "[" + m.root + "]"
	}
	options := slices.Clone(m.options)
	for _, o := range m.super {
		if o != "rw" && !slices.Contains(options, o) {
			options = append(options, o)
		}
	}
	return m.kind + " " + source + " " + strings.Join(options, ",")
}

func (m *mount) has(word string) bool { return slices.Contains(m.options, word) }

// readOnly tells whether nothing can be written by the mount, or to its file system.
func (m *mount) readOnly() bool { return m.has("ro") || slices.Contains(m.super, "ro") }

// Unplaced are the paths of a configuration at which mountinfo shows no mount: they may lead elsewhere by links, or be absent.
func Unplaced(s *specs.Spec, mountinfo string) (paths []string) {
	seen, _ := parseMounts(mountinfo)
	add := func(p string) {
		if p = path.Clean("/" + p); seen[p] == nil && !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	for i := range s.Mounts {
		add(s.Mounts[i].Destination)
	}
	if s.Linux != nil {
		for _, p := range slices.Concat(s.Linux.MaskedPaths, s.Linux.ReadonlyPaths) {
			add(p)
		}
	}
	return paths
}

// MountPoint is where mountinfo has the mount with an id; "" if it has none.
func MountPoint(mountinfo string, id uint64) string {
	want := strconv.FormatUint(id, 10)
	for line := range strings.Lines(mountinfo) {
		if f := strings.Fields(line); len(f) > 4 && f[0] == want {
			return proc.Unescape(f[4])
		}
	}
	return ""
}

func mounts(s *specs.Spec, f *Found) (rows []Row) {
	if !f.MountsRead {
		return unread(Mounts, "")
	}
	t := table{reached: f.Reached, named: map[string]bool{}}
	t.found, t.below = parseMounts(f.Mountinfo)
	rows = append(rows, t.root(s))
	for i := range s.Mounts {
		how := changed(s.Mounts[i:])
		if how == "" && s.Linux != nil {
			how = protected(s.Linux, s.Mounts[i].Destination)
		}
		row := t.mount(&s.Mounts[i], how)
		if origin, ok := f.Origins[i]; ok && how == "" && !row.Differs {
			t.hold(&row, &s.Mounts[i], origin)
		}
		if f.Replaced[s.Mounts[i].Destination] && how == "" && row.Found != "" {
			row.Differs, row.Note = true, "another mount is there than the one that was added"
		}
		rows = append(rows, row)
	}
	if s.Linux != nil {
		for _, p := range s.Linux.MaskedPaths {
			rows = append(rows, t.covered(p, "masked", func(*mount) bool { return true }))
		}
		for _, p := range s.Linux.ReadonlyPaths {
			rows = append(rows, t.covered(p, "read-only", (*mount).readOnly))
		}
	}
	return append(rows, t.rest(s, f)...)
}

// A table is what was found, and what of it a configuration has named.
type table struct {
	found   map[string]*mount
	below   map[string][]*mount
	reached map[string]Place
	named   map[string]bool
}

// at is the mount at a path of the configuration; nil if there is none.
func (t *table) at(dest string) (m *mount, absent bool) {
	p := path.Clean("/" + dest)
	if t.found[p] == nil {
		if place := t.reached[p]; place.Point != "" {
			p = place.Point
		} else {
			return nil, place.Absent
		}
	}
	t.named[p] = true
	return t.found[p], false
}

func (t *table) root(s *specs.Spec) Row {
	row := Row{Subject: Mounts, Name: "/"}
	if ns := wanted(s, specs.MountNamespace); ns == nil {
		row.Note = "it has no mount namespace of its own: mounts are the caller's, below its root directory"
	} else if ns.Path != "" {
		row.Note = "mounts are those of the namespace that it has joined, below its root directory"
	}
	readOnly := s.Root != nil && s.Root.Readonly
	if readOnly {
		row.Asked = "ro"
	} else if s.Root != nil {
		row.Asked = "rw"
	}
	m, _ := t.at("/")
	switch {
	case m != nil:
		row.Found, row.Differs = m.String(), readOnly && !m.readOnly()
	case row.Note == "":
		row.Differs, row.Note = true, "its root directory isn't a mount: it has another one than it was given"
	}
	return row
}

// changed says what becomes of the first of some mounts by the others; "" if nothing.
func changed(list []specs.Mount) (how string) {
	for i := range list[1:] {
		switch m := &list[1+i]; {
		case path.Clean(m.Destination) != path.Clean(list[0].Destination):
		case !slices.Contains(m.Options, "remount"):
			return "a later mount covers it"
		default:
			how = "a later remount changes it"
		}
	}
	return how
}

// protected says which list of paths has a mount's destination; "" if none.
func protected(l *specs.Linux, dest string) string {
	is := func(p string) bool { return path.Clean(p) == path.Clean(dest) }
	switch {
	case slices.ContainsFunc(l.MaskedPaths, is):
		return "it is one of maskedPaths"
	case slices.ContainsFunc(l.ReadonlyPaths, is):
		return "it is one of readonlyPaths"
	}
	return ""
}

// mount holds a mount against what is to be seen in its place. Another of the same type that covers it looks the same: the kernel doesn't say
// which of two file systems the runtime has made, and others may lie below, of the root filesystem.
func (t *table) mount(m *specs.Mount, changed string) Row {
	row := Row{Subject: Mounts, Name: m.Destination, Asked: strings.TrimSpace(m.Type + " " + m.Source + " " + strings.Join(m.Options, ","))}
	if changed != "" {
		row.Note = changed
		return row
	}
	o, err := option.Parse(m.Options)
	found, _ := t.at(m.Destination)
	if err != nil || found == nil {
		row.Differs, row.Note = true, "no mount is to be seen there"
		return row
	}
	row.Found = found.String()
	var wrong []string
	if !o.Bind && m.Type != "bind" && !o.Remount && !sameKind(m.Type, found.kind) {
		wrong = append(wrong, "type "+found.kind)
	}
	wrong = append(wrong, wrongFlags(&o, found)...)
	row.Differs, row.Note = len(wrong) > 0, strings.Join(wrong, ", ")
	return row
}

// sameKind tells whether a file system is of the type asked for. A mount of type cgroup shows what the host has.
func sameKind(asked, found string) bool {
	return asked == found || asked == "cgroup" && (found == "cgroup2" || found == "tmpfs")
}

// flags are the bits that mountinfo shows by these words.
var flags = [...]struct {
	bit  uint64
	word string
}{
	{unix.MOUNT_ATTR_RDONLY, "ro"},
	{unix.MOUNT_ATTR_NOSUID, "nosuid"},
	{unix.MOUNT_ATTR_NODEV, "nodev"},
	{unix.MOUNT_ATTR_NOEXEC, "noexec"},
	{unix.MOUNT_ATTR_NODIRATIME, "nodiratime"},
	{unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
}

// wrongFlags says which flags a mount lacks, or has in spite of the options.
func wrongFlags(o *option.Options, m *mount) (wrong []string) {
	set, clear := o.Attr.Set|o.RecAttr.Set, (o.Attr.Clear|o.RecAttr.Clear)&^(o.Attr.Set|o.RecAttr.Set)
	for _, f := range flags {
		switch has := m.has(f.word); {
		case set&f.bit != 0 && !has && (f.word != "ro" || !m.readOnly()):
			wrong = append(wrong, "not "+f.word)
		case clear&f.bit != 0 && has:
			wrong = append(wrong, f.word)
		}
	}
	if set&unix.MOUNT_ATTR__ATIME == unix.MOUNT_ATTR_NOATIME && !m.has("noatime") {
		wrong = append(wrong, "not noatime")
	}
	return wrong
}

// covered is the row of a path that has something on it for its protection, unless it is absent.
func (t *table) covered(p, how string, good func(*mount) bool) Row {
	row := Row{Subject: Mounts, Name: p, Asked: how}
	m, absent := t.at(p)
	switch {
	case absent:
		row.Note = "there is no such path"
	case m == nil:
		row.Differs = true
	default:
		row.Found, row.Differs = m.String(), !good(m)
	}
	return row
}

// MountPoints are the places of a mountinfo at which something of one of the types is mounted, without any of all.
func MountPoints(mountinfo string, types ...string) (points []string) {
	for line := range strings.Lines(mountinfo) {
		left, right, _ := strings.Cut(line, " - ")
		a, b := strings.Split(left, " "), strings.Split(right, " ")
		if len(a) > 4 && (len(types) == 0 || slices.Contains(types, b[0])) {
			points = append(points, proc.Unescape(a[4]))
		}
	}
	return points
}

// MountIDs are the ids that a mountinfo has.
func MountIDs(mountinfo string) map[uint64]bool {
	ids := map[uint64]bool{}
	for line := range strings.Lines(mountinfo) {
		word, _, _ := strings.Cut(line, " ")
		if id, err := strconv.ParseUint(word, 10, 64); err == nil {
			ids[id] = true
		}
	}
	return ids
}
