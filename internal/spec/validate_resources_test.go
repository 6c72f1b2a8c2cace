package spec

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestValidateResources(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string // without linux.resources
	}{
		{`{}`, nil},
		{`{"memory":{"limit":-1,"swap":-1,"reservation":-1,"swappiness":100},"cpu":{"quota":-1,"idle":1,"burst":5},"pids":{"limit":-1}}`, nil},
		{`{"memory":{"limit":-2,"swap":-2,"reservation":-2,"swappiness":101}}`, []string{
			"memory.limit: must be -1 for no limit, or more", "memory.reservation: must be -1 for no limit, or more",
			"memory.swap: must be -1 for no limit, or more", "memory.swappiness: must be from 0 to 100",
		}},
		{`{"memory":{"swap":5}}`, []string{"memory.swap: unable to set swap limit without memory limit"}},
		{`{"memory":{"limit":0,"swap":5}}`, []string{"memory.swap: unable to set swap limit without memory limit"}},
		{`{"memory":{"limit":-1,"swap":5}}`, []string{"memory.swap: must be -1 too when memory.limit is: it counts memory and swap"}},
		{`{"memory":{"limit":6,"swap":5}}`, []string{"memory.swap: must not be less than memory.limit: it counts memory and swap"}},
		{`{"memory":{"limit":5,"swap":5}}`, nil},
		{`{"cpu":{"quota":-2,"realtimeRuntime":-2,"idle":2,"cpus":"0\n1","mems":"0\u0000"}}`, []string{
			"cpu.quota: must be -1 for no limit, or more", "cpu.realtimeRuntime: must be -1 for no limit, or more", "cpu.idle: must be 0 or 1",
			"cpu.cpus: must be a list of numbers", "cpu.mems: must be a list of numbers",
		}},
		{`{"cpu":{"quota":1000,"burst":1001}}`, []string{"cpu.burst: must not be more than cpu.quota"}},
		{`{"pids":{"limit":-2}}`, []string{"pids.limit: must be -1 for no limit, or more"}},
		{`{"blockIO":{"weight":9,"leafWeight":1001,"weightDevice":[{"major":-1,"minor":1048576,"weight":5,"leafWeight":65535}]}}`, []string{
			"blockIO.weight: must be from 10 to 1000", "blockIO.leafWeight: must be from 10 to 1000",
			"blockIO.weightDevice[0].weight: must be from 10 to 1000", "blockIO.weightDevice[0].leafWeight: must be from 10 to 1000",
			"blockIO.weightDevice[0].major: must be from 0 to 4095", "blockIO.weightDevice[0].minor: must be from 0 to 1048575",
		}},
		{
			`{"blockIO":{"weight":0,"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":0}],"throttleWriteIOPSDevice":[{"major":4096,"minor":0,"rate":1}]}}`,
			[]string{"blockIO.throttleWriteIOPSDevice[0].major: must be from 0 to 4095"},
		},
		{`{"hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"64KB","limit":1},{"pageSize":"16GB","limit":1}]}`, nil},
		{`{"hugepageLimits":[{"pageSize":"","limit":1},{"pageSize":"MB","limit":1},{"pageSize":"02MB","limit":1},{"pageSize":"../x2MB","limit":1},{"pageSize":"2MBB","limit":1},{"pageSize":"2B","limit":1},{"pageSize":"2M2MB","limit":1}]}`, []string{
			"hugepageLimits[0].pageSize: must be a number and KB, MB or GB", "hugepageLimits[1].pageSize: must be a number and KB, MB or GB",
			"hugepageLimits[2].pageSize: must be a number and KB, MB or GB", "hugepageLimits[3].pageSize: must be a number and KB, MB or GB",
			"hugepageLimits[4].pageSize: must be a number and KB, MB or GB", "hugepageLimits[5].pageSize: must be a number and KB, MB or GB",
			"hugepageLimits[6].pageSize: must be a number and KB, MB or GB",
		}},
		{`{"network":{"classID":1,"priorities":[{"name":"eth0","priority":1},{"name":"a b","priority":1},{"name":"","priority":1}]}}`, []string{
			"network.priorities[1].name: must be the name of an interface", "network.priorities[2].name: must be the name of an interface",
		}},
		{`{"rdma":{"mlx":{"hcaHandles":0},"x y":{"hcaObjects":1},"z":{}}}`, []string{
			`rdma["x y"]: must be the name of a device`, `rdma["z"]: must have hcaHandles or hcaObjects`,
		}},
		{`{"unified":{"memory.high":"1","cgroup.max.depth":"2","hugetlb.2MB.max":"a\nb"}}`, nil},
		{`{"unified":{"memory":"1","a/b.c":"1","../x.y":"1",".x":"1","x.":"1","cgroup.procs":"0","cgroup.kill":"1","io.max":"\u0000"}}`, []string{
			`unified["../x.y"]: must be named like a file of a cgroup, controller.setting`, `unified[".x"]: must be named like a file of a cgroup, controller.setting`,
			`unified["a/b.c"]: must be named like a file of a cgroup, controller.setting`, `unified["cgroup.kill"]: is not a setting`,
			`unified["cgroup.procs"]: is not a setting`, `unified["io.max"]: must not contain a NUL byte`,
			`unified["memory"]: must be named like a file of a cgroup, controller.setting`, `unified["x."]: must be named like a file of a cgroup, controller.setting`,
		}},
	} {
		r := new(specs.LinuxResources)
		if err := json.Unmarshal([]byte(c.in), r); err != nil {
			t.Fatal(err)
		}
		var got []string
		k := checker{s: &specs.Spec{}}
		k.resources(r)
		for _, e := range k.errs {
			got = append(got, e.Error())
		}
		var want []string
		for _, w := range c.want {
			want = append(want, "linux.resources."+w)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %q\nwant %q", c.in, got, want)
		}
		if err := ValidateResources(r); (err != nil) != (len(want) > 0) {
			t.Errorf("ValidateResources(%s) = %v", c.in, err)
		}
	}
}

func TestResourceWarnings(t *testing.T) {
	n := int64(5)
	s := &specs.Spec{Linux: &specs.Linux{Resources: &specs.LinuxResources{Memory: &specs.LinuxMemory{Kernel: &n, KernelTCP: &n}}}}
	if got := Warnings(s); len(got) != 2 || got[0] != "linux.resources.memory.kernel: ignored, kernel memory has no limit of its own" {
		t.Errorf("Warnings() = %q", got)
	}
	if got := Warnings(&specs.Spec{}); len(got) != 0 {
		t.Errorf("Warnings() = %q", got)
	}
}
