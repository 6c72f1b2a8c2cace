package v1

import (
	"strconv"

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

func cpu(c *specs.LinuxCPU) (out []cgfile.Write) {
	if c == nil {
		return nil
	}
	add := func(file, value, field string) *cgfile.Write {
		out = append(out, cgfile.Write{Controller: "cpu", File: file, Value: value, Field: "linux.resources.cpu." + field})
		return &out[len(out)-1]
	}
	idle := c.Idle != nil && *c.Idle == 1
	if idle {
		add("cpu.idle", "1", "idle")
	} else if c.Idle != nil {
		w := add("cpu.idle", "0", "idle")
		w.Unlimited, w.Optional, w.Reset = true, true, true
	}
	switch {
	case !set(c.Shares) || idle: // the kernel takes no shares of an idle group
	case *c.Shares < minShares || *c.Shares > maxShares:
		add("cpu.shares", "", "shares").Impossible = "cgroup v1 takes from 2 to 262144"
	default:
		add("cpu.shares", strconv.FormatUint(*c.Shares, 10), "shares")
	}
	// The real-time period first: it is what the runtime is compared with.
	if set(c.RealtimePeriod) {
		add(rtPeriodFile, strconv.FormatUint(*c.RealtimePeriod, 10), "realtimePeriod")
	}
	if set(c.RealtimeRuntime) {
		add(rtRuntimeFile, strconv.FormatInt(*c.RealtimeRuntime, 10), "realtimeRuntime")
	}
	// A new period must fit the quota, a new quota the burst: both are taken
	// back first where they may have been set.
	limited := set(c.Quota) && *c.Quota > 0
	if set(c.Quota) || set(c.Period) || c.Burst != nil {
		w := add(burstFile, "0", "burst")
		w.Unlimited, w.Optional, w.Reset = true, true, true
	}
	if set(c.Quota) {
		w := add(quotaFile, "-1", "quota")
		w.Unlimited, w.Optional, w.Reset = true, true, true
	}
	if set(c.Period) {
		w := add(periodFile, strconv.FormatUint(*c.Period, 10), "period")
		if w.Unlimited = !limited; w.Unlimited {
			w.Ignorable = "there is no cpu controller, and without a quota it has no effect"
		}
	}
	if limited {
		add(quotaFile, strconv.FormatInt(*c.Quota, 10), "quota")
	}
	if set(c.Burst) {
		add(burstFile, strconv.FormatUint(*c.Burst, 10), "burst")
	}
	return out
}

// cpusets are written after inherit has filled them.
func cpusets(c *specs.LinuxCPU) (out []cgfile.Write) {
	if c == nil {
		return nil
	}
	for _, f := range [...]struct{ file, value string }{{"cpus", c.Cpus}, {"mems", c.Mems}} {
		if f.value == "" {
			continue
		}
		w := cgfile.Write{Controller: "cpuset", File: "cpuset." + f.file, Value: f.value, Field: "linux.resources.cpu." + f.file}
		bare := w
		bare.File = f.file // of a mount with noprefix
		w.Or = &bare
		out = append(out, w)
	}
	return out
}
