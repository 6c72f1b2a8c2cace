package v1

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// What each field of linux.resources is for cgroup v1.
func TestWrites(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"no resources", `null`, ""},
		{"nothing set", `{"memory":{},"cpu":{},"pids":{},"blockIO":{},"network":{},"hugepageLimits":[],"rdma":{},"unified":{}}`, ""},
		{"engines' zeros", `{"memory":{"limit":0,"swap":0,"reservation":0},"cpu":{"shares":0,"quota":0,"period":0,"realtimePeriod":0,"realtimeRuntime":0},"blockIO":{"weight":0,"leafWeight":0},"network":{"classID":0}}`, ""},
		{"pids limit", `{"pids":{"limit":100}}`, `pids pids.max=100 pids.limit`},
		{"any number of pids", `{"pids":{"limit":-1}}`, `pids pids.max=max pids.limit unlimited`},
		{"no pid is one, as in runc", `{"pids":{"limit":0}}`, `pids pids.max=1 pids.limit`},
		{"memory limit", `{"memory":{"limit":1048576}}`, `memory memory.memsw.limit_in_bytes=-1 memory.swap unlimited optional reset
memory memory.limit_in_bytes=1048576 memory.limit`},
		{"unlimited memory", `{"memory":{"limit":-1}}`, `memory memory.memsw.limit_in_bytes=-1 memory.swap unlimited optional reset
memory memory.limit_in_bytes=-1 memory.limit unlimited`},
		{"memory and swap", `{"memory":{"limit":1048576,"swap":3145728}}`, `memory memory.memsw.limit_in_bytes=-1 memory.swap unlimited optional reset
memory memory.limit_in_bytes=1048576 memory.limit
memory memory.memsw.limit_in_bytes=3145728 memory.swap`},
		{"no swap", `{"memory":{"limit":1048576,"swap":1048576}}`, `memory memory.memsw.limit_in_bytes=-1 memory.swap unlimited optional reset
memory memory.limit_in_bytes=1048576 memory.limit
memory memory.memsw.limit_in_bytes=1048576 memory.swap`},
		{"unlimited swap", `{"memory":{"limit":1048576,"swap":-1}}`, `memory memory.memsw.limit_in_bytes=-1 memory.swap unlimited optional reset
memory memory.limit_in_bytes=1048576 memory.limit
memory memory.memsw.limit_in_bytes=-1 memory.swap unlimited optional`},
		{"all unlimited", `{"memory":{"limit":-1,"swap":-1}}`, `memory memory.memsw.limit_in_bytes=-1 memory.swap unlimited optional reset
memory memory.limit_in_bytes=-1 memory.limit unlimited
memory memory.memsw.limit_in_bytes=-1 memory.swap unlimited optional`},
		{"reservation", `{"memory":{"reservation":524288}}`, `memory memory.soft_limit_in_bytes=524288 memory.reservation`},
		{"no reservation", `{"memory":{"reservation":-1}}`, `memory memory.soft_limit_in_bytes=-1 memory.reservation unlimited`},
		{"swappiness", `{"memory":{"swappiness":0}}`, `memory memory.swappiness=0 memory.swappiness`},
		{"no OOM killer", `{"memory":{"disableOOMKiller":true}}`, `memory memory.oom_control=1 memory.disableOOMKiller`},
		{"OOM killer", `{"memory":{"disableOOMKiller":false}}`, `memory memory.oom_control=0 memory.disableOOMKiller unlimited optional reset`},
		{"kernel memory is ignored", `{"memory":{"kernel":1048576,"kernelTCP":1048576,"useHierarchy":true,"checkBeforeUpdate":true}}`, ""},
		{"shares", `{"cpu":{"shares":1024}}`, `cpu cpu.shares=1024 cpu.shares`},
		{"fewest shares", `{"cpu":{"shares":2}}`, `cpu cpu.shares=2 cpu.shares`},
		{"too few shares", `{"cpu":{"shares":1}}`, `cpu cpu.shares: cgroup v1 takes from 2 to 262144`},
		{"too many shares", `{"cpu":{"shares":262145}}`, `cpu cpu.shares: cgroup v1 takes from 2 to 262144`},
		{"quota", `{"cpu":{"quota":50000}}`, `cpu cpu.cfs_burst_us=0 cpu.burst unlimited optional reset
cpu cpu.cfs_quota_us=-1 cpu.quota unlimited optional reset
cpu cpu.cfs_quota_us=50000 cpu.quota`},
		{"quota and period", `{"cpu":{"quota":50000,"period":200000}}`, `cpu cpu.cfs_burst_us=0 cpu.burst unlimited optional reset
cpu cpu.cfs_quota_us=-1 cpu.quota unlimited optional reset
cpu cpu.cfs_period_us=200000 cpu.period
cpu cpu.cfs_quota_us=50000 cpu.quota`},
		{"no quota", `{"cpu":{"quota":-1}}`, `cpu cpu.cfs_burst_us=0 cpu.burst unlimited optional reset
cpu cpu.cfs_quota_us=-1 cpu.quota unlimited optional reset`},
		{"no quota, period", `{"cpu":{"quota":-1,"period":50000}}`, `cpu cpu.cfs_burst_us=0 cpu.burst unlimited optional reset
cpu cpu.cfs_quota_us=-1 cpu.quota unlimited optional reset
cpu cpu.cfs_period_us=50000 cpu.period unlimited or ignored, there is no cpu controller, and without a quota it has no effect`},
		{"period", `{"cpu":{"period":50000}}`, `cpu cpu.cfs_burst_us=0 cpu.burst unlimited optional reset
cpu cpu.cfs_period_us=50000 cpu.period unlimited or ignored, there is no cpu controller, and without a quota it has no effect`},
		{"burst", `{"cpu":{"quota":50000,"burst":20000}}`, `cpu cpu.cfs_burst_us=0 cpu.burst unlimited optional reset
cpu cpu.cfs_quota_us=-1 cpu.quota unlimited optional reset
cpu cpu.cfs_quota_us=50000 cpu.quota
cpu cpu.cfs_burst_us=20000 cpu.burst`},
		{"burst alone", `{"cpu":{"burst":20000}}`, `cpu cpu.cfs_burst_us=0 cpu.burst unlimited optional reset
cpu cpu.cfs_burst_us=20000 cpu.burst`},
		{"no burst", `{"cpu":{"burst":0}}`, `cpu cpu.cfs_burst_us=0 cpu.burst unlimited optional reset`},
		{"idle, whatever the shares", `{"cpu":{"idle":1,"shares":512}}`, `cpu cpu.idle=1 cpu.idle`},
		{"not idle", `{"cpu":{"idle":0,"shares":512}}`, `cpu cpu.idle=0 cpu.idle unlimited optional reset
cpu cpu.shares=512 cpu.shares`},
		{"real time", `{"cpu":{"realtimePeriod":1000000,"realtimeRuntime":950000}}`, `cpu cpu.rt_period_us=1000000 cpu.realtimePeriod
cpu cpu.rt_runtime_us=950000 cpu.realtimeRuntime`},
		{"cpuset", `{"cpu":{"cpus":"0-1","mems":"0"}}`, `cpuset cpuset.cpus=0-1 cpu.cpus or cpus=0-1
cpuset cpuset.mems=0 cpu.mems or mems=0`},
		{"block weights", `{"blockIO":{"weight":500,"leafWeight":300}}`, `blkio blkio.bfq.weight=500 blockIO.weight or blkio.weight=500
blkio blkio.leaf_weight=300 blockIO.leafWeight`},
		{"least weight", `{"blockIO":{"weight":10}}`, `blkio blkio.bfq.weight=10 blockIO.weight or blkio.weight=10`},
		{"most weight", `{"blockIO":{"weight":1000}}`, `blkio blkio.bfq.weight=1000 blockIO.weight or blkio.weight=1000`},
		{"weights of devices", `{"blockIO":{"weightDevice":[{"major":8,"minor":0,"weight":500},{"major":8,"minor":16,"leafWeight":300}]}}`, `blkio blkio.bfq.weight_device=8:0 500 blockIO.weightDevice[0].weight or blkio.weight_device=8:0 500
blkio blkio.leaf_weight_device=8:16 300 blockIO.weightDevice[1].leafWeight`},
		{"throttles", `{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":16,"rate":1048576},{"major":8,"minor":0,"rate":0}],"throttleWriteBpsDevice":[{"major":8,"minor":16,"rate":1048576},{"major":8,"minor":0,"rate":0}],"throttleReadIOPSDevice":[{"major":8,"minor":16,"rate":1048576},{"major":8,"minor":0,"rate":0}],"throttleWriteIOPSDevice":[{"major":8,"minor":16,"rate":1048576},{"major":8,"minor":0,"rate":0}]}}`, `blkio blkio.throttle.read_bps_device=8:16 1048576 blockIO.throttleReadBpsDevice[0]
blkio blkio.throttle.read_bps_device=8:0 0 blockIO.throttleReadBpsDevice[1] unlimited
blkio blkio.throttle.write_bps_device=8:16 1048576 blockIO.throttleWriteBpsDevice[0]
blkio blkio.throttle.write_bps_device=8:0 0 blockIO.throttleWriteBpsDevice[1] unlimited
blkio blkio.throttle.read_iops_device=8:16 1048576 blockIO.throttleReadIOPSDevice[0]
blkio blkio.throttle.read_iops_device=8:0 0 blockIO.throttleReadIOPSDevice[1] unlimited
blkio blkio.throttle.write_iops_device=8:16 1048576 blockIO.throttleWriteIOPSDevice[0]
blkio blkio.throttle.write_iops_device=8:0 0 blockIO.throttleWriteIOPSDevice[1] unlimited`},
		{"huge pages", `{"hugepageLimits":[{"pageSize":"2MB","limit":4194304},{"pageSize":"1GB","limit":0}]}`, `hugetlb hugetlb.2MB.limit_in_bytes=4194304 hugepageLimits[0]
hugetlb hugetlb.2MB.rsvd.limit_in_bytes=4194304 hugepageLimits[0] optional
hugetlb hugetlb.1GB.limit_in_bytes=0 hugepageLimits[1]
hugetlb hugetlb.1GB.rsvd.limit_in_bytes=0 hugepageLimits[1] optional`},
		{"network", `{"network":{"classID":1048577,"priorities":[{"name":"eth0","priority":5},{"name":"lo","priority":0}]}}`, `net_cls net_cls.classid=1048577 network.classID
net_prio net_prio.ifpriomap=eth0 5 network.priorities[0]
net_prio net_prio.ifpriomap=lo 0 network.priorities[1]`},
		{"rdma", `{"rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":10000},"mlx4_0":{"hcaObjects":0}}}`, `rdma rdma.max=mlx4_0 hca_object=0 rdma["mlx4_0"]
rdma rdma.max=mlx5_1 hca_handle=3 hca_object=10000 rdma["mlx5_1"]`},
		{"unified", `{"memory":{"limit":1048576},"unified":{"memory.high":"1000000","io.max":"8:0 rbps=1\n8:16 wbps=2\n","hugetlb.2MB.max":""}}`, `memory memory.memsw.limit_in_bytes=-1 memory.swap unlimited optional reset
memory memory.limit_in_bytes=1048576 memory.limit`},
		{"all at once", `{"cpu":{"shares":512,"cpus":"0"},"memory":{"limit":4096},"pids":{"limit":5},"blockIO":{"weight":100},"rdma":{"a":{"hcaHandles":1}}}`, `pids pids.max=5 pids.limit
memory memory.memsw.limit_in_bytes=-1 memory.swap unlimited optional reset
memory memory.limit_in_bytes=4096 memory.limit
cpu cpu.shares=512 cpu.shares
cpuset cpuset.cpus=0 cpu.cpus or cpus=0
blkio blkio.bfq.weight=100 blockIO.weight or blkio.weight=100
rdma rdma.max=a hca_handle=1 rdma["a"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r *specs.LinuxResources
			if err := json.Unmarshal([]byte(c.in), &r); err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, w := range Writes(r) {
				got = append(got, strings.ReplaceAll(fmt.Sprint(w), "linux.resources.", ""))
			}
			if s := strings.Join(got, "\n"); s != c.want {
				t.Errorf("Writes() =\n%s\nwant\n%s", s, c.want)
			}
		})
	}
}
