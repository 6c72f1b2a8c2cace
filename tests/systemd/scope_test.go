package systemd

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// On a host without systemd nothing is begun.
func TestWithoutSystemd(t *testing.T) {
	if booted() {
		t.Skip("systemd runs this machine")
	}
	b := harness.New(t)
	b.Spec.Linux.CgroupsPath = "rungt.slice:rungt:" + b.ID
	b.Save(t)
	u := &unit{Bundle: b}
	for _, verb := range []string{"create", "run"} {
		u.with(verb).Run(t).Fails(t, 1, "systemd not running on this host, cannot use systemd cgroups manager")
	}
}

// The unit has what the configuration asks for, and so has its cgroup, where
// systemd's values are rounded or missing.
func TestProperties(t *testing.T) {
	u := newUnit(t, resources(specs.LinuxResources{
		Memory:         &specs.LinuxMemory{Limit: ptr(int64(64 << 20)), Reservation: ptr(int64(32 << 20)), Swap: ptr(int64(96 << 20))},
		CPU:            &specs.LinuxCPU{Shares: ptr(uint64(512)), Quota: ptr(int64(12345)), Period: ptr(uint64(50000)), Burst: ptr(uint64(1000)), Cpus: "0-1", Mems: "0"},
		Pids:           &specs.LinuxPids{Limit: ptr(int64(50))},
		BlockIO:        &specs.LinuxBlockIO{Weight: ptr(uint16(500))},
		HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 << 20}},
		Unified:        map[string]string{"memory.high": "48M", "memory.oom.group": "1"},
	}), annotate(map[string]string{"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.Documentation": "['man:rung(8)']", "other": "x"}))
	pid := u.create(t)
	u.inScope(t, pid)
	want := []string{
		"Slice=" + slice, "Delegate=yes", "ActiveState=active", "Description=rung container " + u.ID, "DefaultDependencies=no",
		"MemoryMax=67108864", "MemoryLow=33554432", "MemorySwapMax=33554432", "MemoryHigh=50331648", "CPUWeight=59", "CPUQuotaPerSecUSec=250ms",
		"CPUQuotaPeriodUSec=50ms", "AllowedCPUs=0-1", "AllowedMemoryNodes=0", "TasksMax=50", "IOWeight=4950", "OOMPolicy=kill",
		"MemoryAccounting=yes", "CPUAccounting=yes", "IOAccounting=yes", "TasksAccounting=yes", "DevicePolicy=auto",
		"TimeoutStopUSec=7s", `Documentation="man:rung(8)"`, "ControlGroup=/rungt.slice/" + u.name,
		"memory.max=67108864", "memory.low=33554432", "memory.swap.max=33554432", "memory.high=50331648", "memory.oom.group=1", "cpu.weight=59",
		"cpu.max=12345 50000", "cpu.max.burst=1000", "cpuset.cpus=0-1", "cpuset.mems=0", "pids.max=50", "io.weight=default 4950",
		"hugetlb.2MB.max=4194304", "cgroup.controllers=cpuset cpu io memory hugetlb pids rdma misc",
	}
	u.check(t, want...)
	if text, err := os.ReadFile(u.dir(t) + "/cgroup.procs"); err != nil || strings.TrimSpace(string(text)) != fmt.Sprint(pid) {
		t.Errorf("cgroup.procs = %q, %v, want the container's first process %d alone", text, err, pid)
	}
	u.Must(t, "start")
	u.end(t, pid)
}

// Weights of a group that is idle are nothing to it.
func TestIdle(t *testing.T) {
	u := newUnit(t, resources(specs.LinuxResources{CPU: &specs.LinuxCPU{Idle: ptr(int64(1)), Shares: ptr(uint64(512))}}))
	pid := u.create(t)
	u.check(t, "CPUWeight=idle", "cpu.idle=1")
	u.end(t, pid)
}

// Every verb, without the global option but for create: the state knows.
func TestLifecycle(t *testing.T) {
	u := newUnit(t)
	pid := u.start(t)
	dir := u.dir(t)
	if r := u.Run(t, "exec", u.ID, "cat", "/proc/self/cgroup"); r.Code != 0 || r.Stdout != "0::/\n" {
		t.Errorf("exec: %v", r)
	}
	u.WaitPS(t, "/bin/sleep 1000")
	u.Must(t, "pause")
	u.check(t, "cgroup.freeze=1")
	u.WaitStatus(t, "paused")
	u.Must(t, "resume")
	u.WaitStatus(t, "running")
	u.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	u.WaitStatus(t, "stopped")
	u.Must(t, "delete")
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%s is left", dir)
	}
}

// run, in the foreground and with what is too little for anybody else.
func TestRun(t *testing.T) {
	u := newUnit(t, harness.Args("/bin/true"), resources(specs.LinuxResources{
		Pids: &specs.LinuxPids{Limit: ptr(int64(1))}, Memory: &specs.LinuxMemory{Limit: ptr(int64(1 << 20))},
	}))
	u.with("run").Run(t).Silent(t)
	u = newUnit(t, harness.Shell("true & echo not alone"), resources(specs.LinuxResources{Unified: map[string]string{"pids.max": "1"}}))
	if r := u.with("run").Run(t); r.Code == 0 || strings.Contains(r.Stdout, "not alone") {
		t.Errorf("want the fork to fail: %v", r)
	}
	u = newUnit(t, harness.Shell("exit 42"))
	if r := u.with("run").Run(t); r.Code != 42 || r.Stderr != "" {
		t.Error(r)
	}
}

