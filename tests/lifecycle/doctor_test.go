package lifecycle

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// diagnosis is what rung doctor says.
type diagnosis struct {
	Verdict string
	Checks  []struct{ Name, Status, Need, Field, Found, Fails, Mend string }
}

// required are the checks that decide, by the status.
func (d *diagnosis) required(status string) (names []string) {
	for _, c := range d.Checks {
		if c.Need == "required" && c.Status == status {
			names = append(names, c.Name)
		}
	}
	return names
}

func parseDiagnosis(t *testing.T, text string) (d diagnosis) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return d
}

// What the doctor says of a bundle is what comes of it: something is missing if, and only if, it doesn't run.
func TestDoctorForetells(t *testing.T) {
	harness.NeedRung(t, "no other runtime has a doctor")
	resources := func(edit func(*specs.LinuxResources)) harness.Edit {
		return func(s *specs.Spec) { edit(s.Linux.Resources) }
	}
	limit := int64(64 << 20)
	for name, c := range map[string]struct {
		edit harness.Edit
		asks string // a check that is required by it
	}{
		"plain":     {func(*specs.Spec) {}, "namespace.mount"},
		"memory":    {resources(func(r *specs.LinuxResources) { r.Memory = &specs.LinuxMemory{Limit: &limit} }), "cgroup.memory"},
		"no memory": {resources(func(r *specs.LinuxResources) { r.Memory = &specs.LinuxMemory{Limit: new(int64(-1))} }), ""},
		"cpu":       {resources(func(r *specs.LinuxResources) { r.CPU = &specs.LinuxCPU{Shares: new(uint64(512))} }), "cgroup.cpu"},
		"cpuset":    {resources(func(r *specs.LinuxResources) { r.CPU = &specs.LinuxCPU{Cpus: "0"} }), "cgroup.cpuset"},
		"pids":      {resources(func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(50))} }), "cgroup.pids"},
		"io":        {resources(func(r *specs.LinuxResources) { r.BlockIO = &specs.LinuxBlockIO{Weight: new(uint16(500))} }), ""},
		"huge pages": {resources(func(r *specs.LinuxResources) {
			r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 2 << 20}}
		}), "cgroup.hugetlb"},
		"rdma": {resources(func(r *specs.LinuxResources) {
			r.Rdma = map[string]specs.LinuxRdma{"mlx5_1": {HcaHandles: new(uint32(3))}}
		}), "cgroup.rdma"},
		"class of network": {resources(func(r *specs.LinuxResources) { r.Network = &specs.LinuxNetwork{ClassID: new(uint32(0x100001))} }), "cgroup.net_cls"},
		"unified":          {resources(func(r *specs.LinuxResources) { r.Unified = map[string]string{"hugetlb.2MB.max": "2097152"} }), "cgroup.hugetlb"},
		"unified memory":   {resources(func(r *specs.LinuxResources) { r.Unified = map[string]string{"memory.max": "67108864"} }), "cgroup.memory"},
		"time": {func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 100}}
		}, "namespace.time"},
		"user": {func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: firstID, Size: ids}}
			s.Linux.GIDMappings = s.Linux.UIDMappings
		}, "id.maps"},
		"mapped tree": {harness.AddMount(idMap(specs.Mount{Destination: "/v", Source: harness.TempDir(t), Options: []string{"bind"}})), "idmap."},
		"mapped sysfs": {func(s *specs.Spec) {
			harness.AddMount(idMap(specs.Mount{Destination: "/v", Source: "/sys/kernel", Options: []string{"bind"}}))(s)
		}, "idmap./sys/kernel"},
		"no such file system": {harness.AddMount(specs.Mount{Destination: "/v", Type: "befs", Source: "none"}), "filesystem.befs"},
		"AppArmor":            {func(s *specs.Spec) { s.Process.ApparmorProfile = "unconfined" }, "label.apparmor"},
		"SELinux":             {func(s *specs.Spec) { s.Process.SelinuxLabel = "system_u:system_r:svirt_lxc_net_t:s0" }, "label.selinux"},
		"resctrl":             {func(s *specs.Spec) { s.Linux.IntelRdt = &specs.LinuxIntelRdt{L3CacheSchema: "L3:0=f"} }, "resctrl.mount"},
		"sysctl":              {func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"} }, "sysctl.net.ipv4.ip_forward"},
		"no such sysctl":      {func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"net.ipv4.rung": "1"} }, "sysctl.net.ipv4.rung"},
		"a high limit": {func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1 << 29, Hard: 1 << 29}}
		}, "limit.RLIMIT_NOFILE"},
		"a source": {harness.AddMount(specs.Mount{Destination: "/v", Source: "/none/such", Options: []string{"bind"}}), "file./none/such"},
		"a hook": {func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/none"}}}
		}, "file./bin/none"},
		"a hook that is there": {func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/true"}}}
		}, "file./bin/true"},
		"a namespace": {func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace, Path: "/proc/self/ns/time"})
		}, "namespace.join"},
		"a wrong namespace": {func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace, Path: "/proc/self/ns/uts"})
		}, "namespace.join"},
		"an OOM score": {func(s *specs.Spec) { s.Process.OOMScoreAdj = new(-1000) }, "process.oomScoreAdj"},
		"a scheduler": {func(s *specs.Spec) {
			s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedFIFO, Priority: 10}
		}, "process.scheduler"},
		"an I/O priority": {func(s *specs.Spec) {
			s.Process.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_RT, Priority: 1}
		}, "process.ioPriority"},
		"no agent": {func(s *specs.Spec) {
			s.Linux.Seccomp = &specs.LinuxSeccomp{
				DefaultAction: specs.ActAllow, ListenerPath: "/none/agent", Syscalls: []specs.LinuxSyscall{{Names: []string{"mkdir"}, Action: specs.ActNotify}},
			}
		}, "file./none/agent"},
		"memory nodes": {func(s *specs.Spec) {
			s.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "9"}
		}, "kernel.set_mempolicy"},
		"a memory node": {func(s *specs.Spec) {
			s.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0"}
		}, "kernel.set_mempolicy"},
		"a network device": {func(s *specs.Spec) { s.Linux.NetDevices = map[string]specs.LinuxNetDevice{"nosuch0": {}} }, "network.nosuch0"},
		"time before there was any": {func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: -1 << 40}}
		}, "namespace.time"},
		"layers":                {harness.AddMount(specs.Mount{Destination: "/v", Type: "overlay", Source: "overlay", Options: []string{"lowerdir=/etc:/none/such"}}), "file./none/such"},
		"layers that are there": {harness.AddMount(specs.Mount{Destination: "/v", Type: "overlay", Source: "overlay", Options: []string{"lowerdir=/etc:/usr"}}), "file./etc"},
		"processors":            {resources(func(r *specs.LinuxResources) { r.CPU = &specs.LinuxCPU{Cpus: "0-99"} }), "cgroup.cpuset"},
		"huge pages of no size": {resources(func(r *specs.LinuxResources) {
			r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "3MB", Limit: 3 << 20}}
		}), "cgroup.hugetlb"},
		"a disk": {resources(func(r *specs.LinuxResources) {
			d := specs.LinuxThrottleDevice{Rate: 1 << 20}
			d.Major, d.Minor = 250, 77
			r.BlockIO = &specs.LinuxBlockIO{ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{d}}
		}), "cgroup.io"},
		"a device": {func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "c", Major: 240, Minor: 7}}
		}, "file./dev/x"},
		"a low limit": {func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 64, Hard: 64}}
		}, "limit.RLIMIT_NOFILE"},
		"seccomp": {func(s *specs.Spec) {
			s.Linux.Seccomp = &specs.LinuxSeccomp{
				DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog},
				Syscalls: []specs.LinuxSyscall{{Names: []string{"personality"}, Action: specs.ActLog}},
			}
		}, "seccomp.SCMP_ACT_LOG"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.HasPrefix(c.asks, "cgroup.") {
				harness.Share(t)
			}
			b := harness.New(t, c.edit)
			r := b.Run(t, "doctor", "--format", "json", b.Dir)
			d := parseDiagnosis(t, r.Stdout)
			run := b.Container(t, "run")
			if missing := d.required("missing"); (run.Code != 0) != (len(missing) > 0) || (r.Code == 2) != (len(missing) > 0) {
				t.Errorf("the doctor misses %q, exit code %d; and then %v", missing, r.Code, run)
			}
			if !slices.ContainsFunc(d.Checks, func(k struct{ Name, Status, Need, Field, Found, Fails, Mend string }) bool {
				return strings.HasPrefix(k.Name, c.asks) && k.Need == "required"
			}) {
				t.Errorf("nothing requires %q: %s", c.asks, r.Stdout)
			}
		})
	}
}

