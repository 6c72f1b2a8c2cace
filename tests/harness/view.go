package harness

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/report"
)

// The views of a host's cgroups. A hybrid host, on which v1 controllers and a
// cgroup2 tree are mounted, can show each kind alone to a mount namespace; other
// hosts have one view, their own.
const (
	Hybrid = "hybrid"
	V1     = "v1"
	V2     = "v2"
)

type view struct{ name, script string }

// Hosts with systemd mount / shared; a part of the views does so too.
var shared, plain = `mount --make-rshared / &&`, ``

func available() []view {
	var v1, v2 bool
	for _, m := range ownMounts() {
		if m.Point == "/sys/fs/cgroup" || strings.HasPrefix(m.Point, "/sys/fs/cgroup/") {
			v1 = v1 || m.Type == "cgroup"
			v2 = v2 || m.Type == "cgroup2"
		}
	}
	switch {
	case v1 && v2:
		return []view{
			{Hybrid, shared},
			{V1, plain + `umount /sys/fs/cgroup/unified &&`},
			{V2, `umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup &&` + shared},
		}
	case v1:
		return []view{{V1, shared}}
	}
	return []view{{V2, shared}}
}

// View is the name of the view that this process's tests run in.
func View() string { return os.Getenv(insideEnv) }

// Controller skips the test in a view without the given cgroup controller.
func Controller(t testing.TB, name string) {
	t.Helper()
	if !HasController(name) {
		t.Skipf("the %s view of this host has no %s controller", View(), name)
	}
}

// HasController reports whether this view has a cgroup controller.
func HasController(name string) bool {
	for _, m := range ownMounts() {
		switch m.Type {
		case "cgroup":
			if strings.Contains(","+m.Super+",", ","+name+",") {
				return true
			}
		case "cgroup2":
			data, _ := os.ReadFile(m.Point + "/cgroup.controllers")
			if slices.Contains(strings.Fields(string(data)), name) {
				return true
			}
		}
	}
	return false
}

func ownMounts() []report.Mount {
	data, _ := os.ReadFile("/proc/self/mountinfo")
	return report.ParseMounts(string(data))
}

// CgroupDirs returns the directories that a cgroup's path would have, one in
// each hierarchy of the view.
func CgroupDirs(path string) (dirs []string) {
	for _, m := range ownMounts() {
		if m.Type == "cgroup" || m.Type == "cgroup2" {
			dirs = append(dirs, m.Point+"/"+strings.TrimPrefix(path, "/"))
		}
	}
	return dirs
}

// Mounted reports whether something is mounted at a path of the tests' own
// mount namespace.
func Mounted(path string) bool {
	for _, m := range ownMounts() {
		if m.Point == path {
			return true
		}
	}
	return false
}

// Shown reports whether a line of /proc/PID/cgroup is of a hierarchy that this
// view shows.
func Shown(line string) bool {
	_, rest, _ := strings.Cut(line, ":")
	controllers, _, _ := strings.Cut(rest, ":")
	for _, m := range ownMounts() {
		if controllers == "" && m.Type == "cgroup2" {
			return true
		}
		if controllers != "" && m.Type == "cgroup" && strings.Contains(","+m.Super+",", ","+controllers+",") {
			return true
		}
	}
	return false
}
