package v2

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// network can't be had: marking packets is left to eBPF programs on v2.
func network(n *specs.LinuxNetwork) (out []cgfile.Write) {
	if n == nil {
		return nil
	}
	if n.ClassID != nil && *n.ClassID != 0 {
		out = append(out, cgfile.Write{Controller: "net_cls", Field: "linux.resources.network.classID", Impossible: "cgroup v2 has nothing like it"})
	}
	if len(n.Priorities) > 0 {
		out = append(out, cgfile.Write{Controller: "net_prio", Field: "linux.resources.network.priorities", Impossible: "cgroup v2 has nothing like it"})
	}
	return out
}
