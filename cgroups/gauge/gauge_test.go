package gauge

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func known(n uint64) Number { return Number{n, true} }

// write makes a cgroup of plain files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var v2Files = map[string]string{
	"cpu.stat":            "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 10\nnr_throttled 4\nthrottled_usec 7\nnr_bursts 0\n",
	"memory.current":      "4096\n",
	"memory.high":         "max\n",
	"memory.max":          "8192\n",
	"memory.swap.current": "0\n",
	"memory.events":       "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 9\n",
	"pids.current":        "3\n",
	"pids.max":            "max\n",
	"io.stat":             "8:0 rbytes=100 wbytes=20 rios=1 wios=2 dbytes=5 dios=1\n8:16 \n254:0 rbytes=1 wbytes=2\n",
	"cpu.pressure":        "some avg10=12.50 avg60=1.00 avg300=0.00 total=99\n",
	"memory.pressure":     "some avg10=3.00 avg60=1.00 avg300=0.00 total=99\nfull avg10=1.25 avg60=0.00 avg300=0.00 total=1\n",
	"cgroup.events":       "populated 1\nfrozen 1\n",
}

var v1Files = map[string]string{
	"cpuacct.usage":               "1500000\n",
	"cpu.stat":                    "nr_periods 10\nnr_throttled 4\nthrottled_time 7000\n",
	"memory.usage_in_bytes":       "4096\n",
	"memory.limit_in_bytes":       "9223372036854771712\n",
	"memory.memsw.usage_in_bytes": "5000\n",
	"memory.oom_control":          "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
	"pids.current":                "3\n",
	"pids.max":                    "20\n",
	"blkio.throttle.io_service_bytes_recursive": "8:0 Read 100\n8:0 Write 20\n8:0 Total 120\n8:16 Read 1\nTotal 121\n",
	"freezer.state": "FROZEN\n",
}

func TestRead(t *testing.T) {
	v2 := write(t, v2Files)
	v1 := write(t, v1Files)
	pressures := write(t, map[string]string{"cpu.stat": "usage_usec 1\n", "cpu.pressure": "some avg10=2.00 avg60=0.00\n"})
	wantV1 := Usage{
		CPU: known(1500000), Periods: known(10), Throttled: known(4), ThrottledTime: known(7000),
		Memory: known(4096), Swap: known(904), Pids: known(3), PidsMax: known(20), Read: known(101), Written: known(20), OOMKills: known(2), Frozen: true,
	}
	wantHybrid := wantV1
	wantHybrid.Pressure[CPU] = Pressure{Some: 2, Known: true}
	legacy := cgroups.Location{}
	for _, c := range []string{"cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "freezer", "name=systemd"} {
		legacy[c] = v1
	}
	hybrid := cgroups.Location{"": pressures}
	for c, dir := range legacy {
		hybrid[c] = dir
	}
	for name, c := range map[string]struct {
		at   cgroups.Location
		want Usage
		none bool
	}{
		"v2": {at: cgroups.Location{"": v2}, want: Usage{
			CPU: known(1500000), Periods: known(10), Throttled: known(4), ThrottledTime: known(7000),
			Memory: known(4096), Max: known(8192), Swap: known(0), Pids: known(3), Read: known(101), Written: known(22), OOMKills: known(1),
			Pressure: [3]Pressure{{12.5, 0, true}, {3, 1.25, true}, {}}, Frozen: true,
		}},
		"v1":     {at: legacy, want: wantV1},
		"hybrid": {at: hybrid, want: wantHybrid},
		"gone":   {at: cgroups.Location{"": v2 + "/gone"}, none: true},
		"none":   {none: true},
	} {
		got, ok := new(Reader).Read(At(c.at))
		if got != c.want || ok == c.none {
			t.Errorf("%s: %+v, %v\nwant %+v", name, got, ok, c.want)
		}
	}
}

// What isn't a number of the kernel's is none.
func TestMalformed(t *testing.T) {
	files := map[string]string{}
	for name := range v2Files {
		files[name] = "some avg10=\n\x1b[2J x=y usage_usec -1\nusage_usec -1\n oom_kill\n"
	}
	got, _ := new(Reader).Read(At(cgroups.Location{"": write(t, files)}))
	if got.CPU.Known || got.Memory.Known || got.OOMKills.Known || got.Pressure[0].Known {
		t.Errorf("%+v", got)
	}
}

// A reading of a container takes no memory but for the way to its cgroup.
func TestAllocations(t *testing.T) {
	r, p := new(Reader), At(cgroups.Location{"": write(t, v2Files)})
	if n := testing.AllocsPerRun(20, func() { r.Read(p) }); n > 40 {
		t.Errorf("%v allocations", n)
	}
}
