package choose

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	v1 "github.com/rung-oci/rung/cgroups/v1"
	v2 "github.com/rung-oci/rung/cgroups/v2"
)

// A Need is a controller that a limit takes.
type Need struct {
	Controller string // its name on cgroup v2, where it has one
	Unified    bool   // it has to be of cgroup v2
	Field      string // of the configuration
	Ignored    string // why the field may be ignored where the controller is missing; "": it may not
}

// Needs lists the controllers that the limits of r take on a host of this layout.
func Needs(l *cgroups.Layout, r *specs.LinuxResources) (list []Need) {
	writes := v1.Writes(r)
	if l.Mode == cgroups.Unified {
		writes = v2.Writes(r)
	}
	for i, lists := range [...][]cgfile.Write{writes, v2.Unified(r)} {
		for _, w := range lists {
			if w.Unlimited || w.Optional || w.Controller == "cgroup" {
				continue
			}
			name := w.Controller
			if name == cgroups.V1Name("io") {
				name = "io"
			}
			list = append(list, Need{Controller: name, Unified: i == 1, Field: w.Field, Ignored: w.Ignorable})
		}
	}
	return list
}
