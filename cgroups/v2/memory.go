package v2

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// memory: zero is "nothing asked for", as engines write it.
func memory(m *specs.LinuxMemory) []cgfile.Write {
	if m == nil {
		return nil
	}
	l := cgfile.List{Controller: "memory", Field: "linux.resources.memory."}
	add := func(file, value, field string) *cgfile.Write {
		w := l.Add(file, value, field)
		w.Unlimited = value == "max"
		return w
	}
	if value := swapMax(m); value != "" {
		add("memory.swap.max", value, "swap").Optional = value == "max" || value == "0" // without swap there is none to use
	}
	if cgfile.Asked(m.Limit) {
		add("memory.max", number(*m.Limit), "limit")
	}
	if cgfile.Asked(m.Reservation) {
		add("memory.low", number(*m.Reservation), "reservation")
	}
	if m.Swappiness != nil {
		l.Writes = append(l.Writes, nothing("memory", "memory.swappiness"))
	}
	if m.DisableOOMKiller != nil && *m.DisableOOMKiller {
		l.Writes = append(l.Writes, nothing("memory", "memory.disableOOMKiller"))
	}
	return l.Writes
}

// swapMax converts v1's limit of memory and swap together to v2's of swap alone.
// It is "" if there is nothing to write. A limit below that of memory, or
// without one, the configuration can't have.
func swapMax(m *specs.LinuxMemory) string {
	switch {
	case cgfile.Asked(m.Swap) && *m.Swap == -1:
		return "max"
	case !cgfile.Asked(m.Swap):
		if cgfile.Asked(m.Limit) && *m.Limit == -1 {
			return "max" // what an unlimited v1 memory has
		}
		return ""
	case !cgfile.Asked(m.Limit) || *m.Limit < 0 || *m.Swap < *m.Limit:
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
