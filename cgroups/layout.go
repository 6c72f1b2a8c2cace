package cgroups

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

const (
	root        = "/sys/fs/cgroup"
	hybridMount = root + "/unified"
)

// Hierarchy is one mounted tree of cgroups.
type Hierarchy struct {
	// Controllers are those bound to the hierarchy. Of a pure v2 layout they
	// aren't read: it has them all.
	Controllers []string
	// Name is the name of a named v1 hierarchy, such as "systemd".
	Name string
	// Unified is set for cgroup v2.
	Unified bool
	// Mountpoint is the absolute path where it is mounted.
	Mountpoint string
	// MountRoot is the cgroup that is visible at the mountpoint, "/" unless a
	// part of the tree was bind mounted (a container in a container).
	MountRoot string
	// Own is the calling process's cgroup in the hierarchy, from /proc/self/cgroup.
	Own string
}

// Keys are the hierarchy's keys in a [Location]: its controllers, or
// "name=systemd" and its like, or "" for the unified one.
func (h *Hierarchy) Keys() []string {
	switch {
	case h.Unified:
		return []string{""}
	case h.Name != "":
		return append(slices.Clone(h.Controllers), "name="+h.Name)
	}
	return h.Controllers
}

// V1Name is the name that a controller of cgroup v2 has on v1.
func V1Name(controller string) string {
	if controller == "io" {
		return "blkio"
	}
	return controller
}

// Layout is how a host's cgroups are mounted. It is a plain value: everything
// decided from it can be decided again on another machine.
type Layout struct {
	Mode        Mode
	Hierarchies []Hierarchy
}

// String prints the mode and one line per hierarchy.
func (l *Layout) String() string {
	var b strings.Builder
	b.WriteString(l.Mode.String())
	for i := range l.Hierarchies {
		h := &l.Hierarchies[i]
		what := "[" + strings.Join(h.Controllers, ",") + "]"
		if h.Unified {
			what = "unified" + what
		}
		if h.Name != "" {
			what += "name=" + h.Name
		}
		fmt.Fprintf(&b, "\n%s %s root=%s own=%s", what, h.Mountpoint, h.MountRoot, h.Own)
	}
	return b.String()
}

// Hierarchy returns the hierarchy of a [Location] key, nil when it isn't mounted.
func (l *Layout) Hierarchy(key string) *Hierarchy {
	for i := range l.Hierarchies {
		if slices.Contains(l.Hierarchies[i].Keys(), key) {
			return &l.Hierarchies[i]
		}
	}
	return nil
}

// Detect reads the layout of the calling process's mount namespace. A pure v2
// host costs a statfs and one small file; the others need /proc/self/mountinfo.
// A host without any cgroup mount yields an empty layout of mode [None].
func Detect() (*Layout, error) {
	own, err := cgfile.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("detect cgroups: %w", err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(root, &fs); err == nil && int64(fs.Type) == unix.CGROUP2_SUPER_MAGIC {
		return unified(own), nil
	}
	mountinfo, err := cgfile.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("detect cgroups: %w", err)
	}
	l := parseLayout(mountinfo, own)
	if l.Mode == Hybrid {
		h := l.Hierarchy("")
		text, err := cgfile.ReadFile(path.Join(h.Mountpoint, "cgroup.controllers"))
		if err != nil {
			return nil, fmt.Errorf("detect cgroups: %w", err)
		}
		h.Controllers = strings.Fields(string(text))
	}
	return l, nil
}

// unified is the layout of a host with cgroup2 on /sys/fs/cgroup. With a cgroup
// namespace the paths in /proc/self/cgroup begin at what is mounted; without
// one, at the host's root, which is what is mounted there then.
func unified(own []byte) *Layout {
	h := Hierarchy{Unified: true, Mountpoint: root, MountRoot: "/", Own: "/"}
	for _, m := range parseOwn(own) {
		if m.unified {
			h.Own = m.path
		}
	}
	return &Layout{Mode: Unified, Hierarchies: []Hierarchy{h}}
}

// parseLayout is [Detect] for everything but a pure v2 host, from the texts of
// mountinfo and /proc/self/cgroup. Malformed lines are skipped: both files are
// the kernel's.
func parseLayout(mountinfo, own []byte) *Layout {
	mounts := parseMounts(mountinfo)
	l := &Layout{}
	var v2 *Hierarchy
	for _, m := range parseOwn(own) {
		mnt := m.find(mounts)
		if mnt == nil {
			continue
		}
		h := Hierarchy{
			Controllers: m.controllers, Name: m.name, Unified: m.unified,
			Mountpoint: mnt.point, MountRoot: mnt.root, Own: m.path,
		}
		if m.unified {
			v2 = &h
			continue
		}
		l.Hierarchies = append(l.Hierarchies, h)
	}
	switch {
	case len(l.Hierarchies) == 0 && v2 != nil:
		l.Mode, l.Hierarchies = Unified, []Hierarchy{*v2}
	case v2 != nil && v2.Mountpoint == hybridMount:
		l.Mode, l.Hierarchies = Hybrid, append(l.Hierarchies, *v2)
	case len(l.Hierarchies) > 0:
		// A cgroup2 mount elsewhere (cilium has one) is somebody's private matter.
		l.Mode = Legacy
	}
	return l
}
