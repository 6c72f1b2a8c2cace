// Package systemd manages containers' cgroups as units of systemd: a transient
// scope, or slice, around the cgroups that packages v1 and v2 fill. systemd makes
// and removes the cgroup and knows its main limits; all limits are written to the
// cgroup's files as well, because systemd rounds some and lacks others.
package systemd

import (
	"fmt"
	"path"
	"strings"

	"github.com/rung-oci/rung/cgroups"
)

// Unit is what a container is to systemd.
type Unit struct {
	Name  string // "crio-ID.scope", or of a slice
	Slice string // that it is in
}

// IsSlice tells whether the unit is a slice, which can't hold a process for us.
func (u Unit) IsSlice() bool { return strings.HasSuffix(u.Name, sliceSuffix) }

const sliceSuffix = ".slice"

// ParsePath reads linux.cgroupsPath in systemd's form, "slice:prefix:name": the
// unit is prefix-name.scope in the slice, or the slice that name itself is. An
// empty path is ":rung:ID". Errors name the field; their texts are runc's.
func ParsePath(cgroupsPath, id string, user bool) (Unit, error) {
	if cgroupsPath == "" {
		cgroupsPath = ":rung:" + id
	}
	parts := strings.Split(cgroupsPath, ":")
	if len(parts) != 3 {
		return Unit{}, fmt.Errorf("linux.cgroupsPath: expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got %q instead", cgroupsPath)
	}
	u := Unit{Slice: parts[0], Name: parts[2]}
	if u.Slice == "" {
		u.Slice = "system.slice"
		if user {
			u.Slice = "user.slice"
		}
	}
	if u.Name != "" && !u.IsSlice() {
		u.Name = parts[1] + "-" + u.Name + ".scope"
	}
	if err := checkName(u.Name); err != nil {
		return Unit{}, fmt.Errorf("linux.cgroupsPath: %w", err)
	}
	if _, err := expand(u.Slice); err != nil {
		return Unit{}, fmt.Errorf("linux.cgroupsPath: %w", err)
	}
	if u.IsSlice() {
		if _, err := expand(u.Name); err != nil {
			return Unit{}, fmt.Errorf("linux.cgroupsPath: %w", err)
		}
	}
	return u, nil
}

// checkName refuses what isn't the name of a unit.
func checkName(name string) error {
	bad := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-_.\\@:", r)
	}
	if name == "" || len(name) > 255 || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%.300q is not the name of a systemd unit", name)
	}
	return nil
}

// expand is the path of a slice: a-b.slice is a.slice/a-b.slice, and -.slice the
// root.
func expand(slice string) (string, error) {
	name, ok := strings.CutSuffix(slice, sliceSuffix)
	if !ok || checkName(slice) != nil {
		return "", fmt.Errorf("invalid slice name: %.300q", slice)
	}
	if name == "-" {
		return "/", nil
	}
	dir, sofar := "", ""
	for part := range strings.SplitSeq(name, "-") {
		if part == "" {
			return "", fmt.Errorf("invalid slice name: %.300q", slice)
		}
		sofar += part
		dir += "/" + sofar + sliceSuffix
		sofar += "-"
	}
	return dir, nil
}

// Locate decides where systemd makes the unit's cgroup. base is the cgroup of
// the manager that has the unit: "/", or that of the user's.
func (u Unit) Locate(l *cgroups.Layout, base string) (cgroups.Location, error) {
	dir, err := expand(u.Slice)
	if u.IsSlice() {
		dir, err = expand(u.Name)
	} else {
		dir = path.Join(dir, u.Name)
	}
	if err != nil {
		return nil, err
	}
	return l.Locate(path.Join("/", base, dir), "")
}
