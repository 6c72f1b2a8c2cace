package v1

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rung-oci/rung/cgroups/cgfile"
)

// Writes decides what the resources mean for the files of v1 cgroups, in the
// order in which they are to be written, device rules left out: those are
// package device's.
func Writes(r *specs.LinuxResources) []cgfile.Write {
	if r == nil {
		return nil
	}
	var w []cgfile.Write
	w = append(w, pids(r.Pids)...)
	w = append(w, memory(r.Memory)...)
	return w
}
