package cgfile

import "testing"

func TestHolds(t *testing.T) {
	for _, c := range []struct {
		file, value, text, now string
		same                   bool
	}{
		{"pids.max", "10", "10\n", "10", true},
		{"pids.max", "10", "11\n", "11", false},
		{"pids.max", "max", "max\n", "max", true},
		{"pids.max", "max", "10\n", "10", false},
		// Pages.
		{"memory.max", "10000000", "9998336\n", "9998336", true},
		{"memory.max", "10000000", "9994240\n", "9994240", false},
		{"memory.max", "100", "0\n", "0", true},
		{"memory.max", "10M", "10485760\n", "10485760", true},
		{"memory.high", "1g", "1073741824\n", "1073741824", true},
		{"memory.limit_in_bytes", "-1", "9223372036854771712\n", "9223372036854771712", true},
		{"memory.limit_in_bytes", "-1", "4096\n", "4096", false},
		{"memory.swappiness", "60", "0\n", "0", false},
		{"memory.swappiness", "60", "60\n", "60", true},
		{"memory.oom_control", "1", "oom_kill_disable 1\nunder_oom 0\n", "1", true},
		{"memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\n", "0", false},
		{"hugetlb.2MB.max", "3000000", "2097152\n", "2097152", true},
		{"hugetlb.2MB.max", "4194304", "2097152\n", "2097152", false},
		{"hugetlb.1GB.limit_in_bytes", "18446744073709551615", "9223372035781033984\n", "9223372035781033984", true},
		// Lists.
		{"cpuset.cpus", "0,1", "0-1\n", "0-1", true},
		{"cpuset.cpus", "1,0-1", "0-1\n", "0-1", true},
		{"cpuset.cpus", "0", "0-1\n", "0-1", false},
		{"cpuset.mems", "0", "\n", "", false},
		{"cpus", "0,1,2", "0-2\n", "0-2", true},
		{"cpuset.cpus.partition", "root", "root\n", "root", true},
		{"cpuset.cpus.partition", "root", "root invalid (Cpu list in cpuset.cpus not exclusive)\n", "root invalid (Cpu list in cpuset.cpus not exclusive)", false},
		// Words.
		{"cpu.max", "50000 100000", "50000 100000\n", "50000 100000", true},
		{"cpu.max", "50000", "50000 100000\n", "50000 100000", true},
		{"cpu.max", "max 100000", "50000 100000\n", "50000 100000", false},
		{"cpu.weight", "79", "79\n", "79", true},
		{"cpu.cfs_quota_us", "-1", "-1\n", "-1", true},
		{"io.bfq.weight", "200", "default 200\n8:0 100\n", "default 200", true},
		{"io.bfq.weight", "8:0 100", "default 200\n8:0 100\n", "8:0 100", true},
		{"io.weight", "default 200", "default 200\n", "default 200", true},
		{"io.max", "8:0 rbps=1048576", "8:0 rbps=1048576 wbps=max riops=max wiops=max\n", "8:0 rbps=1048576 wbps=max riops=max wiops=max", true},
		{"io.max", "8:0 wbps=1048576", "8:0 rbps=1048576 wbps=max riops=max wiops=max\n", "8:0 rbps=1048576 wbps=max riops=max wiops=max", false},
		{"io.max", "8:0 wbps=max", "", "8:0 wbps=max", true},
		{"io.max", "8:0 wbps=1", "8:16 wbps=1 rbps=max riops=max wiops=max\n", "8:0 wbps=max", false},
		{"blkio.throttle.read_bps_device", "8:0 1048576", "8:0 1048576\n", "8:0 1048576", true},
		{"blkio.throttle.read_bps_device", "8:0 1048576", "\n", "8:0 0", false},
		{"net_prio.ifpriomap", "lo 5", "lo 5\neth0 0\n", "lo 5", true},
		{"rdma.max", "mlx4_0 hca_handle=2", "mlx4_0 hca_handle=2 hca_object=max\n", "mlx4_0 hca_handle=2 hca_object=max", true},
		{"cgroup.subtree_control", "+memory +pids", "cpu memory pids\n", "cpu memory pids", true},
		{"cgroup.subtree_control", "+memory -pids", "cpu memory pids\n", "cpu memory pids", false},
	} {
		w := Write{File: c.file, Value: c.value}
		if now, same := w.Holds(c.text, 4096); now != c.now || same != c.same {
			t.Errorf("%s=%q of %q: %q, %v, want %q, %v", c.file, c.value, c.text, now, same, c.now, c.same)
		}
	}
}
