package v1

import (
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// network marks packets; only v1 can do that.
func network(n *specs.LinuxNetwork) (out []cgfile.Write) {
	if n == nil {
		return nil
	}
	if cgfile.Asked(n.ClassID) {
		out = append(out, cgfile.Write{
			Controller: "net_cls", File: "net_cls.classid", Value: strconv.FormatUint(uint64(*n.ClassID), 10), Field: "linux.resources.network.classID",
		})
	}
	for i, p := range n.Priorities {
		out = append(out, cgfile.Write{
			Controller: "net_prio", File: "net_prio.ifpriomap", Value: p.Name + " " + strconv.FormatUint(uint64(p.Priority), 10),
			Field: fmt.Sprintf("linux.resources.network.priorities[%d]", i),
		})
	}
	return out
}
