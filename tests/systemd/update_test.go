package systemd

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// An update is one of the unit too, so that systemd doesn't take it back, and of
// files that the unit has no property for.
func TestUpdate(t *testing.T) {
	u := newUnit(t, resources(specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: ptr(int64(64 << 20))}, Pids: &specs.LinuxPids{Limit: ptr(int64(50))},
	}))
	pid := u.start(t)
	u.Must(t, "pause")
	u.Run(t, "update", "--memory", "134217728", "--memory-swap", "201326592", "--pids-limit", "99", "--cpu-quota", "12345", "--cpu-period", "50000", "--cpu-share", "512", "--cpuset-cpus", "1", u.ID).Silent(t)
	want := []string{
		"MemoryMax=134217728", "MemorySwapMax=67108864", "TasksMax=99", "CPUQuotaPerSecUSec=250ms", "CPUQuotaPeriodUSec=50ms", "CPUWeight=59", "AllowedCPUs=1",
		"memory.max=134217728", "memory.swap.max=67108864", "pids.max=99", "cpu.max=12345 50000", "cpu.weight=59", "cpuset.cpus=1", "cgroup.freeze=1",
	}
	u.check(t, want...)
	u.Must(t, "resume")
	// What can't be had leaves all as it was.
	u.Run(t, "update", "--pids-limit", "5", "--cpuset-cpus", "4095", u.ID).Fails(t, 1, "cpuset")
	want[len(want)-1] = "cgroup.freeze=0"
	u.check(t, want...)
	ctl(t, u.ctl, "daemon-reload")
	u.check(t, "MemoryMax=134217728", "TasksMax=99", "CPUWeight=59", "AllowedCPUs=1", "memory.max=134217728", "pids.max=99", "cpu.weight=59", "cpuset.cpus=1")
	u.Run(t, "update", "--memory", "-1", "--pids-limit", "-1", "--cpu-quota", "-1", u.ID).Silent(t)
	u.check(t, "MemoryMax=infinity", "TasksMax=infinity", "CPUQuotaPerSecUSec=infinity", "memory.max=max", "pids.max=max", "cpu.max=max 50000")
	u.end(t, pid)
}
