package cgfile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// RDMA returns the writes of linux.resources.rdma, whose file is the same in v1
// and v2.
func RDMA(limits map[string]specs.LinuxRdma) (out []Write) {
	for _, device := range slices.Sorted(maps.Keys(limits)) {
		w := Write{Controller: "rdma", File: "rdma.max", Value: device, Field: fmt.Sprintf("linux.resources.rdma[%q]", device)}
		l := limits[device]
		if l.HcaHandles != nil {
			w.Value += fmt.Sprintf(" hca_handle=%d", *l.HcaHandles)
		}
		if l.HcaObjects != nil {
			w.Value += fmt.Sprintf(" hca_object=%d", *l.HcaObjects)
		}
		out = append(out, w)
	}
	return out
}
