package cgroups

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Permitted is the part of a location in which the caller may make cgroups and
// put processes of his there: what root has delegated to him.
func (l *Layout) Permitted(loc Location) Location {
	have, known := make(Location, len(loc)), make(map[string]bool, len(loc))
	for key, dir := range loc {
		h := l.Hierarchy(key)
		if h == nil {
			continue
		}
		ok, seen := known[dir]
		if !seen {
			ok = mayMake(h, dir)
			known[dir] = ok
		}
		if ok {
			have[key] = dir
		}
	}
	return have
}

// mayMake looks at the directory that the first missing one would be made in. On
// v2 a process is moved with the right to write to the cgroup.procs of the
// nearest cgroup above both its old and its new one, which for a path that
// begins beside or below the caller's own is not above that directory.
func mayMake(h *Hierarchy, dir string) bool {
	for dir != h.Mountpoint && strings.HasPrefix(dir, h.Mountpoint+"/") {
		dir = path.Dir(dir)
		err := unix.Access(dir, unix.W_OK|unix.X_OK)
		if err == unix.ENOENT {
			continue
		}
		if err == nil && h.Unified {
			err = unix.Access(dir+"/cgroup.procs", unix.W_OK)
		}
		return err == nil
	}
	return false
}
