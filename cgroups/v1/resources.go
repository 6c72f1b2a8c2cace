package v1

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// Writes decides what the resources mean for the files of v1 cgroups, in the
// order in which they are to be written. Left out are device rules, which are
// package device's, and linux.resources.unified, which is for v2 only.
func Writes(r *specs.LinuxResources) []cgfile.Write {
	if r == nil {
		return nil
	}
	return slices.Concat(
		cgfile.PidsLimit(r.Pids), memory(r.Memory), cpu(r.CPU), cpusets(r.CPU), blkio(r.BlockIO), cgfile.HugeTLB(r.HugepageLimits, "limit_in_bytes"),
		network(r.Network), cgfile.RDMA(r.Rdma),
	)
}
