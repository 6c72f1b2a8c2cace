package lifecycle

import (
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// scheduled are the settings of a process as the kernel has them.
func scheduled(t *testing.T, pid int) (attr *unix.SchedAttr, ioprio int) {
	t.Helper()
	attr, err := unix.SchedGetAttr(pid, 0)
	if err != nil {
		t.Fatalf("sched_getattr: %v", err)
	}
	const process = 1
	prio, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, process, uintptr(pid), 0)
	if errno != 0 {
		t.Fatalf("ioprio_get: %v", errno)
	}
	return attr, int(prio)
}

// canSchedule skips where the kernel refuses the policy to the test's own
// process as well: real-time groups of cgroup v1 have no time by default.
func canSchedule(t *testing.T, s *specs.Scheduler, err *harness.Result) bool {
	t.Helper()
	if err.Code == 0 {
		return true
	}
	if s.Policy != specs.SchedFIFO && s.Policy != specs.SchedRR && s.Policy != specs.SchedDeadline {
		t.Fatalf("create: %d, %s", err.Code, err.Stderr)
	}
	err.Fails(t, 1, "process.scheduler: operation not permitted")
	t.Skipf("this kernel or cgroup refuses %s: %s", s.Policy, err.Stderr)
	return false
}

// The first process and what is exec'd have scheduler and I/O priority of the
// configuration, with a user namespace and without.
func TestScheduler(t *testing.T) {
	harness.NeedRung(t, "process.scheduler")
	for name, c := range map[string]struct {
		s      specs.Scheduler
		policy uint32
		flags  uint64
	}{
		"other":         {specs.Scheduler{Policy: specs.SchedOther, Nice: 5}, unix.SCHED_NORMAL, 0},
		"batch":         {specs.Scheduler{Policy: specs.SchedBatch, Nice: -3}, unix.SCHED_BATCH, 0},
		"idle":          {specs.Scheduler{Policy: specs.SchedIdle}, unix.SCHED_IDLE, 0},
		"reset on fork": {specs.Scheduler{Policy: specs.SchedBatch, Nice: 4, Flags: []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork}}, unix.SCHED_BATCH, unix.SCHED_FLAG_RESET_ON_FORK},
		"fifo":          {specs.Scheduler{Policy: specs.SchedFIFO, Priority: 7}, unix.SCHED_FIFO, 0},
		"rr":            {specs.Scheduler{Policy: specs.SchedRR, Priority: 8}, unix.SCHED_RR, 0},
		"deadline":      {specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 1_000_000, Deadline: 50_000_000, Period: 100_000_000, Flags: []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork}}, unix.SCHED_DEADLINE, unix.SCHED_FLAG_RESET_ON_FORK},
	} {
		for ns, edit := range map[string]harness.Edit{"": func(*specs.Spec) {}, " in a user namespace": mapped} {
			t.Run(name+ns, func(t *testing.T) {
				harness.Share(t)
				b := harness.New(t, harness.Args("/bin/sleep", "300"), edit, func(s *specs.Spec) {
					s.Process.Scheduler = &c.s
					s.Process.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 6}
				})
				if !canSchedule(t, &c.s, b.Container(t, "create", "--pid-file", b.Dir+"/init")) {
					return
				}
				pid := harness.PID(t, b.Dir+"/init")
				defer b.End(t, pid)
				b.Must(t, "start")
				check := func(pid int) {
					t.Helper()
					got, io := scheduled(t, pid)
					if got.Policy != c.policy || got.Nice != c.s.Nice || got.Priority != uint32(c.s.Priority) || got.Flags&c.flags != c.flags ||
						c.s.Runtime != 0 && (got.Runtime != c.s.Runtime || got.Deadline != c.s.Deadline || got.Period != c.s.Period) {
						t.Errorf("scheduler %+v, want %+v", got, c.s)
					}
					if io != 2<<13|6 {
						t.Errorf("I/O priority %#x, want best effort, 6", io)
					}
				}
				check(pid)
				if c.policy == unix.SCHED_DEADLINE && ns != "" {
					execIn(t, b, nil, "/bin/true").Fails(t, 255, "process.scheduler: operation not permitted")
					return
				}
				execIn(t, b, []string{"--detach", "--pid-file", b.Dir + "/pid"}, "/bin/sleep", "300").Silent(t)
				child := harness.PID(t, b.Dir+"/pid")
				check(child)
				// The init ends when its namespace's last process has been reaped, and that is our child.
				_ = unix.Kill(child, unix.SIGKILL)
				harness.Wait(t, child)
			})
		}
	}
}

// An exec runs on the processors that are named, on all if none are; the init
// isn't bound by them.
func TestExecCPUAffinity(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "process.execCPUAffinity")
	b, pid := running(t, func(s *specs.Spec) { s.Process.ExecCPUAffinity = &specs.CPUAffinity{Initial: "0", Final: "1"} })
	defer b.End(t, pid)
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &all); err != nil {
		t.Fatal(err)
	}
	if all.Count() < 2 || !all.IsSet(0) || !all.IsSet(1) {
		t.Skip("needs the processors 0 and 1")
	}
	affinity := func(process string) string {
		t.Helper()
		flags := []string{}
		if process != "" {
			b.Write(t, "../process.json", `{"args":["/bin/grep","Cpus_allowed_list","/proc/self/status"],"cwd":"/","user":{"uid":0,"gid":0},"execCPUAffinity":`+process+`}`, 0o644)
			flags = append(flags, "--process", b.Dir+"/process.json")
			r := b.Run(t, append(append([]string{"exec"}, flags...), b.ID)...)
			r.Silent(t)
			return strings.TrimSpace(strings.TrimPrefix(r.Stdout, "Cpus_allowed_list:"))
		}
		r := execIn(t, b, nil, "/bin/grep", "Cpus_allowed_list", "/proc/self/status")
		r.Silent(t)
		return strings.TrimSpace(strings.TrimPrefix(r.Stdout, "Cpus_allowed_list:"))
	}
	full := "0-" + strconv.Itoa(all.Count()-1)
	for process, want := range map[string]string{"": "1", `{"final":"0"}`: "0", `{"initial":"0"}`: full, `{"final":"0-1"}`: "0-1"} {
		if got := affinity(process); got != want {
			t.Errorf("execCPUAffinity %s: runs on %s, want %s", process, got, want)
		}
	}
	for _, field := range []string{"initial", "final"} {
		b.Write(t, "../process.json", `{"args":["/bin/true"],"cwd":"/","user":{"uid":0,"gid":0},"execCPUAffinity":{"`+field+`":"8191"}}`, 0o644)
		b.Run(t, "exec", "--process", b.Dir+"/process.json", b.ID).Fails(t, 255, "process.execCPUAffinity."+field+": invalid argument")
	}
}

