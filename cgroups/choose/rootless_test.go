package choose

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/device"
)

// A limit needs its controller's hierarchy, or the unified one if that has it.
func TestBeyond(t *testing.T) {
	h := func(name string) cgroups.Hierarchy {
		return cgroups.Hierarchy{Controllers: []string{name}, Mountpoint: "/sys/fs/cgroup/" + name, MountRoot: "/", Own: "/"}
	}
	unified := cgroups.Hierarchy{Unified: true, Mountpoint: "/sys/fs/cgroup/unified", MountRoot: "/", Own: "/"}
	v2 := &cgroups.Layout{Mode: cgroups.Unified, Hierarchies: []cgroups.Hierarchy{unified}}
	v1 := &cgroups.Layout{Mode: cgroups.Legacy, Hierarchies: []cgroups.Hierarchy{h("pids"), h("memory")}}
	hybrid := &cgroups.Layout{Mode: cgroups.Hybrid, Hierarchies: []cgroups.Hierarchy{h("memory"), unified}}
	limit, none := int64(9), int64(-1)
	pids := &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}
	memory := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}}
	for name, c := range map[string]struct {
		l    *cgroups.Layout
		have cgroups.Location
		r    *specs.LinuxResources
		want string
	}{
		"nothing wanted":             {v2, cgroups.Location{}, nil, ""},
		"devices only":               {v1, cgroups.Location{}, &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}}, ""},
		"no limit wanted":            {v1, cgroups.Location{}, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &none}}, ""},
		"v2, permitted":              {v2, cgroups.Location{"": "/x"}, pids, ""},
		"v2, not permitted":          {v2, cgroups.Location{}, pids, "linux.resources.pids.limit"},
		"v1, permitted":              {v1, cgroups.Location{"pids": "/x"}, pids, ""},
		"v1, another permitted":      {v1, cgroups.Location{"pids": "/x"}, memory, "linux.resources.memory.limit"},
		"hybrid, on v2":              {hybrid, cgroups.Location{"": "/x"}, pids, ""},
		"hybrid, on v1":              {hybrid, cgroups.Location{"": "/x"}, memory, "linux.resources.memory.limit"},
		"hybrid, on v2, not allowed": {hybrid, cgroups.Location{"memory": "/x"}, pids, "linux.resources.pids.limit"},
		"no cgroups at all":          {&cgroups.Layout{}, cgroups.Location{}, pids, "linux.resources.pids.limit"},
	} {
		got := ""
		if w := beyond(c.l, c.have, c.r); w != nil {
			got = w.Field
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestAllDevices(t *testing.T) {
	limit := int64(9)
	r := &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}, Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}}
	for _, r := range []*specs.LinuxResources{nil, r} {
		all := AllDevices(r)
		rules, err := device.Rules(all.Devices)
		if err != nil || device.Compile(rules) != nil {
			t.Errorf("AllDevices needs a program: %v, %v", rules, err)
		}
		if r != nil && all.Pids != r.Pids {
			t.Error("AllDevices lost a limit")
		}
	}
	if len(r.Devices) != 1 || r.Devices[0].Allow {
		t.Errorf("AllDevices changed its argument: %v", r.Devices)
	}
}
