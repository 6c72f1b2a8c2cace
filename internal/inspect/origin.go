package inspect

import (
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/proc"
)

// An Origin is where something is in a file system.
type Origin struct {
	Device string // of the file system, as mountinfo writes it: major, colon, minor
	Path   string // from its root on
}

// Bind is the absolute path of what a mount binds of the host's; "" if it is no bind, or one of what the root filesystem has, which
// others may have put there.
func Bind(m *specs.Mount, bundle, rootfs string) string {
	o, err := option.Parse(m.Options)
	if err != nil || o.Remount || !o.Bind && m.Type != "bind" || m.Source == "" {
		return ""
	}
	source := m.Source
	if !filepath.IsAbs(source) {
		source = filepath.Join(bundle, source)
	}
	// What is the caller's own was another's.
	for _, dir := range [...]string{rootfs, "/proc/self", "/proc/thread-self", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr"} {
		if dir != "" && strings.HasPrefix(filepath.Clean(source)+"/", dir+"/") {
			return ""
		}
	}
	return source
}

// OriginOf finds a path on the mount with an id, of which mountinfo is a list.
func OriginOf(mountinfo string, id uint64, at string) (Origin, bool) {
	want := strconv.FormatUint(id, 10)
	for line := range strings.Lines(mountinfo) {
		f := strings.Split(line, " ")
		if len(f) < 5 || f[0] != want {
			continue
		}
		rest, ok := strings.CutPrefix(path.Clean(at)+"/", strings.TrimSuffix(proc.Unescape(f[4]), "/")+"/")
		return Origin{f[2], path.Join(proc.Unescape(f[3]), rest)}, ok
	}
	return Origin{}, false
}

func (m *mount) is(o Origin) bool { return m.device == o.Device && m.root == o.Path }

// hold holds a bind against what its source is now. A source may have been replaced since, which is no difference; but what it was is
// one if it lies below what is seen, and so is another file system.
func (t *table) hold(row *Row, m *specs.Mount, source Origin) {
	found, _ := t.at(m.Destination)
	if found == nil || found.is(source) {
		return
	}
	for _, below := range t.below[found.point] {
		if below.is(source) {
			row.Differs, row.Note = true, "another mount covers it"
			return
		}
	}
	row.Note = "the source leads elsewhere now"
	if found.device != source.Device {
		row.Differs, row.Note = true, "another file system than the source's"
	}
}
