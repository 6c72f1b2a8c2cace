package v1

import (
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// blkio: weights are the BFQ scheduler's where there is one, those of CFQ
// (before Linux 5.0) else.
func blkio(b *specs.LinuxBlockIO) []cgfile.Write {
	if b == nil {
		return nil
	}
	l := cgfile.List{Controller: "blkio", Field: "linux.resources.blockIO."}
	if cgfile.Asked(b.Weight) {
		older(l.Add("blkio.bfq.weight", strconv.Itoa(int(*b.Weight)), "weight"), "blkio.weight")
	}
	if cgfile.Asked(b.LeafWeight) {
		l.Add("blkio.leaf_weight", strconv.Itoa(int(*b.LeafWeight)), "leafWeight")
	}
	for i, d := range b.WeightDevice {
		if cgfile.Asked(d.Weight) {
			older(l.Add("blkio.bfq.weight_device", fmt.Sprintf("%d:%d %d", d.Major, d.Minor, *d.Weight), fmt.Sprintf("weightDevice[%d].weight", i)), "blkio.weight_device")
		}
		if cgfile.Asked(d.LeafWeight) {
			l.Add("blkio.leaf_weight_device", fmt.Sprintf("%d:%d %d", d.Major, d.Minor, *d.LeafWeight), fmt.Sprintf("weightDevice[%d].leafWeight", i))
		}
	}
	for _, t := range [...]struct {
		file, field string
		list        []specs.LinuxThrottleDevice
	}{
		{"read_bps", "throttleReadBpsDevice", b.ThrottleReadBpsDevice},
		{"write_bps", "throttleWriteBpsDevice", b.ThrottleWriteBpsDevice},
		{"read_iops", "throttleReadIOPSDevice", b.ThrottleReadIOPSDevice},
		{"write_iops", "throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice},
	} {
		for i, d := range t.list {
			w := l.Add("blkio.throttle."+t.file+"_device", fmt.Sprintf("%d:%d %d", d.Major, d.Minor, d.Rate), fmt.Sprintf("%s[%d]", t.field, i))
			w.Unlimited = d.Rate == 0
		}
	}
	return l.Writes
}

// older names the file of kernels without the one of w.
func older(w *cgfile.Write, file string) {
	or := *w
	or.File = file
	w.Or = &or
}
