package cgroups

// Stats is what a container uses, as [Manager.Stats] reads it: the values of
// both cgroup versions under the names of v1, which is what engines know.
type Stats struct {
	CPU    CPUStats
	Cpuset CpusetStats
	Memory MemoryStats
	Pids   PidsStats
	IO     IOStats
	// Hugetlb is by the size of the pages, as in the names of the kernel's files: "2MB".
	Hugetlb map[string]HugetlbStats
}

// CPUStats are times in nanoseconds.
type CPUStats struct {
	Total, Kernel, User uint64
	// PerCPU, PerCPUKernel and PerCPUUser are by the number of the CPU; v1 only.
	PerCPU, PerCPUKernel, PerCPUUser []uint64
	// Periods of the quota, those in which it was used up, and the time that
	// threads then waited.
	Periods, Throttled, ThrottledTime uint64
	PSI                               *PSI // v2 only
}

// CpusetStats are the settings of a cpuset; of v2 there are CPUs and Mems only.
type CpusetStats struct {
	CPUs, Mems                                                        []uint16
	CPUExclusive, MemExclusive, MemHardwall                           uint64
	MemoryMigrate, MemorySpreadPage, MemorySpreadSlab, MemoryPressure uint64
	SchedLoadBalance                                                  uint64
	SchedRelaxDomainLevel                                             int64
}

// MemoryStats are in bytes.
type MemoryStats struct {
	Cache uint64
	Usage MemoryUsage
	// Swap is memory and swap together, of both versions.
	Swap MemoryUsage
	// Kernel and KernelTCP are v1's.
	Kernel, KernelTCP MemoryUsage
	// Raw is the kernel's memory.stat.
	Raw map[string]uint64
	PSI *PSI // v2 only
}

// MemoryUsage is what is used of a kind of memory, and was at most. Limit is
// math.MaxUint64 on v2, and a number near 2⁶³ on v1, if there is none.
type MemoryUsage struct{ Limit, Usage, Max, Failures uint64 }

// PidsStats count processes and threads. Limit is 0 if there is none.
type PidsStats struct{ Current, Limit uint64 }

// IOStats are by device and kind of operation, in the order of the kernel's files.
type IOStats struct {
	Bytes, Ops                                           []IOEntry
	Queued, ServiceTime, WaitTime, Merged, Time, Sectors []IOEntry // v1, of some schedulers
	PSI                                                  *PSI      // v2 only
}

// IOEntry is a number of a block device. Op is "Read", "Write" and the like, or
// "" for a number without a kind.
type IOEntry struct {
	Major, Minor uint64
	Op           string
	Value        uint64
}

// HugetlbStats are bytes, and how often the limit was met.
type HugetlbStats struct{ Usage, Max, Failures uint64 }

// PSI is pressure stall information (Linux 4.20, Documentation/accounting/psi.rst).
type PSI struct{ Some, Full Pressure }

// Pressure is the share of time in percent, over seconds, in which some or all
// tasks waited, and the time in all in microseconds.
type Pressure struct {
	Avg10, Avg60, Avg300 float64
	Total                uint64
}
