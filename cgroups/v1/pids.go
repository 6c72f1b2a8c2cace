package v1

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

func pids(p *specs.LinuxPids) []cgfile.Write {
	if p == nil || p.Limit == nil {
		return nil
	}
	w := cgfile.Write{Controller: "pids", File: "pids.max", Field: "linux.resources.pids.limit"}
	switch *p.Limit {
	case -1:
		w.Value, w.Unlimited = "max", true
	case 0:
		// A limit of no process at all would refuse the container's first one;
		// runc reads it as the smallest limit that lets a container run.
		w.Value = "1"
	default:
		w.Value = strconv.FormatInt(*p.Limit, 10)
	}
	return []cgfile.Write{w}
}
