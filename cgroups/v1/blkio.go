package v1

import (
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// blkio: weights are the BFQ scheduler's where there is one, those of CFQ
// (before Linux 5.0) else.
func blkio(b *specs.LinuxBlockIO) (out []cgfile.Write) {
	if b == nil {
		return nil
	}
	add := func(file, value, field string) *cgfile.Write {
		out = append(out, cgfile.Write{Controller: "blkio", File: file, Value: value, Field: "linux.resources.blockIO." + field})
		return &out[len(out)-1]
	}
	if b.Weight != nil && *b.Weight != 0 {
		older(add("blkio.bfq.weight", strconv.Itoa(int(*b.Weight)), "weight"), "blkio.weight")
	}
	if b.LeafWeight != nil && *b.LeafWeight != 0 {
		add("blkio.leaf_weight", strconv.Itoa(int(*b.LeafWeight)), "leafWeight")
	}
	for i, d := range b.WeightDevice {
		if d.Weight != nil && *d.Weight != 0 {
			older(add("blkio.bfq.weight_device", fmt.Sprintf("%d:%d %d", d.Major, d.Minor, *d.Weight), fmt.Sprintf("weightDevice[%d].weight", i)), "blkio.weight_device")
		}
		if d.LeafWeight != nil && *d.LeafWeight != 0 {
			add("blkio.leaf_weight_device", fmt.Sprintf("%d:%d %d", d.Major, d.Minor, *d.LeafWeight), fmt.Sprintf("weightDevice[%d].leafWeight", i))
		}
	}
	for _, l := range [...]struct {
		file, field string
		list        []specs.LinuxThrottleDevice
	}{
		{"read_bps", "throttleReadBpsDevice", b.ThrottleReadBpsDevice},
		{"write_bps", "throttleWriteBpsDevice", b.ThrottleWriteBpsDevice},
		{"read_iops", "throttleReadIOPSDevice", b.ThrottleReadIOPSDevice},
		{"write_iops", "throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice},
	} {
		for i, d := range l.list {
			w := add("blkio.throttle."+l.file+"_device", fmt.Sprintf("%d:%d %d", d.Major, d.Minor, d.Rate), fmt.Sprintf("%s[%d]", l.field, i))
			w.Unlimited = d.Rate == 0
		}
	}
	return out
}

// older names the file of kernels without the one of w.
func older(w *cgfile.Write, file string) {
	or := *w
	or.File = file
	w.Or = &or
}
