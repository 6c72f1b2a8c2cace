package systemd

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/device"
	v1 "github.com/rung-oci/rung/cgroups/v1"
	v2 "github.com/rung-oci/rung/cgroups/v2"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// plain takes the types away, which the library says of most values.
var plain = strings.NewReplacer("18446744073709551615", "infinity", "@t ", "", "@ay ", "", "@a(ss) ", "", ",)", ")")

func words[T fmt.Stringer](list []T) string {
	all := make([]string, len(list))
	for i, p := range list {
		all[i] = plain.Replace(p.String())
	}
	return strings.Join(all, " ")
}

// What each field of linux.resources is to systemd, on v2 and v1.
func TestProperties(t *testing.T) {
	for _, c := range []struct{ in, v2, v1 string }{
		{`null`, "", ""},
		{`{"memory":{},"cpu":{},"pids":{},"unified":{}}`, "", ""},
		{`{"memory":{"limit":67108864,"reservation":33554432}}`, "MemoryMax=67108864 MemoryLow=33554432", "MemoryLimit=67108864"},
		{`{"memory":{"limit":-1}}`, "MemoryMax=infinity MemorySwapMax=infinity", "MemoryLimit=infinity"},
		{`{"memory":{"limit":1048576,"swap":3145728}}`, "MemoryMax=1048576 MemorySwapMax=2097152", "MemoryLimit=1048576"},
		{`{"memory":{"limit":1048576,"swap":1048576}}`, "MemoryMax=1048576 MemorySwapMax=0", "MemoryLimit=1048576"},
		{`{"cpu":{"shares":1024}}`, "CPUWeight=100", "CPUShares=1024"},
		{`{"cpu":{"shares":2}}`, "CPUWeight=1", "CPUShares=2"},
		{`{"cpu":{"idle":1,"shares":512}}`, "CPUWeight=0", "CPUWeight=0"},
		{`{"cpu":{"idle":0,"shares":512}}`, "CPUWeight=59", "CPUShares=512"},
		{`{"cpu":{"quota":50000}}`, "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=500000", "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=500000"},
		{`{"cpu":{"quota":50000,"period":200000}}`, "CPUQuotaPeriodUSec=200000 CPUQuotaPerSecUSec=250000", "CPUQuotaPeriodUSec=200000 CPUQuotaPerSecUSec=250000"},
		{`{"cpu":{"quota":1001,"period":100000}}`, "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=20000", "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=20000"},
		{`{"cpu":{"quota":-1}}`, "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=infinity", "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=infinity"},
		{`{"cpu":{"period":50000}}`, "CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=infinity", "CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=infinity"},
		{`{"cpu":{"burst":5000}}`, "", ""},
		{`{"cpu":{"cpus":"0-2,9","mems":"0"}}`, "AllowedCPUs=[0x7, 0x2] AllowedMemoryNodes=[0x1]", "AllowedCPUs=[0x7, 0x2] AllowedMemoryNodes=[0x1]"},
		{`{"cpu":{"cpus":"0-31:1/2"}}`, "", ""}, // a stride
		{`{"pids":{"limit":50}}`, "TasksMax=50", "TasksMax=50"},
		{`{"pids":{"limit":-1}}`, "TasksMax=infinity", "TasksMax=infinity"},
		{`{"pids":{"limit":0}}`, "TasksMax=1", "TasksMax=1"},
		{`{"blockIO":{"weight":500}}`, "IOWeight=4950", "BlockIOWeight=500"},
		{`{"blockIO":{"weightDevice":[{"major":8,"minor":0,"weight":300}]}}`, "", ""},
		{`{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1}]}}`, "", ""},
		{`{"hugepageLimits":[{"pageSize":"2MB","limit":0}],"rdma":{"a":{"hcaHandles":3}}}`, "", ""},
		{`{"unified":{"memory.high":"32M","memory.low":"16k","memory.min":"1g","memory.max":"max"}}`, "MemoryMax=infinity MemoryHigh=33554432 MemoryLow=16384 MemoryMin=1073741824", ""},
		{`{"unified":{"memory.swap.max":"0","pids.max":"7","cpu.weight":"200"}}`, "MemorySwapMax=0 CPUWeight=200 TasksMax=7", ""},
		{`{"unified":{"cpu.idle":"1","cpu.weight":"200"}}`, "CPUWeight=0", ""},
		{`{"unified":{"cpu.max":"20000 50000","cpuset.cpus":"1","cpuset.mems":"0-1"}}`, "CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=400000 AllowedCPUs=[0x2] AllowedMemoryNodes=[0x3]", ""},
		{`{"unified":{"cpu.max":"max"}}`, "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=infinity", ""},
		{`{"unified":{"io.weight":"default 300","io.max":"8:0 rbps=1"}}`, "IOWeight=300", ""},
		{`{"unified":{"io.weight":"8:0 300","memory.oom.group":"1"}}`, "OOMPolicy=\"kill\"", ""},
		{`{"unified":{"memory.oom.group":"0","hugetlb.2MB.max":"0"}}`, "OOMPolicy=\"continue\"", ""},
		{`{"unified":{"memory.max":"rubbish","cpu.max":"1 0","pids.max":""}}`, "", ""},
		{`{"memory":{"limit":1048576},"unified":{"memory.max":"2097152"}}`, "MemoryMax=2097152", "MemoryLimit=1048576"},
	} {
		var r *specs.LinuxResources
		if err := json.Unmarshal([]byte(c.in), &r); err != nil {
			t.Fatal(err)
		}
		if got := words(Properties(append(v2.Writes(r), v2.Unified(r)...), 257)); got != c.v2 {
			t.Errorf("v2 %s:\n%s, want\n%s", c.in, got, c.v2)
		}
		if got := words(Properties(v1.Writes(r), 257)); got != c.v1 {
			t.Errorf("v1 %s:\n%s, want\n%s", c.in, got, c.v1)
		}
	}
}

