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
func io(b *specs.LinuxBlockIO) []cgfile.Write {
	if b == nil {
		return nil
	}
	l := cgfile.List{Controller: "io", Field: "linux.resources.blockIO."}
	if cgfile.Asked(b.Weight) {
		w := l.Add("io.bfq.weight", strconv.Itoa(int(*b.Weight)), "weight")
		or := *w
		or.File, or.Value = "io.weight", strconv.Itoa(1+(int(*b.Weight)-10)*9999/990)
		w.Or = &or
	}
	if cgfile.Asked(b.LeafWeight) {
		l.Writes = append(l.Writes, nothing("io", "blockIO.leafWeight"))
	}
	for i, d := range b.WeightDevice {
		if cgfile.Asked(d.Weight) {
			w := l.Add("io.bfq.weight", fmt.Sprintf("%d:%d %d", d.Major, d.Minor, *d.Weight), fmt.Sprintf("weightDevice[%d].weight", i))
			w.Ignorable = "only the BFQ scheduler has weights of devices"
		}
		if cgfile.Asked(d.LeafWeight) {
			l.Writes = append(l.Writes, nothing("io", fmt.Sprintf("blockIO.weightDevice[%d].leafWeight", i)))
		}
	}
	for _, t := range [...]struct {
		key, field string
		list       []specs.LinuxThrottleDevice
	}{
		{"rbps", "throttleReadBpsDevice", b.ThrottleReadBpsDevice},
		{"wbps", "throttleWriteBpsDevice", b.ThrottleWriteBpsDevice},
		{"riops", "throttleReadIOPSDevice", b.ThrottleReadIOPSDevice},
		{"wiops", "throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice},
	} {
		for i, d := range t.list {
			rate := "max" // v1's 0
			if d.Rate != 0 {
				rate = strconv.FormatUint(d.Rate, 10)
			}
			l.Add("io.max", fmt.Sprintf("%d:%d %s=%s", d.Major, d.Minor, t.key, rate), fmt.Sprintf("%s[%d]", t.field, i)).Unlimited = d.Rate == 0
		}
	}
	return l.Writes
}
