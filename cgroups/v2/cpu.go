package v2

import (
	"math"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// defaultPeriod is the kernel's period of a CPU quota in microseconds.
const defaultPeriod = 100000

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
	if set(c.Shares) && !idle { // the kernel takes no weight of an idle group
		add("cpu.weight", strconv.FormatUint(Weight(*c.Shares), 10), "shares")
	}
	// The quota must not be below the burst, which is taken back first where it
	// may have been set.
	if set(c.Quota) || set(c.Period) || c.Burst != nil {
		w := add("cpu.max.burst", "0", "burst")
		w.Unlimited, w.Optional, w.Reset = true, true, true
	}
	if set(c.Quota) || set(c.Period) {
		value, field, period := "max", "period", uint64(defaultPeriod)
		if set(c.Quota) {
			field = "quota"
			if *c.Quota > 0 {
				value = strconv.FormatInt(*c.Quota, 10)
			}
		}
		if set(c.Period) {
			period = *c.Period
		}
		w := add("cpu.max", value+" "+strconv.FormatUint(period, 10), field)
		if w.Unlimited = value == "max"; w.Unlimited && set(c.Period) {
			w.Field, w.Ignorable = "linux.resources.cpu.period", "there is no cpu controller, and without a quota it has no effect"
		}
	}
	if set(c.Burst) {
		add("cpu.max.burst", strconv.FormatUint(*c.Burst, 10), "burst")
	}
	for _, f := range [...]struct {
		asked bool
		field string
	}{{set(c.RealtimeRuntime), "realtimeRuntime"}, {set(c.RealtimePeriod), "realtimePeriod"}} {
		if f.asked {
			out = append(out, nothing("cpu", "cpu."+f.field))
		}
	}
	return out
}

// Weight converts v1's shares (2 to 262144, 1024 by default) to v2's weight (1
// to 10000, 100 by default), so that minimum, default and maximum of both agree:
// a quadratic function of the logarithm.
func Weight(shares uint64) uint64 {
	switch {
	case shares <= 2:
		return 1
	case shares >= 1<<18:
		return 10000
	}
	l := math.Log2(float64(shares))
	return uint64(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34)))
}

func cpusets(c *specs.LinuxCPU) (out []cgfile.Write) {
	if c == nil {
		return nil
	}
	for _, f := range [...]struct{ file, value string }{{"cpus", c.Cpus}, {"mems", c.Mems}} {
		if f.value != "" {
			out = append(out, cgfile.Write{Controller: "cpuset", File: "cpuset." + f.file, Value: f.value, Field: "linux.resources.cpu." + f.file})
		}
	}
	return out
}
