package choose_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgtest"
	"github.com/rung-oci/rung/cgroups/choose"
)

// disk is the number of a block device, "254:0", "" if there is none.
func disk() string {
	files, _ := filepath.Glob("/sys/block/*/dev")
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && !strings.Contains(f, "/loop") && !strings.Contains(f, "/ram") {
			return strings.TrimSpace(string(text))
		}
	}
	return ""
}

// fields are what can be asked for, the controller that does it, and what the
// kernel then says: one file for v1, one for v2. "" is where v2 has nothing.
var fields = []struct {
	controller, json string
	v1, v2           string // file=content; more by ";"; where there is no such file, what follows "|"
	field            string // that the error begins with where it can't be had
}{
	{"pids", `{"pids":{"limit":12}}`, "pids.max=12", "pids.max=12", "pids.limit"},
	{"pids", `{"pids":{"limit":0}}`, "pids.max=1", "pids.max=1", "pids.limit"},
	{
		"memory", `{"memory":{"limit":16777216,"reservation":8388608}}`,
		"memory.limit_in_bytes=16777216;memory.soft_limit_in_bytes=8388608", "memory.max=16777216;memory.low=8388608", "memory.",
	},
	{"memory", `{"memory":{"limit":16777216,"swap":25165824}}`, "memory.limit_in_bytes=16777216;memory.memsw.limit_in_bytes=25165824", "memory.swap.max=8388608", "memory."},
	{"memory", `{"memory":{"limit":16777216,"swap":16777216}}`, "memory.memsw.limit_in_bytes=16777216", "memory.swap.max=0", "memory."},
	{"memory", `{"memory":{"limit":16777216,"swap":-1}}`, "memory.limit_in_bytes=16777216", "memory.swap.max=max", "memory."},
	{"memory", `{"memory":{"swappiness":7}}`, "memory.swappiness=7", "", "memory.swappiness"},
	{"memory", `{"memory":{"disableOOMKiller":true}}`, "memory.oom_control=oom_kill_disable 1", "", "memory.disableOOMKiller"},
	{"cpu", `{"cpu":{"shares":512}}`, "cpu.shares=512", "cpu.weight=59", "cpu.shares"},
	{"cpu", `{"cpu":{"quota":50000}}`, "cpu.cfs_quota_us=50000;cpu.cfs_period_us=100000", "cpu.max=50000 100000", "cpu.quota"},
	{
		"cpu", `{"cpu":{"quota":50000,"period":20000,"burst":10000}}`,
		"cpu.cfs_quota_us=50000;cpu.cfs_period_us=20000;cpu.cfs_burst_us=10000", "cpu.max=50000 20000;cpu.max.burst=10000", "cpu.quota",
	},
	{"cpu", `{"cpu":{"idle":1,"shares":512}}`, "cpu.idle=1", "cpu.idle=1", "cpu.idle"},
	{"cpu", `{"cpu":{"realtimeRuntime":1000,"realtimePeriod":500000}}`, "cpu.rt_runtime_us=1000;cpu.rt_period_us=500000", "", "cpu.realtimeRuntime"},
	{"cpuset", `{"cpu":{"cpus":"0","mems":"0"}}`, "cpuset.cpus=0;cpuset.mems=0", "cpuset.cpus=0;cpuset.mems=0", "cpu.cpus"},
	{"blkio", `{"blockIO":{"weight":500}}`, "blkio.bfq.weight=500", "io.bfq.weight=default 500|io.weight=default 4950", "blockIO.weight"},
	{
		"blkio", `{"blockIO":{"throttleReadBpsDevice":[{"major":MAJOR,"minor":MINOR,"rate":1048576}],"throttleWriteIOPSDevice":[{"major":MAJOR,"minor":MINOR,"rate":99}]}}`,
		"blkio.throttle.read_bps_device=DISK 1048576;blkio.throttle.write_iops_device=DISK 99", "io.max=DISK rbps=1048576 wbps=max riops=max wiops=99", "blockIO.throttleReadBpsDevice[0]",
	},
	{"blkio", `{"blockIO":{"weightDevice":[{"major":MAJOR,"minor":MINOR,"weight":300}]}}`, "blkio.bfq.weight_device=DISK 300", "io.bfq.weight=DISK 300", "blockIO.weightDevice[0].weight"},
	{"blkio", `{"blockIO":{"leafWeight":300}}`, "blkio.leaf_weight=300", "", "blockIO.leafWeight"},
	{
		"hugetlb", `{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}`,
		"hugetlb.2MB.limit_in_bytes=4194304;hugetlb.2MB.rsvd.limit_in_bytes=4194304", "hugetlb.2MB.max=4194304;hugetlb.2MB.rsvd.max=4194304", "hugepageLimits[0]",
	},
	{"net_cls", `{"network":{"classID":1048577}}`, "net_cls.classid=1048577", "", "network.classID"},
	{"net_prio", `{"network":{"priorities":[{"name":"lo","priority":5}]}}`, "net_prio.ifpriomap=lo 5", "", "network.priorities"},
	{"rdma", `{"rdma":{"none0":{"hcaHandles":1}}}`, "", "", `rdma["none0"]`},
}

