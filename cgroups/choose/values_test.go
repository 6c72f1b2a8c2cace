package choose

import (
	"fmt"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
)

// Each limit is read back where it was written: a controller is on one side.
func TestLimitsOfLocation(t *testing.T) {
	pids, limit, quota, period := int64(5), int64(4096), int64(1000), uint64(2000)
	r := &specs.LinuxResources{
		Pids: &specs.LinuxPids{Limit: &pids}, Memory: &specs.LinuxMemory{Limit: &limit}, CPU: &specs.LinuxCPU{Quota: &quota, Period: &period},
		Unified: map[string]string{"cpu.idle": "0", "memory.high": "max"},
	}
	for name, c := range map[string]struct {
		loc  cgroups.Location
		want []string
	}{
		"v2": {cgroups.Location{"": "/u"}, []string{"/u/pids.max=5", "/u/memory.max=4096", "/u/cpu.max=1000 2000", "/u/cpu.idle=0", "/u/memory.high=max"}},
		"v1": {cgroups.Location{"pids": "/p", "memory": "/m", "cpu": "/c"}, []string{
			"/p/pids.max=5", "/m/memory.limit_in_bytes=4096", "/c/cpu.cfs_period_us=2000", "/c/cpu.cfs_quota_us=1000",
		}},
		"hybrid": {cgroups.Location{"": "/u", "memory": "/m"}, []string{
			"/m/memory.limit_in_bytes=4096", "/u/pids.max=5", "/u/cpu.max=1000 2000", "/u/cpu.idle=0",
		}},
		"none": {cgroups.Location{}, nil},
	} {
		var got []string
		for _, l := range Limits(c.loc, r) {
			got = append(got, fmt.Sprintf("%s/%s=%s", l.Dir, l.File, l.Value))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := Limits(cgroups.Location{"": "/u"}, nil); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}