func TestOldSystemd(t *testing.T) {
	r := &specs.LinuxResources{Unified: map[string]string{"cpu.idle": "1", "memory.oom.group": "1", "pids.max": "5"}}
	writes := v2.Unified(r)
	for version, want := range map[int]string{251: "TasksMax=5", 252: "CPUWeight=0 TasksMax=5", 253: `OOMPolicy="kill" CPUWeight=0 TasksMax=5`} {
		if got := words(Properties(writes, version)); got != want {
			t.Errorf("systemd %d: %s, want %s", version, got, want)
		}
	}
	if !NeedVersion(writes) || NeedVersion(v2.Unified(&specs.LinuxResources{Unified: map[string]string{"pids.max": "5"}})) {
		t.Error("NeedVersion is wrong")
	}
}

func TestDevices(t *testing.T) {
	n := func(v int64) *int64 { return &v }
	base := []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}
	drivers := parseDrivers("Character devices:\n  1 mem\n136 pts\n\nBlock devices:\n259 blkext\n  8 sd\n  8 other\n")
	rules := func(more ...specs.LinuxDeviceCgroup) device.List {
		list, err := device.Rules(append(base, more...))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	standard := `("char-*", "m"), ("block-*", "m"), ("/dev/char/1:3", "rwm"), ("/dev/char/1:8", "rwm"), ("/dev/char/1:7", "rwm"), ("/dev/char/5:0", "rwm"), ` +
		`("/dev/char/1:5", "rwm"), ("/dev/char/1:9", "rwm"), ("char-pts", "rwm"), ("/dev/char/5:2", "rwm"), ("/dev/char/10:200", "rwm")]`
	for _, c := range []struct {
		list device.List
		want string
	}{
		{rules(), `DevicePolicy="strict" DeviceAllow=[` + standard},
		{rules(specs.LinuxDeviceCgroup{Allow: true}), `DevicePolicy="auto" DeviceAllow=[]`},
		{rules(specs.LinuxDeviceCgroup{Allow: true, Type: "b", Major: n(8), Access: "r"}), `DevicePolicy="strict" DeviceAllow=[("block-sd", "r"), ("block-other", "r"), ` + standard},
		{rules(specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: n(250), Access: "r"}), `DevicePolicy="strict" DeviceAllow=[` + standard}, // no such driver
		{rules(specs.LinuxDeviceCgroup{Allow: true, Type: "c", Minor: n(3), Access: "r"}), `DevicePolicy="strict" DeviceAllow=[` + standard},   // can't be said
		{
			rules(specs.LinuxDeviceCgroup{Allow: true, Type: "b", Access: "rw"}, specs.LinuxDeviceCgroup{Type: "b", Major: n(8), Minor: n(0), Access: "w"}),
			`DevicePolicy="strict" DeviceAllow=[` + standard, // an exception: rather too little
		},
	} {
		if got := words(Devices(c.list, drivers)); got != c.want {
			t.Errorf("%v:\n%s\nwant\n%s", c.list, got, c.want)
		}
	}
}

