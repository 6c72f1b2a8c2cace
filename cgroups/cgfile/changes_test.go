package cgfile

import (
	"testing"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestBefore(t *testing.T) {
	for _, c := range []struct{ file, value, text, want string }{
		{"memory.max", "max", "1048576\n", "1048576"},
		{"cpu.max", "5000 100000", "max 100000\n", "max 100000"},
		{"cpuset.cpus", "0", "\n", "\n"},
		{"cpuset.cpus", "0", "0-1\n", "0-1"},
		{"memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "0"},
		{"io.max", "8:0 rbps=5", "8:0 rbps=9 wbps=max riops=max wiops=max\n", "8:0 rbps=9 wbps=max riops=max wiops=max"},
		{"io.max", "8:0 rbps=5", "8:16 rbps=9 wbps=max riops=max wiops=max\n", "8:0 rbps=max"},
		{"io.max", "8:0 rbps=5 wiops=3", "", "8:0 rbps=max wiops=max"},
		{"io.weight", "50", "default 100\n8:0 30\n", "default 100"},
		{"io.weight", "8:0 50", "default 100\n8:0 30\n", "8:0 30"},
		{"io.weight", "8:16 50", "default 100\n8:0 30\n", "8:16 default"},
		{"io.bfq.weight", "50", "100\n", "100"},
		{"blkio.throttle.read_bps_device", "8:0 5", "8:0 77\n8:1 3\n", "8:0 77"},
		{"blkio.throttle.read_bps_device", "8:2 5", "8:0 77\n8:1 3\n", "8:2 0"},
		{"rdma.max", "mlx0 hca_handle=1", "mlx0 hca_handle=2 hca_object=max\n", "mlx0 hca_handle=2 hca_object=max"},
		{"net_prio.ifpriomap", "lo 5", "eth0 3\nlo 0\n", "lo 0"},
		{"io.latency", "8:0 target=10", "", "8:0 target=0"},
		{"hugetlb.2MB.max", "0", "max\n", "max"},
	} {
		if got, ok := Before(Write{File: c.file, Value: c.value}, c.text); got != c.want || !ok {
			t.Errorf("Before(%s=%s, %q) = %q, %v, want %q", c.file, c.value, c.text, got, ok, c.want)
		}
	}
	for _, c := range []struct{ file, value, text string }{
		{"io.cost.qos", "8:0 enable=1", ""},
		{"something", "5", "a 1\nb 2\n"},
	} {
		if got, ok := Before(Write{File: c.file, Value: c.value}, c.text); ok {
			t.Errorf("Before(%s=%s, %q) = %q, want nothing", c.file, c.value, c.text, got)
		}
	}
}
