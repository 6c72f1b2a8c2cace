package v2

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rung-oci/rung/cgroups/cgfile"
)

// Writes decides what the resources mean for the files of a v2 cgroup, in the
// order in which they are to be written. Device rules aren't files on v2.
func Writes(r *specs.LinuxResources) []cgfile.Write {
	if r == nil {
		return nil
	}
	var w []cgfile.Write
	w = append(w, pids(r.Pids)...)
	w = append(w, memory(r.Memory)...)
	return w
}
