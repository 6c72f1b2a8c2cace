package choose

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	v1 "github.com/rung-oci/rung/cgroups/v1"
	v2 "github.com/rung-oci/rung/cgroups/v2"
)

// Rootless reduces the location of a container that didn't choose its own to
// what its creator, who has no privileges, may make of it. That can be nothing:
// then the container lives in the creator's cgroup. A limit that can't be set so
// is an error.
func Rootless(l *cgroups.Layout, loc cgroups.Location, r *specs.LinuxResources) (cgroups.Location, error) {
	have := l.Permitted(loc)
	if w := beyond(l, have, r); w != nil {
		return nil, fmt.Errorf("%s: rootless needs no limits + no cgrouppath when no permission is granted for cgroups", w.Field)
	}
	return have, nil
}

// Limited names a field of r that takes a cgroup on a host of this layout, "" if none
// does. Device rules aren't looked at.
func Limited(l *cgroups.Layout, r *specs.LinuxResources) string {
	if w := beyond(l, cgroups.Location{}, r); w != nil {
		return w.Field
	}
	return ""
}

// beyond finds a limit whose controller isn't in the location. What the unified
// hierarchy can set, it says itself.
func beyond(l *cgroups.Layout, have cgroups.Location, r *specs.LinuxResources) *cgfile.Write {
	if _, ok := have[""]; ok && l.Mode == cgroups.Unified {
		return nil
	}
	unified := l.Hierarchy("")
	for _, list := range [...][]cgfile.Write{v1.Writes(r), v2.Writes(r), v2.Unified(r)} {
		for i := range list {
			w := &list[i]
			if _, ok := have[cgroups.V1Name(w.Controller)]; ok || w.Unlimited || w.File == "" {
				continue
			}
			if _, ok := have[""]; ok && l.Hierarchy(cgroups.V1Name(w.Controller)) == nil && unified != nil {
				continue
			}
			return w
		}
	}
	return nil
}

// AllDevices are resources with a rule that allows all devices in place of
// their own: who has no rights on the host can't set one.
func AllDevices(r *specs.LinuxResources) *specs.LinuxResources {
	all := specs.LinuxResources{}
	if r != nil {
		all = *r
	}
	all.Devices = []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}
	return &all
}