// Clocks of a time namespace are set by who has CAP_SYS_TIME in its user namespace.
func TestDoctorTime(t *testing.T) {
	harness.NeedRung(t, "no other runtime has a doctor")
	for name, user := range map[string]bool{"on the host": false, "in a user namespace": true} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, func(s *specs.Spec) {
				s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
				s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 100}}
				if user {
					s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
					s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: firstID, Size: ids}}
					s.Linux.GIDMappings = s.Linux.UIDMappings
				}
			})
			b.Via = []string{"setpriv", "--bounding-set", "-sys_time"}
			r := b.Run(t, "doctor", b.Dir)
			if run := b.Container(t, "run"); (r.Code == 2) != (run.Code != 0) || (r.Code == 2) == user {
				t.Errorf("%v; and then %v", r, run)
			}
		})
	}
}

// Whichever right root lacks, the doctor knows what takes it.
func TestDoctorForetellsRights(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "no other runtime has a doctor")
	user := func(s *specs.Spec) {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: firstID, Size: ids}}
		s.Linux.GIDMappings = s.Linux.UIDMappings
	}
	other := func(s *specs.Spec) { s.Process.User.UID = 1000 }
	for name, edit := range map[string]harness.Edit{"root": func(*specs.Spec) {}, "another user": other, "a user namespace": user} {
		for _, right := range strings.Fields("chown kill mknod net_admin setfcap setgid setpcap setuid sys_admin sys_chroot sys_ptrace") {
			t.Run(name+" without "+right, func(t *testing.T) {
				b := harness.New(t, edit)
				b.Via = []string{"setpriv", "--bounding-set", "-" + right}
				r := b.Run(t, "doctor", b.Dir)
				if run := b.Container(t, "run"); (r.Code == 2) != (run.Code != 0) {
					t.Errorf("%v; and then %v", r, run)
				}
			})
		}
	}
}

