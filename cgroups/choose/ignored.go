package choose

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	v1 "github.com/rung-oci/rung/cgroups/v1"
	v2 "github.com/rung-oci/rung/cgroups/v2"
)

// Ignored are the fields of r that have no effect in the cgroups of a container, which
// exist, and why: each is a line for a warning.
func Ignored(loc cgroups.Location, r *specs.LinuxResources) (warnings []string) {
	writes := v1.Writes(r)
	dir := func(w *cgfile.Write) string { return loc[w.Controller] }
	if unified, ok := loc[""]; ok && len(loc) == 1 {
		writes = v2.Writes(r)
		dir = func(*cgfile.Write) string { return unified }
	}
	for i := range writes {
		w := &writes[i]
		if w.Ignorable != "" && !has(dir(w), w.File) && !unifiedHas(loc, w.Controller) {
			warnings = append(warnings, w.Field+": ignored, "+w.Ignorable)
		}
	}
	return warnings
}

// has tells whether a cgroup has a file.
func has(dir, file string) bool {
	if dir == "" || file == "" {
		return false
	}
	_, err := cgfile.Text(dir + "/" + file)
	return err == nil
}

// unifiedHas tells whether a controller is that of a hybrid host's v2 cgroup, where
// other files say the same.
func unifiedHas(loc cgroups.Location, controller string) bool {
	if _, v1 := loc[controller]; v1 || len(loc) < 2 {
		return false
	}
	text, err := cgfile.Text(loc[""] + "/cgroup.controllers")
	return err == nil && slices.Contains(strings.Fields(text), controller)
}
