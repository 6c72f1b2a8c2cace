package choose

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	v1 "github.com/rung-oci/rung/cgroups/v1"
	v2 "github.com/rung-oci/rung/cgroups/v2"
)

// A Limit is a value of a file in a container's cgroup.
type Limit struct {
	Dir string // of the cgroup
	cgfile.Write
}

// Limits are the values that r asks for in the cgroups of a container, each where its controller is.
// What the location has no place for is left out, and so is what only takes an earlier limit back.
func Limits(loc cgroups.Location, r *specs.LinuxResources) (list []Limit) {
	for _, w := range cgfile.Fresh(v1.Writes(r)) {
		if dir := loc[w.Controller]; dir != "" && w.File != "" {
			list = append(list, Limit{dir, w})
		}
	}
	unified := loc[""]
	if unified == "" {
		return list
	}
	for _, w := range append(cgfile.Fresh(v2.Writes(r)), v2.Unified(r)...) {
		if w.File != "" && loc[cgroups.V1Name(w.Controller)] == "" {
			list = append(list, Limit{unified, w})
		}
	}
	return list
}
