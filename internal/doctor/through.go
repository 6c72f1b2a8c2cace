package doctor

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/plan"
)

// A sight is what can be said of a path that mounts cover, before they are made.
type sight struct {
	known    bool        // else nothing is
	st       unix.Stat_t // of what is there
	err      error       // ENOENT or ENOTDIR, if nothing is
	readonly bool        // nor can it be made
	mounted  bool        // it is a mount itself
}

func (s *sight) directory() bool { return s.st.Mode&unix.S_IFMT == unix.S_IFDIR }

// through looks at a path that some of these mounts cover, in the uppermost of them: what the host has in the source of a bind, and that a new file system is
// empty. Nothing is known of what a link leads to, which is the container's, and of what the root filesystem has there.
func (w *wants) through(root int, name string, by []specs.Mount) sight {
	i, rest, made := uppermost(root, name, by)
	if i < 0 {
		return sight{}
	}
	m := &by[i]
	o, err := option.Parse(m.Options)
	switch {
	case err != nil || o.Remount || o.CopyUp || made && m.Type != "tmpfs":
		return sight{}
	case made, rest == "" && !o.Bind:
		return sight{known: true, mounted: !made, st: unix.Stat_t{Mode: unix.S_IFDIR | 0o755}}
	case o.Bind:
		return w.inSource(m, &o, rest)
	case m.Type == "tmpfs": // which is read-only later
		return sight{known: true, err: unix.ENOENT}
	}
	return sight{}
}

// uppermost is the mount that a path is in when all are made, and what of the path is in there; -1 if nobody knows. made says that what is mounted below the
// path has made a directory of it.
func uppermost(root int, name string, by []specs.Mount) (at int, rest string, made bool) {
	at = -1
	way := trail(root, name)
	if len(way) == 0 {
		return -1, "", false
	}
	name = way[len(way)-1]
	for i := range by {
		place := trail(root, by[i].Destination)
		if len(place) == 0 {
			return -1, "", false
		}
		switch p := place[len(place)-1]; {
		case p == name || below(name, p):
			at, made, rest = i, false, strings.TrimPrefix(strings.TrimPrefix(name, p), "/")
		case below(p, name):
			made = true
		}
	}
	return at, rest, made
}

// inSource looks at what a bind shows.
func (w *wants) inSource(m *specs.Mount, o *option.Options, rest string) (s sight) {
	source := m.Source
	if !filepath.IsAbs(source) {
		source = filepath.Join(w.dir, source)
	}
	if source = path.Clean(source); source == w.rootfs || below(source, w.rootfs) || below(w.rootfs, source) {
		return s
	}
	top, err := unix.Open(source, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return s
	}
	defer unix.Close(top)
	var fs unix.Statfs_t
	if unix.Fstat(top, &s.st) != nil || unix.Fstatfs(top, &fs) != nil {
		return s
	}
	s.readonly = o.Attr.Set&unix.MOUNT_ATTR_RDONLY != 0 || o.RecAttr.Set&unix.MOUNT_ATTR_RDONLY != 0 || fs.Flags&unix.ST_RDONLY != 0 && !o.Named.Any
	switch {
	case rest == "":
		s.known, s.mounted = true, true
		return s
	case !s.directory():
		s.known, s.err = true, unix.ENOTDIR
		return s
	}
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV}
	fd, err := unix.Openat2(top, rest, &how)
	switch {
	case err == nil:
		s.known = unix.Fstat(fd, &s.st) == nil && s.st.Mode&unix.S_IFMT != unix.S_IFLNK
		unix.Close(fd)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		s.known, s.err = true, err
	}
	return s
}

// pointThrough is point for a place that mounts cover.
func (w *wants) pointThrough(g *ground, label, name string, directory bool, by []specs.Mount) trial {
	s := w.through(g.root, name, by)
	switch {
	case !s.known:
		return trial{}
	case errors.Is(s.err, unix.ENOENT) && s.readonly:
		return trial{label + name + ": make what is missing in a mount that can't be written to", unix.EROFS}
	case errors.Is(s.err, unix.ENOENT):
		return trial{}
	case s.err != nil:
		return trial{label + name, s.err}
	case directory && !s.directory():
		return trial{label + name, unix.ENOTDIR}
	case !directory && s.directory():
		return trial{label + name, unix.EISDIR}
	}
	return trial{}
}

// placeThrough is place for a device that is to be where mounts cover the root filesystem.
func (w *wants) placeThrough(g *ground, label, name string, want uint32, device uint64) trial {
	s := w.through(g.root, name, w.spec.Mounts)
	bound := want != unix.S_IFIFO && g.bindsDevices()
	switch {
	case !s.known:
		return trial{}
	case errors.Is(s.err, unix.ENOENT) && s.readonly:
		return trial{label, unix.EROFS}
	case errors.Is(s.err, unix.ENOENT):
		return trial{}
	case s.err != nil:
		return trial{label, s.err}
	case bound && s.directory():
		return trial{label, unix.EISDIR}
	case bound:
		return trial{}
	case s.st.Mode&unix.S_IFMT != want || want != unix.S_IFIFO && uint64(s.st.Rdev) != device:
		return trial{label, unix.EEXIST}
	}
	return trial{}
}

// places notes what every container has in /dev, where something is mounted that may be in its way.
func (w *wants) places() {
	note := func(place string, do func(*ground) trial) {
		i := slices.IndexFunc(w.spec.Mounts, func(m specs.Mount) bool {
			at := path.Clean("/" + m.Destination)
			return at == place || below(at, place)
		})
		if i < 0 {
			return
		}
		w.attempt("device."+place, fmt.Sprintf("mounts[%d].destination", i), attempt{mend: "mount it elsewhere", do: func(g *ground) trial {
			if !g.ok || g.root < 0 {
				return trial{}
			}
			return do(g)
		}})
	}
	for _, d := range plan.DefaultDevicesOf(w.spec) {
		note(d.Path, func(g *ground) trial {
			return w.placeThrough(g, "make device "+d.Path, d.Path, d.Mode&unix.S_IFMT, d.Rdev)
		})
	}
	const ptmx, console = "/dev/ptmx", "/dev/console"
	note(ptmx, func(g *ground) trial {
		switch s := w.through(g.root, ptmx, w.spec.Mounts); {
		case !s.known || s.err != nil:
		case s.directory():
			return trial{"replace " + ptmx + " by a link", unix.EISDIR}
		case s.mounted:
			return trial{"replace " + ptmx + " by a link", unix.EBUSY}
		}
		return trial{}
	})
	if p := w.spec.Process; p != nil && p.Terminal {
		note(console, func(g *ground) trial {
			if s := w.through(g.root, console, w.spec.Mounts); s.known && s.err == nil && s.directory() {
				return trial{"make console: bind " + console, unix.EISDIR}
			}
			return trial{}
		})
	}
}

// absent tells whether nothing is at a path of the container's, as far as its mounts tell.
func (w *wants) absent(root int, name string) bool {
	if w.covered(root, name, w.spec.Mounts) {
		s := w.through(root, name, w.spec.Mounts)
		return s.known && s.err != nil
	}
	fd, err := openIn(root, name, 0)
	if err == nil {
		unix.Close(fd)
	}
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
}

// hooked tells whether hooks may change what the container will see before its program runs.
func (w *wants) hooked() bool {
	h := w.spec.Hooks
	return h != nil && len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer)+len(h.StartContainer) > 0
}