// ignorable are the fields that cgroup v2 has nothing like, or not everywhere.
var ignorable = map[string]bool{
	"memory.swappiness": true, "memory.disableOOMKiller": true, "cpu.realtimeRuntime": true, "blockIO.leafWeight": true,
	"blockIO.weightDevice[0].weight": true, "network.classID": true, "network.priorities": true,
}

// Each field has its effect where its controller is, v1 or v2, or is an error
// that names it; on v2 some are ignored.
func TestResources(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		number := disk()
		major, minor, _ := strings.Cut(number, ":")
		fill := strings.NewReplacer("MAJOR", major, "MINOR", minor, "DISK", number)
		for _, c := range fields {
			t.Run(c.json, func(t *testing.T) {
				if strings.Contains(c.json, "MAJOR") && number == "" {
					t.Skip("this host has no block device")
				}
				r := new(specs.LinuxResources)
				if err := json.Unmarshal([]byte(fill.Replace(c.json)), r); err != nil {
					t.Fatal(err)
				}
				m, id := h.Manager(t, "c")
				err := cgtest.Create(m, r)
				want, where := c.v1, h.Hierarchy(c.controller)
				if where == nil {
					want = c.v2
				}
				if ignored := choose.Ignored(m.Location(), r); err == nil && len(ignored) > 0 && len(m.Location()) == 1 {
					if !ignorable[c.field] || !strings.HasPrefix(ignored[0], "linux.resources."+c.field+": ignored, ") {
						t.Errorf("ignored: %q", ignored)
					}
					return
				}
				there := where != nil || onV2(t, h, c.controller)
				if want == "" || !there {
					if err == nil || !strings.HasPrefix(err.Error(), "linux.resources."+c.field) {
						t.Errorf("Create() = %v, want an error for %s", err, c.field)
					}
					if left := h.Dirs(path.Join(id, "c")); len(left) > 0 {
						t.Errorf("left: %v", left)
					}
					return
				}
				if err != nil && missing(err) {
					t.Skipf("this kernel lacks it: %v", err)
				}
				if err != nil {
					t.Fatalf("Create() = %v", err)
				}
				for pair := range strings.SplitSeq(fill.Replace(want), ";") {
					pair, or, _ := strings.Cut(pair, "|")
					file, content, _ := strings.Cut(pair, "=")
					if _, err := os.Stat(dirOf(m, c.controller) + "/" + file); err != nil && or != "" {
						file, content, _ = strings.Cut(or, "=")
					}
					if got := cgtest.Read(t, dirOf(m, c.controller)+"/"+file); !strings.Contains("\n"+got+"\n", "\n"+content+"\n") {
						t.Errorf("%s = %q, want %q", file, got, content)
					}
				}
			})
		}
	})
}

