package preview

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/step"
)

// unlessMissing is said of what protects a path that may not be there.
const unlessMissing = "unless it is missing"

// readonly tells of a path that is bound onto itself: it has the flags of the mount that it is on.
func (l *mountList) readonly(s *step.Readonly) (Mount, uint64) {
	m := Mount{Destination: s.Path, How: "inside", Source: s.Path, Recursive: true, Then: unlessMissing}
	return m, l.attrs[l.on(s.Path)] | unix.MOUNT_ATTR_RDONLY
}

// mask tells of what hides a path: the host's /dev/null, or an empty directory. Where it isn't known which, it has the flags that both have.
func (l *mountList) mask(s *step.Mask) (Mount, uint64) {
	_, file := l.clone(s.Path, s.Null)
	m := Mount{Destination: s.Path, How: "mask", Then: unlessMissing}
	isDir, known := l.isDirectory(s.Path)
	switch {
	case !known:
		return m, file & step.MaskAttr
	case isDir:
		m.Type = "tmpfs"
		return m, step.MaskAttr
	}
	m.Source = l.sources[s.Null].Path
	return m, file
}

// on is the mount that a path of the container is on, as far as its name tells. The root's is always there.
func (l *mountList) on(p string) int {
	best, length := 0, -1
	for i := range l.all {
		at := path.Clean("/" + l.all[i].Destination)
		if plan.Within(p, at) && len(at) >= length && l.all[i].How != "mask" {
			best, length = i, len(at)
		}
	}
	return best
}

// isDirectory tells what a path of the container will be, from where it is on the host now.
func (l *mountList) isDirectory(p string) (dir, known bool) {
	if l.Directory == nil {
		return false, false
	}
	for i := len(l.all); i > 0; { // of what is cloned in the container, what is before
		earlier := mountList{all: l.all[:i]}
		i = earlier.on(p)
		m := &l.all[i]
		rest := strings.TrimPrefix(path.Clean("/"+p), strings.TrimSuffix(path.Clean("/"+m.Destination), "/"))
		switch {
		case m.How == "bind":
			dir, err := l.Directory(m.Source, rest)
			return dir, err == nil
		case m.How == "inside":
			p = path.Join(m.Source, rest)
		case m.How == "flags":
		case m.Type == "proc":
			dir, err := l.Directory("/proc", rest)
			return dir, err == nil
		case m.Type == "sysfs":
			dir, err := l.Directory("/sys", rest)
			return dir, err == nil
		default:
			return false, false
		}
	}
	return false, false
}
