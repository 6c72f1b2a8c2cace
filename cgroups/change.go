package cgroups

import (
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// Merge returns the resources of a container that has old after an update that
// asks for some: what the update leaves out, or has as a zero where engines
// write zeros for "nothing asked for", stays. Neither argument is changed; either
// may be nil.
//
// Lists of block devices, huge pages, interfaces and RDMA devices are merged by
// what they are for, unified by its keys. Device rules are appended, as they are
// evaluated in order: a list that begins with a rule for all devices replaces
// those before it.
func Merge(old, asked *specs.LinuxResources) *specs.LinuxResources {
	var r specs.LinuxResources
	if old != nil {
		r = *old
	}
	if asked == nil {
		return &r
	}
	r.Devices = mergeDevices(r.Devices, asked.Devices)
	r.Memory = mergeMemory(r.Memory, asked.Memory)
	r.CPU = mergeCPU(r.CPU, asked.CPU)
	if asked.Pids != nil && asked.Pids.Limit != nil {
		r.Pids = asked.Pids
	}
	r.BlockIO = mergeBlockIO(r.BlockIO, asked.BlockIO)
	r.HugepageLimits = upsert(r.HugepageLimits, asked.HugepageLimits, func(a, b *specs.LinuxHugepageLimit) bool { return a.Pagesize == b.Pagesize })
	r.Network = mergeNetwork(r.Network, asked.Network)
	r.Rdma = mergeMap(r.Rdma, asked.Rdma)
	r.Unified = mergeMap(r.Unified, asked.Unified)
	return &r
}

// Change returns what has to be set when resources become merged because asked
// was asked for: the fields asked for and those that share a file or a condition
// with them. Device rules are all of merged's, or none if they stay the same.
func Change(old, merged, asked *specs.LinuxResources) *specs.LinuxResources {
	if asked == nil {
		return &specs.LinuxResources{}
	}
	r := *asked
	r.Devices = nil
	if !slices.EqualFunc(merged.Devices, rules(old), func(a, b specs.LinuxDeviceCgroup) bool { return a.Allow == b.Allow && sameDevices(&a, &b) }) {
		r.Devices = merged.Devices
	}
	if asked.Memory != nil {
		m := *asked.Memory
		if cgfile.Asked(m.Limit) || cgfile.Asked(m.Swap) {
			m.Limit, m.Swap = merged.Memory.Limit, merged.Memory.Swap
		}
		m.CheckBeforeUpdate = merged.Memory.CheckBeforeUpdate
		r.Memory = &m
	}
	if asked.CPU != nil {
		c, all := *asked.CPU, merged.CPU
		if cgfile.Asked(c.Quota) || cgfile.Asked(c.Period) || c.Burst != nil {
			c.Quota, c.Period, c.Burst = all.Quota, all.Period, all.Burst
		}
		if cgfile.Asked(c.Shares) || c.Idle != nil {
			c.Shares, c.Idle = all.Shares, all.Idle
		}
		if cgfile.Asked(c.RealtimePeriod) || cgfile.Asked(c.RealtimeRuntime) {
			c.RealtimePeriod, c.RealtimeRuntime = all.RealtimePeriod, all.RealtimeRuntime
		}
		r.CPU = &c
	}
	return &r
}

func rules(r *specs.LinuxResources) []specs.LinuxDeviceCgroup {
	if r == nil {
		return nil
	}
	return r.Devices
}

// mergeDevices drops what a rule for all devices makes void: updates would make
// the list grow for ever.
func mergeDevices(old, asked []specs.LinuxDeviceCgroup) []specs.LinuxDeviceCgroup {
	if len(asked) == 0 {
		return old
	}
	for i, d := range slices.Backward(asked) {
		if d.Type == "" || d.Type == "a" {
			return asked[i:]
		}
	}
	kept := slices.DeleteFunc(slices.Clone(old), func(o specs.LinuxDeviceCgroup) bool {
		return slices.ContainsFunc(asked, func(a specs.LinuxDeviceCgroup) bool { return sameDevices(&o, &a) })
	})
	return append(kept, asked...)
}

// sameDevices tells whether two rules speak of the same accesses to the same devices.
func sameDevices(a, b *specs.LinuxDeviceCgroup) bool {
	return a.Type == b.Type && same(a.Major, b.Major) && same(a.Minor, b.Minor) && a.Access == b.Access
}

func same(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

func mergeMemory(old, asked *specs.LinuxMemory) *specs.LinuxMemory {
	if old == nil || asked == nil {
		return either(old, asked)
	}
	m := *old
	take(&m.Limit, asked.Limit)
	take(&m.Swap, asked.Swap)
	take(&m.Reservation, asked.Reservation)
	// Memory and swap together can't be limited when memory alone isn't.
	if cgfile.Asked(asked.Limit) && *asked.Limit == -1 && !cgfile.Asked(asked.Swap) {
		m.Swap = asked.Limit
	}
	takeAny(&m.Swappiness, asked.Swappiness)
	takeAny(&m.DisableOOMKiller, asked.DisableOOMKiller)
	takeAny(&m.CheckBeforeUpdate, asked.CheckBeforeUpdate)
	return &m
}

func mergeCPU(old, asked *specs.LinuxCPU) *specs.LinuxCPU {
	if old == nil || asked == nil {
		return either(old, asked)
	}
	c := *old
	take(&c.Shares, asked.Shares)
	take(&c.Quota, asked.Quota)
	take(&c.Period, asked.Period)
	takeAny(&c.Burst, asked.Burst)
	take(&c.RealtimePeriod, asked.RealtimePeriod)
	take(&c.RealtimeRuntime, asked.RealtimeRuntime)
	takeAny(&c.Idle, asked.Idle)
	if asked.Cpus != "" {
		c.Cpus = asked.Cpus
	}
	if asked.Mems != "" {
		c.Mems = asked.Mems
	}
	return &c
}

func mergeBlockIO(old, asked *specs.LinuxBlockIO) *specs.LinuxBlockIO {
	if old == nil || asked == nil {
		return either(old, asked)
	}
	b := *old
	take(&b.Weight, asked.Weight)
	take(&b.LeafWeight, asked.LeafWeight)
	b.WeightDevice = upsert(b.WeightDevice, asked.WeightDevice, func(a, b *specs.LinuxWeightDevice) bool { return a.LinuxBlockIODevice == b.LinuxBlockIODevice })
	for _, l := range [...]struct{ old, asked *[]specs.LinuxThrottleDevice }{
		{&b.ThrottleReadBpsDevice, &asked.ThrottleReadBpsDevice},
		{&b.ThrottleWriteBpsDevice, &asked.ThrottleWriteBpsDevice},
		{&b.ThrottleReadIOPSDevice, &asked.ThrottleReadIOPSDevice},
		{&b.ThrottleWriteIOPSDevice, &asked.ThrottleWriteIOPSDevice},
	} {
		*l.old = upsert(*l.old, *l.asked, func(a, b *specs.LinuxThrottleDevice) bool { return a.LinuxBlockIODevice == b.LinuxBlockIODevice })
	}
	return &b
}

func mergeNetwork(old, asked *specs.LinuxNetwork) *specs.LinuxNetwork {
	if old == nil || asked == nil {
		return either(old, asked)
	}
	n := *old
	take(&n.ClassID, asked.ClassID)
	n.Priorities = upsert(n.Priorities, asked.Priorities, func(a, b *specs.LinuxInterfacePriority) bool { return a.Name == b.Name })
	return &n
}

// upsert replaces what is the same thing and appends the rest.
func upsert[T any](old, asked []T, same func(a, b *T) bool) []T {
	if len(asked) == 0 {
		return old
	}
	out := slices.Clone(old)
	for i := range asked {
		at := slices.IndexFunc(out, func(o T) bool { return same(&o, &asked[i]) })
		if at < 0 {
			out = append(out, asked[i])
		} else {
			out[at] = asked[i]
		}
	}
	return out
}

func mergeMap[T any](old, asked map[string]T) map[string]T {
	if len(asked) == 0 {
		return old
	}
	out := make(map[string]T, len(old)+len(asked))
	maps.Copy(out, old)
	maps.Copy(out, asked)
	return out
}

func either[T any](old, asked *T) *T {
	if asked != nil {
		return asked
	}
	return old
}

// take takes a value over that was asked for: zeros weren't.
func take[T int64 | uint64 | uint32 | uint16](to **T, asked *T) {
	if cgfile.Asked(asked) {
		*to = asked
	}
}

// takeAny takes a value over of which zero is one.
func takeAny[T any](to **T, asked *T) {
	if asked != nil {
		*to = asked
	}
}
