package choose_test

import (
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgtest"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/testbed"
)

// steps are updates of one container in a row: what is asked, and what the files
// hold afterwards. A file that this host doesn't have isn't looked at; the
// controller decides whether the step is done at all.
var steps = []struct {
	controller, asked string
	want              map[string]string
}{
	{"pids", `{"pids":{"limit":100}}`, map[string]string{"pids.max": "100"}},
	{"pids", `{"pids":{"limit":0}}`, map[string]string{"pids.max": "1"}},
	{"pids", `{"pids":{"limit":-1}}`, map[string]string{"pids.max": "max"}},
	// Memory and swap grow together, shrink together, and cross.
	{"memory", `{"memory":{"limit":33554432,"swap":67108864}}`, map[string]string{"memory.limit_in_bytes": "33554432", "memory.memsw.limit_in_bytes": "67108864", "memory.max": "33554432", "memory.swap.max": "33554432"}},
	{"memory", `{"memory":{"limit":134217728,"swap":268435456}}`, map[string]string{"memory.limit_in_bytes": "134217728", "memory.memsw.limit_in_bytes": "268435456", "memory.max": "134217728"}},
	{"memory", `{"memory":{"limit":16777216,"swap":16777216}}`, map[string]string{"memory.limit_in_bytes": "16777216", "memory.memsw.limit_in_bytes": "16777216", "memory.max": "16777216", "memory.swap.max": "0"}},
	{"memory", `{"memory":{"swap":50331648}}`, map[string]string{"memory.limit_in_bytes": "16777216", "memory.memsw.limit_in_bytes": "50331648", "memory.max": "16777216", "memory.swap.max": "33554432"}},
	{"memory", `{"memory":{"limit":33554432}}`, map[string]string{"memory.limit_in_bytes": "33554432", "memory.memsw.limit_in_bytes": "50331648", "memory.max": "33554432", "memory.swap.max": "16777216"}},
	{"memory", `{"memory":{"reservation":8388608}}`, map[string]string{"memory.soft_limit_in_bytes": "8388608", "memory.low": "8388608", "memory.limit_in_bytes": "33554432"}},
	{"memory", `{"memory":{"limit":-1}}`, map[string]string{"memory.limit_in_bytes": "9223372036854771712", "memory.memsw.limit_in_bytes": "9223372036854771712", "memory.max": "max", "memory.swap.max": "max"}},
	{"memory", `{"memory":{"limit":33554432,"swap":-1}}`, map[string]string{"memory.limit_in_bytes": "33554432", "memory.memsw.limit_in_bytes": "9223372036854771712", "memory.max": "33554432", "memory.swap.max": "max"}},
	// Engines' zeros change nothing.
	{"memory", `{"memory":{"limit":0,"swap":0,"reservation":0},"cpu":{"shares":0,"quota":0,"period":0},"blockIO":{"weight":0}}`, map[string]string{"memory.limit_in_bytes": "33554432", "memory.max": "33554432"}},
	{"cpu", `{"cpu":{"shares":512}}`, map[string]string{"cpu.shares": "512", "cpu.weight": "59"}},
	{"cpu", `{"cpu":{"quota":50000}}`, map[string]string{"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000", "cpu.max": "50000 100000"}},
	{"cpu", `{"cpu":{"period":1000000}}`, map[string]string{"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "1000000", "cpu.max": "50000 1000000"}},
	{"cpu", `{"cpu":{"quota":20000,"period":20000}}`, map[string]string{"cpu.cfs_quota_us": "20000", "cpu.cfs_period_us": "20000", "cpu.max": "20000 20000"}},
	{"cpu", `{"cpu":{"burst":20000}}`, map[string]string{"cpu.cfs_quota_us": "20000", "cpu.cfs_burst_us": "20000", "cpu.max.burst": "20000"}},
	{"cpu", `{"cpu":{"quota":10000,"burst":5000}}`, map[string]string{"cpu.cfs_quota_us": "10000", "cpu.cfs_burst_us": "5000", "cpu.max.burst": "5000"}},
	{"cpu", `{"cpu":{"quota":60000,"burst":40000}}`, map[string]string{"cpu.cfs_quota_us": "60000", "cpu.cfs_burst_us": "40000", "cpu.max.burst": "40000"}},
	{"cpu", `{"cpu":{"burst":0,"quota":-1}}`, map[string]string{"cpu.cfs_quota_us": "-1", "cpu.cfs_burst_us": "0", "cpu.max": "max 20000"}},
	{"cpu", `{"cpu":{"idle":1}}`, map[string]string{"cpu.idle": "1"}},
	{"cpu", `{"cpu":{"idle":0}}`, map[string]string{"cpu.idle": "0", "cpu.shares": "512", "cpu.weight": "59"}},
	{"cpuset", `{"cpu":{"cpus":"0","mems":"0"}}`, map[string]string{"cpuset.cpus": "0", "cpuset.mems": "0"}},
	{"blkio", `{"blockIO":{"weight":300}}`, map[string]string{"blkio.bfq.weight": "300", "blkio.weight": "300"}},
	{"hugetlb", `{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}`, map[string]string{"hugetlb.2MB.limit_in_bytes": "4194304", "hugetlb.2MB.max": "4194304", "hugetlb.2MB.rsvd.max": "4194304"}},
	{"hugetlb", `{"hugepageLimits":[{"pageSize":"1GB","limit":1073741824}]}`, map[string]string{"hugetlb.1GB.max": "1073741824", "hugetlb.2MB.max": "4194304"}},
}

// look compares files of the container in whichever hierarchy they are.
func look(t *testing.T, m cgroups.Manager, after string, want map[string]string) {
	t.Helper()
	found := false
	for file, value := range want {
		for _, dir := range m.Location() {
			if text, err := os.ReadFile(path.Join(dir, file)); err == nil {
				found = true
				if got := strings.TrimSpace(string(text)); got != value {
					t.Errorf("after %s: %s = %q, want %q", after, file, got, value)
				}
				break
			}
		}
	}
	if !found {
		t.Errorf("after %s: none of the files %v", after, want)
	}
}

func decoded(t *testing.T, text string) *specs.LinuxResources {
	t.Helper()
	r, _, err := spec.DecodeResources([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// update does what the verb does, but for the state.
func update(m cgroups.Place, old, asked *specs.LinuxResources) (*specs.LinuxResources, error) {
	merged := cgroups.Merge(old, asked)
	return merged, m.Set(cgroups.Change(old, merged, asked), old)
}

// gigantic tells whether the processor has pages of 1 GB.
func gigantic() bool {
	_, err := os.Stat("/sys/kernel/mm/hugepages/hugepages-1048576kB")
	return err == nil
}

func TestSet(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		for _, frozen := range []bool{false, true} {
			m, _ := h.Manager(t, "")
			create(t, m, nil)
			cgtest.Start(t, m, "sleep", "60")
			if frozen {
				if err := m.Freeze(5*time.Second, nil); err != nil {
					t.Fatal(err)
				}
			}
			var r *specs.LinuxResources
			done := 0
			for _, s := range steps {
				if !has(t, h, s.controller) || strings.Contains(s.asked, `"1GB"`) && !gigantic() {
					continue
				}
				merged, err := update(m, r, decoded(t, s.asked))
				if err != nil {
					t.Errorf("frozen %v, %s: %v", frozen, s.asked, err)
					continue
				}
				r = merged
				done++
				look(t, m, s.asked, s.want)
			}
			if is, err := m.Frozen(); err != nil || is != frozen {
				t.Errorf("frozen = %v, %v, want %v", is, err, frozen)
			}
			t.Logf("frozen %v: %d of %d steps", frozen, done, len(steps))
		}
	})
}

// contents are the settings of all files of a container's cgroups that a test of
// going back looks at.
func contents(t *testing.T, m cgroups.Manager) map[string]string {
	t.Helper()
	all := map[string]string{}
	for key, dir := range m.Location() {
		names, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			f := n.Name()
			if strings.HasSuffix(f, ".max") || strings.HasSuffix(f, "limit_in_bytes") || strings.HasPrefix(f, "cpu.cfs_") || strings.HasPrefix(f, "cpu.max") ||
				f == "cpu.shares" || f == "cpu.weight" || f == "cpuset.cpus" || f == "cpuset.mems" || f == "devices.list" || strings.HasSuffix(f, "weight") {
				if text, err := os.ReadFile(path.Join(dir, f)); err == nil {
					all[key+"/"+f] = string(text)
				}
			}
		}
	}
	return all
}

// An update that fails in the middle leaves every file as it was.
func TestSetRollsBack(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, _ := h.Manager(t, "")
		before := &specs.LinuxResources{}
		ask := &specs.LinuxResources{}
		if has(t, h, "memory") {
			before.Memory = &specs.LinuxMemory{Limit: ptr(64 << 20), Swap: ptr(64 << 20)}
			ask.Memory = &specs.LinuxMemory{Limit: ptr(32 << 20), Swap: ptr(128 << 20)}
		}
		if has(t, h, "pids") {
			before.Pids = &specs.LinuxPids{Limit: ptr(50)}
			ask.Pids = &specs.LinuxPids{Limit: ptr(60)}
		}
		if has(t, h, "cpu") {
			before.CPU = &specs.LinuxCPU{Quota: ptr(50000), Burst: new(uint64(1000))}
			ask.CPU = &specs.LinuxCPU{Quota: ptr(90000), Period: new(uint64(200000)), Burst: new(uint64(70000))}
		}
		ask.Unified = map[string]string{"none.max": "1"} // fails on the unified side
		if has(t, h, "hugetlb") {
			before.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 2 << 20}}
			ask.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 << 20}, {Pagesize: "3MB"}}
		}
		create(t, m, before)
		cgtest.Start(t, m, "sleep", "60")
		want := contents(t, m)
		for name, change := range map[string]func(*specs.LinuxResources){
			"no such controller": func(*specs.LinuxResources) {},
			"no such file":       func(r *specs.LinuxResources) { r.Unified = nil },
			"no such CPU": func(r *specs.LinuxResources) {
				r.Unified, r.HugepageLimits = nil, nil
				c := specs.LinuxCPU{}
				if r.CPU != nil {
					c = *r.CPU
				}
				c.Cpus = "999"
				r.CPU = &c
			},
		} {
			asked := *ask
			change(&asked)
			if name == "no such file" && len(asked.HugepageLimits) == 0 {
				continue
			}
			_, err := update(m, before, &asked)
			if err == nil || !strings.HasPrefix(err.Error(), "linux.resources.") {
				t.Errorf("%s: %v, want an error that names the field", name, err)
			}
			got := contents(t, m)
			for file, text := range want {
				if got[file] != text {
					t.Errorf("%s: %s = %q, want %q as before (%v)", name, file, got[file], text, err)
				}
			}
		}
	})
}

