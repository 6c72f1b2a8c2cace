package v2

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// memory: zero is "nothing asked for", as engines write it.
func memory(m *specs.LinuxMemory) (out []cgfile.Write) {
	if m == nil {
		return nil
	}
	add := func(file, field, value string) {
		out = append(out, cgfile.Write{
			Controller: "memory", File: file, Value: value, Field: "linux.resources.memory." + field, Unlimited: value == "max",
		})
	}
	if value := swapMax(m); value != "" {
		add("memory.swap.max", "swap", value)
		out[len(out)-1].Optional = value == "max" || value == "0" // without swap there is none to use
	}
	if set(m.Limit) {
		add("memory.max", "limit", number(*m.Limit))
	}
	if set(m.Reservation) {
		add("memory.low", "reservation", number(*m.Reservation))
	}
	if m.Swappiness != nil {
		out = append(out, nothing("memory", "memory.swappiness"))
	}
	if m.DisableOOMKiller != nil && *m.DisableOOMKiller {
		out = append(out, nothing("memory", "memory.disableOOMKiller"))
	}
	return out
}

// swapMax converts v1's limit of memory and swap together to v2's of swap alone.
// It is "" if there is nothing to write. A limit below that of memory, or
// without one, the configuration can't have.
func swapMax(m *specs.LinuxMemory) string {
	switch {
	case set(m.Swap) && *m.Swap == -1:
		return "max"
	case !set(m.Swap):
		if set(m.Limit) && *m.Limit == -1 {
			return "max" // what an unlimited v1 memory has
		}
		return ""
	case !set(m.Limit) || *m.Limit < 0 || *m.Swap < *m.Limit:
		return ""
	}
	return strconv.FormatInt(*m.Swap-*m.Limit, 10)
}

func number(n int64) string {
	if n == -1 {
		return "max"
	}
	return strconv.FormatInt(n, 10)
}

// set tells whether a limit was asked for: engines write zeros for those that
// were not.
func set[T int64 | uint64](v *T) bool { return v != nil && *v != 0 }