// missing tells of an error that a kernel without the file gives, or one that
// has real-time groups or a scheduler without weights.
func missing(err error) bool {
	s := err.Error()
	return strings.HasPrefix(s, "linux.resources.") && (strings.HasSuffix(s, "no such file or directory") || strings.Contains(s, "realtime") ||
		strings.Contains(s, "weightDevice") && strings.HasSuffix(s, "operation not supported"))
}

func onV2(t *testing.T, h *cgtest.Host, controller string) bool {
	u := h.Hierarchy("")
	if u == nil {
		return false
	}
	for _, c := range strings.Fields(cgtest.Read(t, u.Mountpoint+"/cgroup.controllers")) {
		if cgroups.V1Name(c) == controller {
			return true
		}
	}
	return false
}

// What takes a limit away needs no controller.
func TestNoLimits(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, _ := h.Manager(t, "")
		create(t, m, &specs.LinuxResources{
			Memory:  &specs.LinuxMemory{Limit: ptr(-1), Swap: ptr(-1), Reservation: ptr(0), DisableOOMKiller: new(bool)},
			CPU:     &specs.LinuxCPU{Quota: ptr(-1), Shares: new(uint64), Idle: ptr(0), Burst: new(uint64)},
			BlockIO: &specs.LinuxBlockIO{Weight: new(uint16)}, Network: &specs.LinuxNetwork{ClassID: new(uint32)},
		})
	})
}

// linux.resources.unified is for v2's controllers only, and comes last.
func TestUnified(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		for _, c := range []struct{ file, value, controller, want string }{
			{"cgroup.max.depth", "3", "cgroup", "3"},
			{"cgroup.max.descendants", "max\n4\n", "cgroup", "4"},
			{"hugetlb.2MB.max", "4194304", "hugetlb", "4194304"},
			{"memory.high", "33554432", "memory", "33554432"},
			{"memory.swap.max", "8388608", "memory", "8388608"},
			{"pids.max", "9", "pids", "9"},
			{"cpu.weight", "200", "cpu", "200"},
			{"cpu.max", "20000 50000", "cpu", "20000 50000"},
			{"cpu.uclamp.max", "50.00", "cpu", "50.00"},
			{"cpuset.cpus", "0", "cpuset", "0"},
			{"cpuset.mems", "0", "cpuset", "0"},
			{"io.weight", "default 300", "blkio", "default 300"},
			{"io.max", disk() + " rbps=1048576 wbps=max riops=max wiops=max", "blkio", disk() + " rbps=1048576 wbps=max riops=max wiops=max"},
			// Nothing to limit by these here: the kernel refuses the name.
			{"misc.max", "none 5", "misc", ""},
			{"rdma.max", "none0 hca_handle=1", "rdma", ""},
		} {
			m, _ := h.Manager(t, "")
			r := &specs.LinuxResources{Unified: map[string]string{c.file: c.value}}
			if onV2(t, h, "hugetlb") {
				r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 2097152}}
			}
			err := cgtest.Create(m, r)
			if h.Hierarchy("") == nil || c.controller != "cgroup" && !onV2(t, h, c.controller) || c.want == "" {
				if want := fmt.Sprintf("linux.resources.unified[%q]: ", c.file); err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("Create() with %s = %v, want an error for it", c.file, err)
				}
				continue
			}
			if errors.Is(err, unix.ENOENT) {
				t.Logf("this kernel has no %s", c.file)
				continue
			}
			if err != nil {
				t.Errorf("Create() with %s = %v", c.file, err)
				continue
			}
			if got := cgtest.Read(t, m.Location()[""]+"/"+c.file); got != c.want {
				t.Errorf("%s = %s, want %s", c.file, got, c.want)
			}
		}
	})
}