// Both the first process and an exec have the personality.
func TestPersonality(t *testing.T) {
	harness.Share(t)
	for domain, want := range map[specs.LinuxPersonalityDomain]string{specs.PerLinux: "00000000", specs.PerLinux32: "00000008"} {
		b, pid := running(t, func(s *specs.Spec) { s.Linux.Personality = &specs.LinuxPersonality{Domain: domain} })
		if got := b.Run(t, "exec", b.ID, "/bin/cat", "/proc/1/personality", "/proc/self/personality"); got.Stdout != want+"\n"+want+"\n" {
			t.Errorf("personality %s: %q %q, want twice %s", domain, got.Stdout, got.Stderr, want)
		}
		b.End(t, pid)
	}
}

// The policy is that of the first process and of an exec; a node that isn't there is the kernel's error.
func TestMemoryPolicy(t *testing.T) {
	harness.NeedRung(t, "linux.memoryPolicy")
	for name, c := range map[string]struct {
		m    specs.LinuxMemoryPolicy
		want string
	}{
		"default":      {specs.LinuxMemoryPolicy{Mode: specs.MpolDefault}, "default"},
		"bind":         {specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0"}, "bind:0"},
		"static":       {specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0", Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes}}, "bind=static:0"},
		"relative":     {specs.LinuxMemoryPolicy{Mode: specs.MpolInterleave, Nodes: "0", Flags: []specs.MemoryPolicyFlagType{specs.MpolFRelativeNodes}}, "interleave=relative:0"},
		"balancing":    {specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0", Flags: []specs.MemoryPolicyFlagType{specs.MpolFNumaBalancing}}, "bind=balancing:0"},
		"weighted":     {specs.LinuxMemoryPolicy{Mode: specs.MpolWeightedInterleave, Nodes: "0"}, "weighted interleave:0"},
		"preferred":    {specs.LinuxMemoryPolicy{Mode: specs.MpolPreferred, Nodes: "0"}, "prefer:0"},
		"no preferred": {specs.LinuxMemoryPolicy{Mode: specs.MpolPreferred}, "local"},
		"many":         {specs.LinuxMemoryPolicy{Mode: specs.MpolPreferredMany, Nodes: "0"}, "prefer (many):0"},
		"local":        {specs.LinuxMemoryPolicy{Mode: specs.MpolLocal}, "local"},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b, pid := running(t, func(s *specs.Spec) { s.Linux.MemoryPolicy = &c.m })
			defer b.End(t, pid)
			r := execIn(t, b, nil, "/bin/cat", "/proc/1/numa_maps", "/proc/self/numa_maps")
			r.Silent(t)
			seen := make(map[string]bool)
			for line := range strings.Lines(r.Stdout) {
				if _, rest, ok := strings.Cut(line, " "); ok {
					policy, _, _ := strings.Cut(rest, " anon=")
					policy, _, _ = strings.Cut(policy, " file=")
					seen[strings.TrimSpace(strings.TrimSuffix(policy, " heap"))] = true
				}
			}
			if !seen[c.want] {
				t.Errorf("policies %v, want %q:\n%s", seen, c.want, r.Stdout)
			}
			for policy := range seen {
				if c.want != "default" && strings.HasPrefix(policy, "default") {
					t.Errorf("a mapping has the policy %q", policy)
				}
			}
		})
	}
	b := harness.New(t, func(s *specs.Spec) {
		s.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "1023"}
	})
	b.Container(t, "create").Fails(t, 1, "linux.memoryPolicy: invalid argument")
}

// The specification has no flags of a personality: they are ignored, and that is told.
func TestPersonalityFlags(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "runc 1.1 has no personality")
	b := harness.New(t, harness.Args("/bin/true"), func(s *specs.Spec) {
		s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux, Flags: []specs.LinuxPersonalityFlag{"X"}}
	})
	r := b.Container(t, "run")
	if r.Code != 0 || !strings.Contains(r.Stderr, "level=warning") || !strings.Contains(r.Stderr, "linux.personality.flags: ignored") {
		t.Errorf("want a warning that names the field: %v", r)
	}
}

// What the kernel gives to nobody who hasn't inherited it himself is named.
func TestInheritableUnbounded(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "runc doesn't say which")
	b := harness.New(t, harness.Args("/bin/true"), func(s *specs.Spec) {
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}, Inheritable: []string{"CAP_KILL", "CAP_SYS_ADMIN"}}
	})
	b.Container(t, "run").Fails(t, 1, "set capabilities: inheritable and not in the bounding set: CAP_SYS_ADMIN: operation not permitted")
}
