package cgroups

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const (
	maxPath = 4096
	maxName = 255
)

// Locate decides the directories of a container from linux.cgroupsPath and the
// container's id, which stands in for an empty path. An absolute path begins at
// each mountpoint. A relative one begins, on v1 and hybrid, at the caller's own
// cgroup of each hierarchy, and on pure v2 at that one's parent, because a v2
// cgroup that holds the caller can't hand its controllers down.
//
// An error names linux.cgroupsPath: "..", a NUL or newline, a name or path that
// is too long, or the root cgroup.
func (l *Layout) Locate(cgroupsPath, id string) (Location, error) {
	p := cgroupsPath
	if p == "" {
		p = id
	}
	rel, err := cleanPath(p)
	if err != nil {
		return nil, fmt.Errorf("linux.cgroupsPath: %.100q: %w", p, err)
	}
	loc := Location{}
	for i := range l.Hierarchies {
		h := &l.Hierarchies[i]
		dir := h.Mountpoint
		if !strings.HasPrefix(p, "/") {
			dir = path.Join(dir, h.base(l.Mode))
		}
		dir = path.Join(dir, rel)
		if len(dir) >= maxPath {
			return nil, fmt.Errorf("linux.cgroupsPath: %.100q: %w", p, pathError("the path is longer than 4095 bytes"))
		}
		for _, key := range h.Keys() {
			loc[key] = dir
		}
	}
	return loc, nil
}

// base is where relative paths begin, as a path below the mountpoint.
func (h *Hierarchy) base(mode Mode) string {
	own := below(path.Clean(h.MountRoot), path.Clean(h.Own))
	if mode == Unified {
		return path.Dir(own)
	}
	return own
}

// below makes own relative to a mount that shows the tree from root on. A caller
// that isn't below root (its cgroup namespace or a move took it elsewhere)
// counts as being at the mount's root.
func below(root, own string) string {
	if root == "/" {
		return own
	}
	rest, ok := strings.CutPrefix(own, root)
	if !ok || rest != "" && rest[0] != '/' {
		return "/"
	}
	return path.Clean("/" + rest)
}

// Of are the directories of the cgroups that a process is in, one of each hierarchy, from the text of its /proc/PID/cgroup. A directory is the
// mountpoint, or outside of it, of a process that isn't below what is mounted.
func (l *Layout) Of(text []byte) Location {
	loc := Location{}
	for _, m := range parseOwn(text) {
		key := ""
		switch {
		case m.name != "":
			key = "name=" + m.name
		case !m.unified:
			key = m.controllers[0]
		}
		h := l.Hierarchy(key)
		if h == nil || h.Unified != m.unified {
			continue
		}
		for _, key := range h.Keys() {
			loc[key] = path.Join(h.Mountpoint, below(path.Clean(h.MountRoot), m.path))
		}
	}
	return loc
}

// Hidden are those directories of a location that no hierarchy shows here: each, in order, that isn't below where its hierarchy is mounted. The cgroups may be there
// all the same, in a hierarchy that is mounted elsewhere, or nowhere that we see.
func (l *Layout) Hidden(loc Location) (dirs []string) {
	below := func(mountpoint, dir string) bool {
		return strings.HasPrefix(dir, strings.TrimSuffix(mountpoint, "/")+"/")
	}
	for key, dir := range loc {
		h := l.Hierarchy(key)
		// A hybrid host's path of the unified one has the look of one below where others mount that.
		if h == nil || !below(h.Mountpoint, dir) || h.Mountpoint == root && below(hybridMount, dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// OwnUnified is the directory of our own v2 cgroup, as [Layout.Of] has it.
func (l *Layout) OwnUnified() (dir string, ok bool) {
	h := l.Hierarchy("")
	if h == nil {
		return "", false
	}
	return h.OwnDir(), true
}

// OwnDir is the directory of our own cgroup in the hierarchy, or what is mounted if that
// isn't below it.
func (h *Hierarchy) OwnDir() string {
	return path.Join(h.Mountpoint, below(path.Clean(h.MountRoot), path.Clean(h.Own)))
}

type pathError string

func (e pathError) Error() string { return string(e) }

// cleanPath returns a configured path without empty and "." components.
func cleanPath(p string) (string, error) {
	if len(p) >= maxPath {
		return "", pathError("the path is longer than 4095 bytes")
	}
	if strings.ContainsAny(p, "\x00\n") {
		return "", pathError("a NUL or a newline is not allowed")
	}
	var names []string
	for name := range strings.SplitSeq(p, "/") {
		switch {
		case name == "" || name == ".":
			continue
		case name == "..":
			return "", pathError(`".." is not allowed`)
		case len(name) > maxName:
			return "", pathError("a name in the path is longer than 255 bytes")
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "", pathError("a container can't use the root cgroup")
	}
	return strings.Join(names, "/"), nil
}