func TestAnnotated(t *testing.T) {
	got, err := Annotated(map[string]string{
		"org.systemd.property.TimeoutStopSec": "5", "org.systemd.property.CollectMode": "'inactive'", "org.systemd.property.RuntimeMaxSec": "2.5",
		"org.systemd.property.TimeoutStopUSec": "uint64 7", "other": "(", "org.systemd.property.After": "['a.service']", "org.systemd.property.JobTimeoutSec": "uint64 3",
	})
	want := `After=["a.service"] CollectMode="inactive" JobTimeoutUSec=3000000 RuntimeMaxUSec=2500000 TimeoutStopUSec=5000000 TimeoutStopUSec=7`
	if err != nil || words(got) != want {
		t.Errorf("Annotated() = %s, %v, want %s", words(got), err, want)
	}
	for name, text := range map[string]string{
		"": "5", "A b": "5", "Ab1": "5", "PIDs": "[uint32 1]", "Slice": "'system.slice'", "Foo": "(", "Bar": "int32 []", "Digit": "\u06f3", "Dict": "{'a': 1}", "TimeoutSec": "'5'", "NeverSec": "-1", "EverSec": "1e300",
	} {
		key := AnnotationPrefix + name
		if _, err := Annotated(map[string]string{key: text}); err == nil || !strings.HasPrefix(err.Error(), "annotation "+key) {
			t.Errorf("%s=%s: %v, want an error that names the annotation", name, text, err)
		}
	}
}

func TestPaths(t *testing.T) {
	l := &cgroups.Layout{Mode: cgroups.Unified, Hierarchies: []cgroups.Hierarchy{{Unified: true, Mountpoint: "/sys/fs/cgroup", MountRoot: "/", Own: "/x"}}}
	for _, c := range []struct {
		path string
		user bool
		unit string
		dir  string
	}{
		{"", false, "rung-id.scope", "/system.slice/rung-id.scope"},
		{"", true, "rung-id.scope", "/user.slice/rung-id.scope"},
		{"machine.slice:libpod:abc", false, "libpod-abc.scope", "/machine.slice/libpod-abc.scope"},
		{":docker:abc", false, "docker-abc.scope", "/system.slice/docker-abc.scope"},
		{"-.slice:a:b", false, "a-b.scope", "/a-b.scope"},
		{"a-b-c.slice:x:y", false, "x-y.scope", "/a.slice/a-b.slice/a-b-c.slice/x-y.scope"},
		{"kubepods.slice:x:kubepods-pod1.slice", false, "kubepods-pod1.slice", "/kubepods.slice/kubepods-pod1.slice"},
		{"s.slice::y", false, "-y.scope", "/s.slice/-y.scope"},
	} {
		u, err := ParsePath(c.path, "id", c.user)
		if err != nil {
			t.Errorf("ParsePath(%q): %v", c.path, err)
			continue
		}
		loc, err := u.Locate(l, "/")
		if err != nil || u.Name != c.unit || loc[""] != "/sys/fs/cgroup"+c.dir {
			t.Errorf("%q: %s in %v, %v; want %s in %s", c.path, u.Name, loc, err, c.unit, c.dir)
		}
	}
	for _, path := range []string{
		"/a", "a", "a:b", "a:b:c:d", "a.slice:b:", "a:b:c", "a/b.slice:b:c", "a--b.slice:b:c", "-a.slice:b:c", "a-.slice:b:c", ".slice:b:c",
		"a.slice:b/:c", "a.slice:b:c/d", "a.slice:b:c\n", "a.slice:b:" + strings.Repeat("x", 300), "a.slice:b:-c-.slice", "é.slice:b:c",
	} {
		if u, err := ParsePath(path, "id", false); err == nil || !strings.HasPrefix(err.Error(), "linux.cgroupsPath: ") {
			t.Errorf("ParsePath(%q) = %+v, %v, want an error for the field", path, u, err)
		}
	}
}

// A limit that the holder would be one too many for comes when it has gone.
func TestSplit(t *testing.T) {
	one, two := int64(1), int64(2)
	r := &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &one}, Unified: map[string]string{"pids.max": "1", "memory.high": "5"}}
	early, late := split(r, false)
	if early.Pids != nil || len(early.Unified) != 1 || late.Pids != r.Pids || late.Unified["pids.max"] != "1" || len(r.Unified) != 2 {
		t.Errorf("split = %+v, %+v", early, late)
	}
	r = &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &two}, Unified: map[string]string{"pids.max": "10"}}
	if early, late := split(r, false); early.Pids != r.Pids || early.Unified["pids.max"] != "10" || late != nil {
		t.Errorf("split = %+v, %+v", early, late)
	}
	r.Memory = &specs.LinuxMemory{Limit: &two}
	r.Unified["cpu.weight"] = "5"
	if early, late := split(r, true); early.Pids != nil || early.Memory != nil || len(early.Unified) != 1 || late.Pids != r.Pids || late.Memory != r.Memory || late.Unified["pids.max"] != "10" {
		t.Errorf("split = %+v, %+v", early, late)
	}
	if early, late := split(nil, true); early != nil || late != nil {
		t.Errorf("split(nil) = %v, %v", early, late)
	}
}
