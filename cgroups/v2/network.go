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
	if cgfile.Asked(n.ClassID) {
		out = append(out, nothing("net_cls", "network.classID"))
	}
	if len(n.Priorities) > 0 {
		out = append(out, nothing("net_prio", "network.priorities"))
	}
	return out
}
