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
func memory(m *specs.LinuxMemory) (out []cgfile.Write) {
	if m == nil {
		return nil
	}
	add := func(file, field string, v *int64) {
		if v != nil && *v != 0 {
			out = append(out, cgfile.Write{
				Controller: "memory", File: file, Value: strconv.FormatInt(*v, 10), Field: "linux.resources.memory." + field, Unlimited: *v == -1,
			})
		}
	}
	// The kernel never lets the limit be above that of memory and swap.
	if set(m.Limit) || set(m.Swap) {
		out = append(out, cgfile.Write{
			Controller: "memory", File: memswFile, Value: "-1", Field: "linux.resources.memory.swap", Unlimited: true, Optional: true, Reset: true,
		})
	}
	add(limitFile, "limit", m.Limit)
	add(memswFile, "swap", m.Swap)
	if set(m.Swap) && *m.Swap == -1 {
		out[len(out)-1].Optional = true // a kernel that doesn't count swap doesn't limit it
	}
	add("memory.soft_limit_in_bytes", "reservation", m.Reservation)
	if m.Swappiness != nil {
		out = append(out, cgfile.Write{
			Controller: "memory", File: "memory.swappiness", Value: strconv.FormatUint(*m.Swappiness, 10), Field: "linux.resources.memory.swappiness",
		})
	}
	if m.DisableOOMKiller != nil {
		w := cgfile.Write{Controller: "memory", File: "memory.oom_control", Value: "1", Field: "linux.resources.memory.disableOOMKiller"}
		if !*m.DisableOOMKiller {
			w.Value, w.Unlimited, w.Optional, w.Reset = "0", true, true, true
		}
		out = append(out, w)
	}
	return out
}

// set tells whether a limit was asked for: engines write zeros for those that
// were not.
func set[T int64 | uint64](v *T) bool { return v != nil && *v != 0 }
