package libcontainer

import (
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/criu"
	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
)

// mounts are the container's mounts that come from outside: CRIU finds them by their mount points, and calls them in the images what a
// restore will call them, by the destinations of the configuration.
func (d *dump) mounts() ([]criu.Pair, error) {
	text, err := d.host.ReadFile(proc.PID(d.record.PID, "mountinfo"), maxInitText)
	if err != nil {
		return nil, err
	}
	d.has = inspect.MountIDs(string(text))
	root, err := d.rootDir(d.pidfd.FD())
	if err != nil {
		return nil, err
	}
	defer unix.Close(root)
	e := outer{root: root, mountinfo: string(text), points: inspect.MountPoints(string(text))}
	s := d.spec.Spec
	for i := range s.Mounts {
		if !isBind(&s.Mounts[i]) {
			e.own = append(e.own, e.point(s.Mounts[i].Destination))
		}
	}
	for i := range s.Mounts {
		if isBind(&s.Mounts[i]) {
			e.add(s.Mounts[i].Destination)
		}
	}
	if s.Linux != nil {
		for _, p := range s.Linux.MaskedPaths {
			e.mask(p)
		}
		for i := range s.Linux.Devices {
			e.add(s.Linux.Devices[i].Path)
		}
		if !ownCgroupNamespace(s.Linux.Namespaces) {
			e.cgroups()
		}
	}
	for _, n := range plan.DefaultDevicesOf(s) {
		e.add(n.Path)
	}
	live, err := d.entry.Live()
	if err != nil {
		return nil, err
	}
	for _, dev := range live.Devices {
		e.add(dev.Path)
	}
	return e.pairs, nil
}

// outer collects mounts that come from outside.
type outer struct {
	root      int // of the container
	mountinfo string
	points    []string
	own       []string // mount points of what isn't from outside
	pairs     []criu.Pair
}

// isBind tells whether a mount of a configuration comes from outside.
func isBind(m *specs.Mount) bool {
	o, err := option.Parse(m.Options)
	return err == nil && (o.Bind || m.Type == "bind") && !o.Remount
}

// point is the mount point that a path leads to; "" if that is none.
func (e *outer) point(p string) string {
	p = path.Clean("/" + p)
	if point := place(e.root, p, e.mountinfo).Point; point != "" {
		return point
	}
	if slices.Contains(e.points, p) {
		return p // it is covered by another
	}
	return ""
}

// add adds the mount at a destination, if there is one, and those below it, which have come with it.
func (e *outer) add(destination string) {
	key, point := path.Clean("/"+destination), e.point(destination)
	if point == "" || point == "/" || slices.Contains(e.own, point) {
		return
	}
	e.pair(point, key)
	for _, p := range e.points {
		if rest, ok := strings.CutPrefix(p, point+"/"); ok && !slices.Contains(e.own, p) {
			e.pair(p, key+"/"+rest)
		}
	}
}

// pair gives a mount its name. A destination of the configuration below another one's has its own.
func (e *outer) pair(point, name string) {
	i := slices.IndexFunc(e.pairs, func(p criu.Pair) bool { return p.Key == point })
	if i < 0 {
		e.pairs = append(e.pairs, criu.Pair{Key: point, Value: name})
		return
	}
	e.pairs[i].Value = name
}

// mask adds what hides a file. What hides directories is the container's own.
func (e *outer) mask(masked string) {
	fd, err := inside(e.root, path.Clean("/"+masked))
	if err != nil {
		return // there is nothing to hide
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return
	}
	if point := place(e.root, path.Clean("/"+masked), e.mountinfo).Point; point != "" {
		// With a name of its own: of several with one name CRIU would give the first its flags alone.
		e.pair(point, path.Clean("/"+masked))
	}
}

// cgroups adds the container's cgroups, which are clones of the host's mounts where it has no cgroup namespace.
func (e *outer) cgroups() {
	for _, p := range inspect.MountPoints(e.mountinfo, "cgroup", "cgroup2") {
		e.pair(p, p)
	}
}