// A memory limit below what is used is refused with runc's words.
func TestSetBelowUsage(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		if !has(t, h, "memory") {
			t.Skip("no memory controller on this layout")
		}
		m, _ := h.Manager(t, "")
		create(t, m, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(1 << 28)}})
		cgtest.Start(t, m, "sh", "-c", "x=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 a b c d e f g; do x=$x$x; done; sleep 60; echo $x")
		testbed.Until(t, "the memory is used", func() bool { s, err := m.Stats(); return err == nil && s.Memory.Usage.Usage > 1<<20 })
		yes := true
		err := m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(4096), CheckBeforeUpdate: &yes}}, nil)
		if err == nil || !strings.Contains(err.Error(), "unable to set memory limit to 4096 (current usage: ") && !strings.Contains(err.Error(), "rejecting memory limit 4096 <= usage ") {
			t.Errorf("Set() = %v", err)
		}
	})
}

// arrived tells whether the manager's cgroup has a controller.
func arrived(t *testing.T, h *cgtest.Host, m cgroups.Manager, controller string) bool {
	if h.Hierarchy(controller) != nil {
		return true
	}
	dir := m.Location()[""]
	return dir != "" && strings.Contains(cgtest.Read(t, path.Join(dir, "cgroup.controllers")), controller)
}

