package v2

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rung-oci/rung/cgroups/cgfile"
)

func memory(m *specs.LinuxMemory) []cgfile.Write {
	// Engines say "no limit asked for" with 0.
	if m == nil || m.Limit == nil || *m.Limit == 0 {
		return nil
	}
	w := cgfile.Write{Controller: "memory", File: "memory.max", Field: "linux.resources.memory.limit"}
	if *m.Limit == -1 {
		w.Value, w.Unlimited = "max", true
	} else {
		w.Value = strconv.FormatInt(*m.Limit, 10)
	}
	return []cgfile.Write{w}
}