// In a container with few rights the doctor says so, and so it is: rung can't run another there.
func TestDoctorInContainer(t *testing.T) {
	harness.NeedRung(t, "no other runtime has a doctor")
	b := harness.New(t, harness.Args("/bin/rung", "--root", "/tmp/state", "doctor", "--format", "json"), writable)
	binary, err := os.ReadFile(harness.Runtime())
	if err != nil {
		t.Fatal(err)
	}
	b.Write(t, "bin/rung", string(binary), 0o755)
	r := b.Container(t, "run")
	d := parseDiagnosis(t, r.Stdout)
	if r.Code != 2 || d.Verdict != "missing" || r.Stderr != "" {
		t.Errorf("%v", r)
	}
	status := map[string]string{}
	for _, c := range d.Checks {
		status[c.Name] = c.Status
	}
	for name, want := range map[string]string{
		"caller.rights": "degraded", "caller.root": "ok", "kernel.clone3": "ok", "filesystem.proc": "missing", "filesystem.tmpfs": "ok", "cgroup.place": "missing",
	} {
		if status[name] != want {
			t.Errorf("%s is %s, want %s: %s", name, status[name], want, r.Stdout)
		}
	}
}

// Where a seccomp profile takes calls away, the doctor names them, whether they fail or kill.
func TestDoctorFiltered(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "no other runtime has a doctor")
	b := harness.New(t, harness.Args("/bin/rung", "--root", "/tmp/state", "doctor", "--format", "json"), writable, func(s *specs.Spec) {
		enosys := uint(unix.ENOSYS)
		s.Linux.Seccomp = &specs.LinuxSeccomp{
			DefaultAction: specs.ActAllow,
			Syscalls: []specs.LinuxSyscall{
				{Names: []string{"fsopen"}, Action: specs.ActErrno, ErrnoRet: &enosys},
				{Names: []string{"pidfd_open"}, Action: specs.ActErrno},
				{Names: []string{"pivot_root", "keyctl"}, Action: specs.ActKillProcess},
			},
		}
	})
	binary, err := os.ReadFile(harness.Runtime())
	if err != nil {
		t.Fatal(err)
	}
	b.Write(t, "bin/rung", string(binary), 0o755)
	r := b.Container(t, "run")
	found := map[string]string{}
	for _, c := range parseDiagnosis(t, r.Stdout).Checks {
		if c.Status == "missing" {
			found[c.Name] = c.Found
		}
	}
	for name, want := range map[string]string{
		"kernel.fsopen": "fsopen: function not implemented", "kernel.pidfd_open": "pidfd_open: operation not permitted",
		"kernel.pivot_root": "pivot_root: killed by SIGSYS", "kernel.keyring": "join session keyring: killed by SIGSYS",
	} {
		if found[name] != want {
			t.Errorf("%s: %q, want %q: %v", name, found[name], want, r)
		}
	}
	if _, ok := found["kernel.clone3"]; ok {
		t.Errorf("clone3 is there: %v", r)
	}
}
