package lifecycle

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// setting is the content of a file of the container's cgroup, in whichever
// hierarchy it is; "" if there is none.
func setting(t *testing.T, b *harness.Bundle, file string) string {
	t.Helper()
	for _, dir := range harness.CgroupDirs(b.ID) {
		if data, err := os.ReadFile(dir + "/" + file); err == nil {
			return strings.TrimSpace(string(data))
		}
	}
	return ""
}

// settings checks files of the container's cgroup, by their v1 and v2 names.
func settings(t *testing.T, b *harness.Bundle, want map[string]string) {
	t.Helper()
	for names, value := range want {
		v1, v2, _ := strings.Cut(names, "|")
		if got := setting(t, b, v1) + setting(t, b, v2); got != value {
			t.Errorf("%s = %q, want %q", names, got, value)
		}
	}
}

// The container uses no more CPU than its quota, to 10 %.
func TestCPUQuota(t *testing.T) {
	harness.Controller(t, "cpu")
	quota, period := int64(10000), uint64(100000) // so little even a busy machine has
	b := harness.New(t, harness.Shell("while :; do :; done"), func(s *specs.Spec) {
		s.Linux.Resources.CPU = &specs.LinuxCPU{Quota: &quota, Period: &period}
	})
	pid, _ := b.Create(t)
	b.Must(t, "start")
	wantShare(t, b, pid, 100*time.Millisecond, 0.1)
	b.End(t, pid)
}

// wantShare measures a program that always wants a CPU: it gets no more than its quota, and all of it in each
// period in which it was throttled. In the others, of which the kernel doesn't count all, the host had no time for it.
func wantShare(t *testing.T, b *harness.Bundle, pid int, period time.Duration, want float64) {
	t.Helper()
	time.Sleep(300 * time.Millisecond) // what it was given before doesn't count
	const tick = 10 * time.Millisecond // of CPU time
	var seen []string
	for range 10 {
		throttled := throttling(t, b)
		before, start := ticks(t, pid), time.Now()
		time.Sleep(3 * time.Second) // is measured
		cpu := time.Duration(ticks(t, pid)-before) * tick
		took := time.Since(start)
		throttled = throttling(t, b) - throttled
		due := time.Duration(float64(throttled) * want * float64(period))
		seen = append(seen, fmt.Sprintf("%v in %v, throttled %d times", cpu, took.Round(time.Millisecond), throttled))
		if cpu > time.Duration(1.1*want*float64(took)) || cpu < due*9/10-2*tick {
			break
		}
		if throttled > int(took/period/10) {
			return
		}
	}
	t.Errorf("a quota of %.2f of a CPU in each %v: %s", want, period, strings.Join(seen, "; "))
}

// throttling is in how many periods the cgroup came to its quota.
func throttling(t *testing.T, b *harness.Bundle) int {
	t.Helper()
	for _, dir := range harness.CgroupDirs(b.ID) {
		text, _ := os.ReadFile(dir + "/cpu.stat") // cgroup2 has one without this line where v1 has the controller
		for line := range strings.Lines(string(text)) {
			if n, found := strings.CutPrefix(strings.TrimSpace(line), "nr_throttled "); found {
				throttled, _ := strconv.Atoi(n)
				return throttled
			}
		}
	}
	t.Fatal("no cgroup of it tells its periods")
	return 0
}

// ticks is the CPU time of a process in 10 ms.
func ticks(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return user + system
}

func TestPidsLimitHolds(t *testing.T) {
	harness.Controller(t, "pids")
	b := harness.New(t, harness.Args("/bin/sleep", "600"), func(s *specs.Spec) {
		s.Linux.Resources.Pids = &specs.LinuxPids{Limit: new(int64(5))}
	})
	pid, _ := b.Create(t)
	b.Must(t, "start")
	wantPids(t, b, 5)
	b.End(t, pid)
}

// wantPids starts more processes than the container may have, until it has no more. The shell that starts
// them may end at the first that fails: so it isn't the first process.
func wantPids(t *testing.T, b *harness.Bundle, limit int) {
	t.Helper()
	file := b.Dir + "/forks.pid"
	b.Run(t, "exec", "--detach", "--pid-file", file, b.ID, "/bin/sh", "-c", "exec 2>/dev/null; for i in 1 2 3 4 5 6 7 8 9; do sleep 600 & done; wait").Silent(t)
	shell, err := strconv.Atoi(read(t, file))
	if err != nil {
		t.Fatal(err)
	}
	harness.Until(t, "the limit of processes is met", func() bool {
		_, times, _ := strings.Cut(setting(t, b, "pids.events"), "max ")
		return times != "" && times != "0"
	})
	if n := len(psPIDs(t, b)); n < limit-2 || n > limit {
		t.Errorf("%d processes, want %d or little less", n, limit)
	}
	_ = unix.Kill(shell, unix.SIGKILL) // our child
	harness.Wait(t, shell)
}

