// Package choose picks the [cgroups.Manager] for a location.
package choose

import (
	"errors"
	"fmt"
	"path"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/systemd"
	v1 "github.com/rung-oci/rung/cgroups/v1"
	v2 "github.com/rung-oci/rung/cgroups/v2"
)

// ErrNone is the error for a location without any directory: a host on which no
// cgroup is mounted.
var ErrNone = errors.New("no cgroup is mounted")

// Manager returns the manager that can create the location on a host of this layout.
func Manager(l *cgroups.Layout, loc cgroups.Location) (cgroups.Manager, error) {
	return inner(l, loc)
}

func inner(l *cgroups.Layout, loc cgroups.Location) (systemd.Inner, error) {
	if err := check(loc); err != nil {
		return nil, err
	}
	if dir, ok := loc[""]; ok && len(loc) == 1 {
		mount := ""
		if h := l.Hierarchy(""); h != nil {
			mount = h.Mountpoint
		}
		return v2.New(mount, dir), nil
	}
	return v1.New(l, loc), nil
}

// Load returns a manager for a location from a container's state. It looks at
// nothing on the host; everything but Make works.
func Load(loc cgroups.Location) (cgroups.Manager, error) {
	return inner(&cgroups.Layout{}, loc)
}

// Systemd returns the manager that can have systemd, or the user's own one, make
// a unit for the container, with the properties that annotations ask for.
func Systemd(l *cgroups.Layout, cgroupsPath, id string, user bool, annotations map[string]string) (cgroups.Manager, error) {
	extra, err := systemd.Annotated(annotations)
	if err != nil {
		return nil, err
	}
	unit, loc, err := unit(l, cgroupsPath, id, user)
	if err != nil {
		return nil, err
	}
	in, err := inner(l, loc)
	if err != nil {
		return nil, err
	}
	return systemd.New(l, in, unit, user, systemd.Options{Description: "rung container " + id, Extra: extra}), nil
}

// LocateUnit is where [Systemd] has the container's unit.
func LocateUnit(l *cgroups.Layout, cgroupsPath, id string, user bool) (cgroups.Location, error) {
	_, loc, err := unit(l, cgroupsPath, id, user)
	return loc, err
}

func unit(l *cgroups.Layout, cgroupsPath, id string, user bool) (u systemd.Unit, loc cgroups.Location, err error) {
	if err := systemd.Running(); err != nil {
		return u, nil, err
	}
	if u, err = systemd.ParsePath(cgroupsPath, id, user); err != nil {
		return u, nil, err
	}
	base := "/"
	if user {
		if base, err = systemd.UserBase(); err != nil {
			return u, nil, err
		}
	}
	loc, err = u.Locate(l, base)
	return u, loc, err
}

// LoadSystemd is Load for a container in a unit.
func LoadSystemd(loc cgroups.Location, user bool) (cgroups.Manager, error) {
	in, err := inner(&cgroups.Layout{}, loc)
	if err != nil {
		return nil, err
	}
	return systemd.Load(in, user), nil
}

// check refuses locations that [cgroups.Layout.Locate] wouldn't have made: the
// state of a container is a file, and its directories get removed.
func check(loc cgroups.Location) error {
	if len(loc) == 0 {
		return ErrNone
	}
	for key, dir := range loc {
		if !path.IsAbs(dir) || path.Clean(dir) != dir || dir == "/" {
			return fmt.Errorf("cgroup of %q: %.100q is not a clean absolute path", key, dir)
		}
	}
	return nil
}
