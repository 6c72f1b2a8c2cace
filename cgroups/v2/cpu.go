package v2

import (
	"math"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// defaultPeriod is the kernel's period of a CPU quota in microseconds.
const defaultPeriod = 100000

func cpu(c *specs.LinuxCPU) []cgfile.Write {
	if c == nil {
		return nil
	}
	l, idle := cgfile.CPU(c)
	if cgfile.Asked(c.Shares) && !idle { // the kernel takes no weight of an idle group
		l.Add("cpu.weight", strconv.FormatUint(Weight(*c.Shares), 10), "shares")
	}
	// The quota must not be below the burst, which is taken back first where it
	// may have been set.
	if cgfile.Asked(c.Quota) || cgfile.Asked(c.Period) || c.Burst != nil {
		l.Reset("cpu.max.burst", "0", "burst")
	}
	if cgfile.Asked(c.Quota) || cgfile.Asked(c.Period) {
		value, field, period := "max", "period", uint64(defaultPeriod)
		if cgfile.Asked(c.Quota) {
			field = "quota"
			if *c.Quota > 0 {
				value = strconv.FormatInt(*c.Quota, 10)
			}
		}
		if cgfile.Asked(c.Period) {
			period = *c.Period
		}
		w := l.Add("cpu.max", value+" "+strconv.FormatUint(period, 10), field)
		if w.Unlimited = value == "max"; w.Unlimited && cgfile.Asked(c.Period) {
			w.Field, w.Ignorable = "linux.resources.cpu.period", "there is no cpu controller, and without a quota it has no effect"
		}
	}
	if cgfile.Asked(c.Burst) {
		l.Add("cpu.max.burst", strconv.FormatUint(*c.Burst, 10), "burst")
	}
	for _, f := range [...]struct {
		asked bool
		field string
	}{{cgfile.Asked(c.RealtimeRuntime), "realtimeRuntime"}, {cgfile.Asked(c.RealtimePeriod), "realtimePeriod"}} {
		if f.asked {
			l.Writes = append(l.Writes, nothing("cpu", "cpu."+f.field))
		}
	}
	return l.Writes
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