// Where a unit is if the path says less, or more.
func TestPlaces(t *testing.T) {
	for path, want := range map[string]string{
		"":                           "/system.slice/rung-ID.scope",
		":p:ID":                      "/system.slice/p-ID.scope",
		"-.slice:p:ID":               "/p-ID.scope",
		"rungt-a-b.slice:p:ID":       "/rungt.slice/rungt-a.slice/rungt-a-b.slice/p-ID.scope",
		"rungt.slice::rungt-x.slice": "/rungt.slice/rungt-x.slice",
	} {
		t.Run(path, func(t *testing.T) {
			u := newUnit(t)
			u.Spec.Linux.CgroupsPath = strings.ReplaceAll(path, "ID", u.ID)
			u.Save(t)
			pid := u.start(t)
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
			want := strings.ReplaceAll(want, "ID", u.ID)
			if got := strings.TrimSpace(string(text)); got != "0::"+want {
				t.Errorf("in %s, want %s", got, want)
			}
			u.end(t, pid)
			if _, err := os.Stat("/sys/fs/cgroup" + want); err == nil {
				t.Errorf("%s is left", want)
			}
		})
	}
	u := newUnit(t)
	for _, path := range []string{"/" + u.ID, "a:b", "a:b:c:d", "a:b:c", "a.slice:b/c:d", "a--b.slice:c:d"} {
		u.Spec.Linux.CgroupsPath = path
		u.Save(t)
		u.with("create").Run(t).Fails(t, 1, "linux.cgroupsPath: ")
	}
}

// A unit that is there is somebody's, unless it has failed: then it is only
// waiting to be seen.
func TestUnitExists(t *testing.T) {
	u := newUnit(t)
	pid := u.start(t)
	other := newUnit(t)
	other.Spec.Linux.CgroupsPath = u.Spec.Linux.CgroupsPath
	other.Save(t)
	if r := other.with("create").Run(t); r.Code == 0 {
		t.Errorf("two containers in one unit: %v", r)
	}
	if got := u.State(t).Status; got != "running" {
		t.Errorf("status = %s, want running", got)
	}
	u.check(t, "ActiveState=active")
	u.end(t, pid)

	u = newUnit(t)
	cmd := exec.Command("systemd-run", "--scope", "--quiet", "--unit", u.name, "-p", "RuntimeMaxSec=1", "sleep", "100")
	_ = cmd.Run()
	for end := time.Now().Add(20 * time.Second); u.show(t, "ActiveState") != "failed"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the scope hasn't failed: %s", u.show(t, "ActiveState"))
		}
	}
	pid = u.start(t)
	u.check(t, "ActiveState=active")
	u.end(t, pid)
}

// What systemd refuses takes everything with it.
func TestRefused(t *testing.T) {
	for name, edit := range map[string]harness.Edit{
		"property": annotate(map[string]string{"org.systemd.property.NoSuchThing": "5"}),
		"type":     annotate(map[string]string{"org.systemd.property.TimeoutStopSec": "'x'"}),
		"pids":     annotate(map[string]string{"org.systemd.property.PIDs": "[uint32 1]"}),
		"limit":    resources(specs.LinuxResources{Unified: map[string]string{"memory.max": "rubbish"}}),
		"device":   resources(specs.LinuxResources{Unified: map[string]string{"io.max": "rubbish"}}),
		"program":  harness.Args("/no/such/program"),
	} {
		t.Run(name, func(t *testing.T) {
			u := newUnit(t, edit)
			start := time.Now()
			if r := u.with("create").Run(t); r.Code == 0 || strings.Count(r.Stderr, "\n") != 1 {
				t.Errorf("want one line: %v", r)
			}
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// The end of a container for want of memory makes its unit fail, which is not to
// be seen afterwards; that of one of its processes isn't the container's.
func TestOutOfMemory(t *testing.T) {
	limit := resources(specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(32 << 20))}})
	u := newUnit(t, limit, harness.Shell("x=$(yes | head -c 200000000); echo survived"))
	if r := u.with("run").Run(t); r.Code != 137 {
		t.Errorf("want exit code 137: %v", r)
	}
	u = newUnit(t, limit, harness.Shell("sh -c 'echo 1000 >/proc/self/oom_score_adj; x=$(yes | head -c 200000000); echo survived'; sleep 1; echo alone"))
	if r := u.with("run").Run(t); r.Code != 0 || strings.TrimSpace(r.Stdout) != "alone" {
		t.Errorf("want the container to survive its child: %v", r)
	}
}

// A create that is killed leaves no unit, with or without a first process.
func TestKilledCreate(t *testing.T) {
	for _, wait := range []time.Duration{0, 50, 100, 200, 400} {
		u := newUnit(t, func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/sleep", Args: []string{"sleep", "2"}}}}
		})
		p := u.with("create").Start(t)
		time.Sleep(wait * time.Millisecond) // the moment is what varies
		unix.Kill(p.Process.Pid, unix.SIGKILL)
		p.Wait(t)
		u.Run(t, "delete", "--force", u.ID).Silent(t)
		for end := time.Now().Add(10 * time.Second); unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) != unix.ECHILD; time.Sleep(20 * time.Millisecond) {
			if u.ReapAll(t); time.Now().After(end) {
				t.Fatal("a process of the create is left") // the hook ends by itself
			}
		}
	}
}
