package v2

import (
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// io: the BFQ scheduler takes v1's weights as they are; for io.weight, whose
// range is 1 to 10000 instead of 10 to 1000, they are converted. Weights of
// single devices are BFQ's alone.
func io(b *specs.LinuxBlockIO) (out []cgfile.Write) {
	if b == nil {
		return nil
	}
	add := func(file, value, field string) *cgfile.Write {
		out = append(out, cgfile.Write{Controller: "io", File: file, Value: value, Field: "linux.resources.blockIO." + field})
		return &out[len(out)-1]
	}
	if b.Weight != nil && *b.Weight != 0 {
		w := add("io.bfq.weight", strconv.Itoa(int(*b.Weight)), "weight")
		or := *w
		or.File, or.Value = "io.weight", strconv.Itoa(1+(int(*b.Weight)-10)*9999/990)
		w.Or = &or
	}
	if b.LeafWeight != nil && *b.LeafWeight != 0 {
		out = append(out, nothing("io", "blockIO.leafWeight"))
	}
	for i, d := range b.WeightDevice {
		if d.Weight != nil && *d.Weight != 0 {
			w := add("io.bfq.weight", fmt.Sprintf("%d:%d %d", d.Major, d.Minor, *d.Weight), fmt.Sprintf("weightDevice[%d].weight", i))
			w.Ignorable = "only the BFQ scheduler has weights of devices"
		}
		if d.LeafWeight != nil && *d.LeafWeight != 0 {
			out = append(out, nothing("io", fmt.Sprintf("blockIO.weightDevice[%d].leafWeight", i)))
		}
	}
	for _, l := range [...]struct {
		key, field string
		list       []specs.LinuxThrottleDevice
	}{
		{"rbps", "throttleReadBpsDevice", b.ThrottleReadBpsDevice},
		{"wbps", "throttleWriteBpsDevice", b.ThrottleWriteBpsDevice},
		{"riops", "throttleReadIOPSDevice", b.ThrottleReadIOPSDevice},
		{"wiops", "throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice},
	} {
		for i, d := range l.list {
			rate := "max" // v1's 0
			if d.Rate != 0 {
				rate = strconv.FormatUint(d.Rate, 10)
			}
			add("io.max", fmt.Sprintf("%d:%d %s=%s", d.Major, d.Minor, l.key, rate), fmt.Sprintf("%s[%d]", l.field, i)).Unlimited = d.Rate == 0
		}
	}
	return out
}