// A stats call reads what is there, and nothing is wrong without a cgroup.
func TestStats(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, _ := h.Manager(t, "")
		if s, err := m.Stats(); err != nil || s == nil {
			t.Errorf("Stats() without a cgroup = %v, %v", s, err)
		}
		create(t, m, nil)
		cgtest.Start(t, m, "sh", "-c", "i=0; while :; do i=$((i+1)); done")
		testbed.Until(t, "processor time is used", func() bool { return cpu(t, m) >= 20e6 })
		s, err := m.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if s.CPU.User+s.CPU.Kernel == 0 {
			t.Errorf("CPU = %+v", s.CPU)
		}
		if s.Pids.Current != 1 || s.Pids.Limit != 0 {
			t.Errorf("pids = %+v, want one", s.Pids)
		}
		if has(t, h, "memory") && (s.Memory.Usage.Usage == 0 || s.Memory.Usage.Limit < 1<<62 || s.Memory.Swap.Usage == 0 || len(s.Memory.Raw) < 10) {
			t.Errorf("memory = %+v", s.Memory)
		}
		if has(t, h, "cpuset") && len(s.Cpuset.CPUs) == 0 {
			t.Errorf("cpuset = %+v", s.Cpuset)
		}
		// On a hybrid host nobody hands the controller down to a container without a limit of it.
		if _, ok := s.Hugetlb["2MB"]; ok != arrived(t, h, m, "hugetlb") {
			t.Errorf("hugetlb = %v, and the cgroup has the controller: %v", s.Hugetlb, !ok)
		}
		t.Log(fmt.Sprint(s))
	})
}

func TestWatchOOM(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, _ := h.Manager(t, "")
		if !has(t, h, "memory") {
			create(t, m, nil)
			if w, err := m.WatchOOM(); err == nil {
				t.Errorf("WatchOOM() without the controller = %v", w)
			}
			return
		}
		create(t, m, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(1 << 23)}})
		w, err := m.WatchOOM()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if n, err := w.Count(); n != 0 || err != nil {
			t.Errorf("Count() = %d, %v, want 0", n, err)
		}
		p := cgtest.Start(t, m, "sh", "-c", "x=0123456789abcdef; while :; do x=$x$x; done")
		if err, ok := p.Wait(20 * time.Second); !ok || err == nil {
			t.Errorf("the process ended with %v, want a kill", err)
		}
		if n, err := w.Count(); n == 0 || err != nil {
			t.Errorf("Count() = %d, %v, want an event", n, err)
		}
	})
}
