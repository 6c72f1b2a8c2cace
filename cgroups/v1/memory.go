package v1

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

const (
	limitFile = "memory.limit_in_bytes"
	memswFile = "memory.memsw.limit_in_bytes"
)

// memory: zero is "nothing asked for", as engines write it. The kernel's own
// memory has no limit of its own since Linux 5.4, and hierarchies always count
// what is below since 5.11.
func memory(m *specs.LinuxMemory) []cgfile.Write {
	if m == nil {
		return nil
	}
	l := cgfile.List{Controller: "memory", Field: "linux.resources.memory."}
	add := func(file, field string, v *int64) {
		if cgfile.Asked(v) {
			l.Add(file, strconv.FormatInt(*v, 10), field).Unlimited = *v == -1
		}
	}
	// The kernel never lets the limit be above that of memory and swap.
	if cgfile.Asked(m.Limit) || cgfile.Asked(m.Swap) {
		l.Reset(memswFile, "-1", "swap")
	}
	add(limitFile, "limit", m.Limit)
	add(memswFile, "swap", m.Swap)
	if cgfile.Asked(m.Swap) && *m.Swap == -1 {
		l.Writes[len(l.Writes)-1].Optional = true // a kernel that doesn't count swap doesn't limit it
	}
	add("memory.soft_limit_in_bytes", "reservation", m.Reservation)
	if m.Swappiness != nil {
		l.Add("memory.swappiness", strconv.FormatUint(*m.Swappiness, 10), "swappiness")
	}
	if m.DisableOOMKiller != nil && *m.DisableOOMKiller {
		l.Add("memory.oom_control", "1", "disableOOMKiller")
	} else if m.DisableOOMKiller != nil {
		l.Reset("memory.oom_control", "0", "disableOOMKiller")
	}
	return l.Writes
}