// A container that may run on one CPU only, does.
func TestCpuset(t *testing.T) {
	harness.Controller(t, "cpuset")
	b := harness.New(t, harness.Shell("grep -E '^(Cpus|Mems)_allowed_list' /proc/self/status"), func(s *specs.Spec) {
		s.Linux.Resources.CPU = &specs.LinuxCPU{Cpus: "0", Mems: "0"}
	})
	r := b.Container(t, "run")
	if got := strings.Join(strings.Fields(r.Stdout), " "); got != "Cpus_allowed_list: 0 Mems_allowed_list: 0" {
		t.Errorf("%q: %v", got, r)
	}
}

// All that an engine sets at once is there when the container runs.
func TestAllLimits(t *testing.T) {
	harness.NeedRung(t, "huge pages of cgroup v2 on a hybrid host")
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	want := map[string]string{}
	r := b.Spec.Linux.Resources
	if harness.HasController("memory") {
		limit, swap, low := int64(64<<20), int64(96<<20), int64(32<<20)
		r.Memory = &specs.LinuxMemory{Limit: &limit, Swap: &swap, Reservation: &low}
		want["memory.limit_in_bytes|memory.max"] = "67108864"
		want["memory.soft_limit_in_bytes|memory.low"] = "33554432"
	}
	if harness.HasController("cpu") {
		shares, quota := uint64(512), int64(150000)
		r.CPU = &specs.LinuxCPU{Shares: &shares, Quota: &quota}
	}
	if harness.HasController("pids") {
		r.Pids = &specs.LinuxPids{Limit: new(int64(77))}
		want["pids.max"] = "77"
	}
	if harness.HasController("hugetlb") {
		r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 6 << 20}}
		want["hugetlb.2MB.limit_in_bytes|hugetlb.2MB.max"] = "6291456"
		want["hugetlb.2MB.rsvd.limit_in_bytes|hugetlb.2MB.rsvd.max"] = "6291456"
	}
	b.Save(t)
	pid, _ := b.Create(t)
	settings(t, b, want)
	if harness.HasController("cpu") {
		got := setting(t, b, "cpu.shares") + "," + setting(t, b, "cpu.cfs_quota_us") + "," + setting(t, b, "cpu.weight") + "," + setting(t, b, "cpu.max")
		if got != "512,150000,," && got != ",,59,150000 100000" {
			t.Errorf("cpu: %s", got)
		}
	}
	b.End(t, pid)
}

// What can't be had is an error that names the field, and leaves nothing.
func TestImpossibleLimits(t *testing.T) {
	harness.NeedRung(t, "errors with the path of the field")
	for name, c := range map[string]struct {
		edit func(*specs.LinuxResources)
		want string
		if1  string // a controller whose presence makes it possible
	}{
		"rdma": {func(r *specs.LinuxResources) {
			r.Rdma = map[string]specs.LinuxRdma{"none0": {HcaHandles: new(uint32(1))}}
		}, `linux.resources.rdma["none0"]`, "rdma"},
		"class":    {func(r *specs.LinuxResources) { r.Network = &specs.LinuxNetwork{ClassID: new(uint32(9))} }, "linux.resources.network.classID", "net_cls"},
		"no such":  {func(r *specs.LinuxResources) { r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "3MB"}} }, "linux.resources.hugepageLimits[0]", ""},
		"unified":  {func(r *specs.LinuxResources) { r.Unified = map[string]string{"none.max": "1"} }, `linux.resources.unified["none.max"]`, ""},
		"cpus":     {func(r *specs.LinuxResources) { r.CPU = &specs.LinuxCPU{Cpus: "99999"} }, "linux.resources.cpu.cpus", ""},
		"swap":     {func(r *specs.LinuxResources) { r.Memory = &specs.LinuxMemory{Swap: new(int64(5))} }, "linux.resources.memory.swap", ""},
		"a weight": {func(r *specs.LinuxResources) { r.BlockIO = &specs.LinuxBlockIO{Weight: new(uint16(5))} }, "linux.resources.blockIO.weight", ""},
	} {
		if c.if1 != "" && harness.HasController(c.if1) || name == "class" && harness.View() == harness.V2 { // ignored there
			continue
		}
		b := harness.New(t, func(s *specs.Spec) { c.edit(s.Linux.Resources) })
		r := b.Container(t, "run")
		if r.Code != 1 || !strings.Contains(strings.ReplaceAll(r.Stderr, `\`, ""), c.want) {
			t.Errorf("%s: want an error for %s: %v", name, c.want, r)
		}
	}
}

// Kernel memory has no limit: a warning in the log where there is one.
func TestKernelMemoryIgnored(t *testing.T) {
	harness.NeedRung(t, "the warning")
	b := harness.New(t, func(s *specs.Spec) { s.Linux.Resources.Memory = &specs.LinuxMemory{Kernel: new(int64(1 << 20))} })
	log := b.Dir + "/log"
	r := (&harness.Cmd{Args: []string{"--root", b.Root, "--log", log, "run", "--bundle", b.Dir, b.ID}}).Run(t)
	r.Silent(t)
	if data, _ := os.ReadFile(log); !strings.Contains(string(data), "linux.resources.memory.kernel: ignored") {
		t.Errorf("log: %q, want a warning", data)
	}
}
