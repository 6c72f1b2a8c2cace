package v2

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// What each field of linux.resources is for cgroup v2.
func TestWrites(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"no resources", `null`, ""},
		{"nothing set", `{"memory":{},"cpu":{},"pids":{},"blockIO":{},"network":{},"hugepageLimits":[],"rdma":{},"unified":{}}`, ""},
		{"engines' zeros", `{"memory":{"limit":0,"swap":0,"reservation":0},"cpu":{"shares":0,"quota":0,"period":0,"realtimePeriod":0,"realtimeRuntime":0},"blockIO":{"weight":0,"leafWeight":0},"network":{"classID":0}}`, ""},
		{"pids limit", `{"pids":{"limit":100}}`, `pids pids.max=100 pids.limit`},
		{"any number of pids", `{"pids":{"limit":-1}}`, `pids pids.max=max pids.limit unlimited`},
		{"no pid is one, as in runc", `{"pids":{"limit":0}}`, `pids pids.max=1 pids.limit`},
		{"memory limit", `{"memory":{"limit":1048576}}`, `memory memory.max=1048576 memory.limit`},
		{"unlimited memory", `{"memory":{"limit":-1}}`, `memory memory.swap.max=max memory.swap unlimited optional
memory memory.max=max memory.limit unlimited`},
		{"memory and swap", `{"memory":{"limit":1048576,"swap":3145728}}`, `memory memory.swap.max=2097152 memory.swap
memory memory.max=1048576 memory.limit`},
		{"no swap", `{"memory":{"limit":1048576,"swap":1048576}}`, `memory memory.swap.max=0 memory.swap optional
memory memory.max=1048576 memory.limit`},
		{"unlimited swap", `{"memory":{"limit":1048576,"swap":-1}}`, `memory memory.swap.max=max memory.swap unlimited optional
memory memory.max=1048576 memory.limit`},
		{"all unlimited", `{"memory":{"limit":-1,"swap":-1}}`, `memory memory.swap.max=max memory.swap unlimited optional
memory memory.max=max memory.limit unlimited`},
		{"reservation", `{"memory":{"reservation":524288}}`, `memory memory.low=524288 memory.reservation`},
		{"no reservation", `{"memory":{"reservation":-1}}`, `memory memory.low=max memory.reservation unlimited`},
		{"swappiness", `{"memory":{"swappiness":0}}`, `memory memory.swappiness: ignored, cgroup v2 has nothing like it`},
		{"no OOM killer", `{"memory":{"disableOOMKiller":true}}`, `memory memory.disableOOMKiller: ignored, cgroup v2 has nothing like it`},
		{"OOM killer", `{"memory":{"disableOOMKiller":false}}`, ""},
		{"kernel memory is ignored", `{"memory":{"kernel":1048576,"kernelTCP":1048576,"useHierarchy":true,"checkBeforeUpdate":true}}`, ""},
		{"shares", `{"cpu":{"shares":1024}}`, `cpu cpu.weight=100 cpu.shares`},
		{"fewest shares", `{"cpu":{"shares":2}}`, `cpu cpu.weight=1 cpu.shares`},
		{"too few shares", `{"cpu":{"shares":1}}`, `cpu cpu.weight=1 cpu.shares`},
		{"too many shares", `{"cpu":{"shares":262145}}`, `cpu cpu.weight=10000 cpu.shares`},
		{"quota", `{"cpu":{"quota":50000}}`, `cpu cpu.max.burst=0 cpu.burst unlimited optional reset
cpu cpu.max=50000 100000 cpu.quota`},
		{"quota and period", `{"cpu":{"quota":50000,"period":200000}}`, `cpu cpu.max.burst=0 cpu.burst unlimited optional reset
cpu cpu.max=50000 200000 cpu.quota`},
		{"no quota", `{"cpu":{"quota":-1}}`, `cpu cpu.max.burst=0 cpu.burst unlimited optional reset
cpu cpu.max=max 100000 cpu.quota unlimited`},
		{"no quota, period", `{"cpu":{"quota":-1,"period":50000}}`, `cpu cpu.max.burst=0 cpu.burst unlimited optional reset
cpu cpu.max=max 50000 cpu.period unlimited or ignored, there is no cpu controller, and without a quota it has no effect`},
		{"period", `{"cpu":{"period":50000}}`, `cpu cpu.max.burst=0 cpu.burst unlimited optional reset
cpu cpu.max=max 50000 cpu.period unlimited or ignored, there is no cpu controller, and without a quota it has no effect`},
		{"burst", `{"cpu":{"quota":50000,"burst":20000}}`, `cpu cpu.max.burst=0 cpu.burst unlimited optional reset
cpu cpu.max=50000 100000 cpu.quota
cpu cpu.max.burst=20000 cpu.burst`},
		{"burst alone", `{"cpu":{"burst":20000}}`, `cpu cpu.max.burst=0 cpu.burst unlimited optional reset
cpu cpu.max.burst=20000 cpu.burst`},
		{"no burst", `{"cpu":{"burst":0}}`, `cpu cpu.max.burst=0 cpu.burst unlimited optional reset`},
		{"idle, whatever the shares", `{"cpu":{"idle":1,"shares":512}}`, `cpu cpu.idle=1 cpu.idle`},
		{"not idle", `{"cpu":{"idle":0,"shares":512}}`, `cpu cpu.idle=0 cpu.idle unlimited optional reset
cpu cpu.weight=59 cpu.shares`},
		{"real time", `{"cpu":{"realtimePeriod":1000000,"realtimeRuntime":950000}}`, `cpu cpu.realtimeRuntime: ignored, cgroup v2 has nothing like it
cpu cpu.realtimePeriod: ignored, cgroup v2 has nothing like it`},
		{"cpuset", `{"cpu":{"cpus":"0-1","mems":"0"}}`, `cpuset cpuset.cpus=0-1 cpu.cpus
cpuset cpuset.mems=0 cpu.mems`},
		{"block weights", `{"blockIO":{"weight":500,"leafWeight":300}}`, `io io.bfq.weight=500 blockIO.weight or io.weight=4950
io blockIO.leafWeight: ignored, cgroup v2 has nothing like it`},
		{"least weight", `{"blockIO":{"weight":10}}`, `io io.bfq.weight=10 blockIO.weight or io.weight=1`},
		{"most weight", `{"blockIO":{"weight":1000}}`, `io io.bfq.weight=1000 blockIO.weight or io.weight=10000`},
		{"weights of devices", `{"blockIO":{"weightDevice":[{"major":8,"minor":0,"weight":500},{"major":8,"minor":16,"leafWeight":300}]}}`, `io io.bfq.weight=8:0 500 blockIO.weightDevice[0].weight or ignored, only the BFQ scheduler has weights of devices
io blockIO.weightDevice[1].leafWeight: ignored, cgroup v2 has nothing like it`},
		{"throttles", `{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":16,"rate":1048576},{"major":8,"minor":0,"rate":0}],"throttleWriteBpsDevice":[{"major":8,"minor":16,"rate":1048576},{"major":8,"minor":0,"rate":0}],"throttleReadIOPSDevice":[{"major":8,"minor":16,"rate":1048576},{"major":8,"minor":0,"rate":0}],"throttleWriteIOPSDevice":[{"major":8,"minor":16,"rate":1048576},{"major":8,"minor":0,"rate":0}]}}`, `io io.max=8:16 rbps=1048576 blockIO.throttleReadBpsDevice[0]
io io.max=8:0 rbps=max blockIO.throttleReadBpsDevice[1] unlimited
io io.max=8:16 wbps=1048576 blockIO.throttleWriteBpsDevice[0]
io io.max=8:0 wbps=max blockIO.throttleWriteBpsDevice[1] unlimited
io io.max=8:16 riops=1048576 blockIO.throttleReadIOPSDevice[0]
io io.max=8:0 riops=max blockIO.throttleReadIOPSDevice[1] unlimited
io io.max=8:16 wiops=1048576 blockIO.throttleWriteIOPSDevice[0]
io io.max=8:0 wiops=max blockIO.throttleWriteIOPSDevice[1] unlimited`},
		{"huge pages", `{"hugepageLimits":[{"pageSize":"2MB","limit":4194304},{"pageSize":"1GB","limit":0}]}`, `hugetlb hugetlb.2MB.max=4194304 hugepageLimits[0]
hugetlb hugetlb.2MB.rsvd.max=4194304 hugepageLimits[0] optional
hugetlb hugetlb.1GB.max=0 hugepageLimits[1]
hugetlb hugetlb.1GB.rsvd.max=0 hugepageLimits[1] optional`},
		{"network", `{"network":{"classID":1048577,"priorities":[{"name":"eth0","priority":5},{"name":"lo","priority":0}]}}`, `net_cls network.classID: ignored, cgroup v2 has nothing like it
net_prio network.priorities: ignored, cgroup v2 has nothing like it`},
		{"rdma", `{"rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":10000},"mlx4_0":{"hcaObjects":0}}}`, `rdma rdma.max=mlx4_0 hca_object=0 rdma["mlx4_0"]
rdma rdma.max=mlx5_1 hca_handle=3 hca_object=10000 rdma["mlx5_1"]`},
		{"unified", `{"memory":{"limit":1048576},"unified":{"memory.high":"1000000","io.max":"8:0 rbps=1\n8:16 wbps=2\n","hugetlb.2MB.max":""}}`, `memory memory.max=1048576 memory.limit
io io.max=8:0 rbps=1 unified["io.max"]
io io.max=8:16 wbps=2 unified["io.max"]
memory memory.high=1000000 unified["memory.high"]`},
		{"all at once", `{"cpu":{"shares":512,"cpus":"0"},"memory":{"limit":4096},"pids":{"limit":5},"blockIO":{"weight":100},"rdma":{"a":{"hcaHandles":1}}}`, `pids pids.max=5 pids.limit
memory memory.max=4096 memory.limit
cpu cpu.weight=59 cpu.shares
cpuset cpuset.cpus=0 cpu.cpus
io io.bfq.weight=100 blockIO.weight or io.weight=910
rdma rdma.max=a hca_handle=1 rdma["a"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r *specs.LinuxResources
			if err := json.Unmarshal([]byte(c.in), &r); err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, w := range append(Writes(r), Unified(r)...) {
				got = append(got, strings.ReplaceAll(fmt.Sprint(w), "linux.resources.", ""))
			}
			if s := strings.Join(got, "\n"); s != c.want {
				t.Errorf("Writes() =\n%s\nwant\n%s", s, c.want)
			}
		})
	}
}
