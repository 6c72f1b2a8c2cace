package v1

import (
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

const (
	quotaFile     = "cpu.cfs_quota_us"
	periodFile    = "cpu.cfs_period_us"
	burstFile     = "cpu.cfs_burst_us"
	rtPeriodFile  = "cpu.rt_period_us"
	rtRuntimeFile = "cpu.rt_runtime_us"
)

// The kernel forces other shares into this range in silence.
const minShares, maxShares = 2, 1 << 18

func cpu(c *specs.LinuxCPU) []cgfile.Write {
	if c == nil {
		return nil
	}
	l, idle := cgfile.CPU(c)
	switch {
	case !cgfile.Asked(c.Shares) || idle: // the kernel takes no shares of an idle group
	case *c.Shares < minShares || *c.Shares > maxShares:
		l.Add("cpu.shares", "", "shares").Impossible = "cgroup v1 takes from 2 to 262144"
	default:
		l.Add("cpu.shares", strconv.FormatUint(*c.Shares, 10), "shares")
	}
	// The real-time period first: it is what the runtime is compared with.
	if cgfile.Asked(c.RealtimePeriod) {
		l.Add(rtPeriodFile, strconv.FormatUint(*c.RealtimePeriod, 10), "realtimePeriod")
	}
	if cgfile.Asked(c.RealtimeRuntime) {
		l.Add(rtRuntimeFile, strconv.FormatInt(*c.RealtimeRuntime, 10), "realtimeRuntime")
	}
	// A new period must fit the quota, a new quota the burst: both are taken
	// back first where they may have been set.
	limited := cgfile.Asked(c.Quota) && *c.Quota > 0
	if cgfile.Asked(c.Quota) || cgfile.Asked(c.Period) || c.Burst != nil {
		l.Reset(burstFile, "0", "burst")
	}
	if cgfile.Asked(c.Quota) {
		l.Reset(quotaFile, "-1", "quota")
	}
	if cgfile.Asked(c.Period) {
		w := l.Add(periodFile, strconv.FormatUint(*c.Period, 10), "period")
		if w.Unlimited = !limited; w.Unlimited {
			w.Ignorable = "there is no cpu controller, and without a quota it has no effect"
		}
	}
	if limited {
		l.Add(quotaFile, strconv.FormatInt(*c.Quota, 10), "quota")
	}
	if cgfile.Asked(c.Burst) {
		l.Add(burstFile, strconv.FormatUint(*c.Burst, 10), "burst")
	}
	return l.Writes
}

// cpusets are written after inherit has filled them.
func cpusets(c *specs.LinuxCPU) []cgfile.Write {
	out := cgfile.CPUSet(c)
	for i := range out {
		older(&out[i], strings.TrimPrefix(out[i].File, "cpuset.")) // of a mount with noprefix
	}
	return out
}
