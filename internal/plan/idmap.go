package plan

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/step"
)

// idMap plans how the ids of mounts[i] are mapped. Mappings alone ask for it as
// the option idmap does; the option alone takes the container's mappings.
func (p *planner) idMap(i int, m *specs.Mount, o option.Options) step.IDMap {
	mapped := len(m.UIDMappings) > 0
	if !mapped && !o.IDMap && !o.RIDMap {
		return step.IDMap{}
	}
	ids := step.IDMap{Field: p.field(i, "uidMappings"), MapsField: p.field(i, ""), Recursive: o.RIDMap}
	switch {
	case mapped:
		ids.UID, ids.GID = IDMap(m.UIDMappings), IDMap(m.GIDMappings)
		return ids
	case o.RIDMap:
		ids.Field = p.field(i, `options["ridmap"]`)
	default:
		ids.Field = p.field(i, `options["idmap"]`)
	}
	if p.ns.joined&unix.CLONE_NEWUSER != 0 {
		ids.Joined = slices.IndexFunc(p.host.Joined, func(j Joined) bool { return j.Flag == unix.CLONE_NEWUSER })
		return ids
	}
	ids.MapsField = "linux"
	ids.UID, ids.GID = p.ns.maps(p.spec)
	return ids
}
