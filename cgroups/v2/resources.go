package v2

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// core is the controller of files that every cgroup has.
const core = "cgroup"

// Writes decides what the resources mean for the files of a v2 cgroup, in the
// order in which they are to be written. Device rules aren't files on v2.
func Writes(r *specs.LinuxResources) []cgfile.Write {
	if r == nil {
		return nil
	}
	return slices.Concat(
		cgfile.PidsLimit(r.Pids), memory(r.Memory), cpu(r.CPU), cgfile.CPUSet(r.CPU), io(r.BlockIO), cgfile.HugeTLB(r.HugepageLimits, "max"),
		network(r.Network), cgfile.RDMA(r.Rdma),
	)
}

// nothing is a field without a counterpart on v2, which the runtime-spec lets a runtime
// ignore: a controller of v1 is what it speaks of.
func nothing(controller, field string) cgfile.Write {
	return cgfile.Write{Controller: controller, Field: "linux.resources." + field, Ignorable: "cgroup v2 has nothing like it"}
}

// Unified decides the writes of linux.resources.unified, one for each line of a
// value. They come after all others, which they override.
func Unified(r *specs.LinuxResources) (out []cgfile.Write) {
	if r == nil {
		return nil
	}
	for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
		controller, _, _ := strings.Cut(file, ".")
		for line := range strings.SplitSeq(r.Unified[file], "\n") {
			if line != "" {
				out = append(out, cgfile.Write{Controller: controller, File: file, Value: line, Field: fmt.Sprintf("linux.resources.unified[%q]", file)})
			}
		}
	}
	return out
}
