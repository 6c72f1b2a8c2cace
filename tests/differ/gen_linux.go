package differ

import (
	"github.com/opencontainers/runtime-spec/specs-go"
)

// linux decides about masks, sysctls, devices, cgroups and seccomp.
func (d *dice) linux() {
	l := d.c.Spec.Linux
	if d.p(45) {
		l.MaskedPaths = some(d, 50, "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware", "/proc/interrupts",
			"/secret", "/srv/file", "/nonesuch", "/etc/group")
	}
	if d.p(45) {
		l.ReadonlyPaths = some(d, 50, "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/srv", "/etc/passwd", "/nonesuch", "/tmp")
	}
	d.sysctls()
	d.devices()
	d.cgroup()
	if d.p(25) {
		l.Seccomp = d.seccomp()
	}
	if d.p(6) {
		l.Personality = &specs.LinuxPersonality{Domain: pick(d, specs.PerLinux, specs.PerLinux32)}
	}
	if d.p(25) {
		d.hooks()
	}
}

func (d *dice) sysctls() {
	sysctl := make(map[string]string)
	if made, _ := d.c.has(specs.IPCNamespace); made && d.p(25) {
		for _, name := range some(d, 40, "kernel.shmmax", "kernel.msgmax", "kernel.shm_rmid_forced", "fs.mqueue.msg_max", "kernel/sem") {
			sysctl[name] = map[string]string{
				"kernel.shmmax": "1048576", "kernel.msgmax": "4096", "kernel.shm_rmid_forced": "1", "fs.mqueue.msg_max": "20", "kernel/sem": "32 1600 32 200",
			}[name]
		}
	}
	if made, _ := d.c.has(specs.NetworkNamespace); made && d.p(25) {
		for _, name := range some(d, 50, "net.ipv4.ip_forward", "net.ipv4.ip_unprivileged_port_start", "net.core.somaxconn", "net.ipv4.ping_group_range") {
			sysctl[name] = map[string]string{
				"net.ipv4.ip_forward": "1", "net.ipv4.ip_unprivileged_port_start": "0", "net.core.somaxconn": "512", "net.ipv4.ping_group_range": "0 100",
			}[name]
		}
	}
	if len(sysctl) > 0 {
		d.c.Spec.Linux.Sysctl = sysctl
	}
}

func (d *dice) devices() {
	if !d.p(25) {
		return
	}
	device := func(path, kind string, major, minor int64) specs.LinuxDevice {
		dev := specs.LinuxDevice{Path: path, Type: kind, Major: major, Minor: minor}
		if d.p(50) {
			dev.FileMode = new(pick(d, modeOf(0o600), modeOf(0o666), modeOf(0o640)))
		}
		if d.p(40) {
			dev.UID, dev.GID = new(pick(d, uint32(0), 1000)), new(pick(d, uint32(0), 5))
		}
		return dev
	}
	zero := "/srv/zero"
	if d.c.Spec.Root.Readonly || mountAt(d.c, "/srv") != nil {
		zero = "/dev/zero2" // there it can't be made
	}
	d.c.Spec.Linux.Devices = some(d, 35,
		device("/dev/fuse", "c", 10, 229),
		device("/dev/mine", "c", 1, 3),
		device("/dev/sub/dir/urandom", "u", 1, 9),
		device(zero, "c", 1, 5),
		device("/dev/pipe", "p", 0, 0),
		device("/dev/null", "c", 1, 3),
		device("/dev/loop77", "b", 7, 77),
	)
}

// cgroup decides about the path and what is limited.
func (d *dice) cgroup() {
	l := d.c.Spec.Linux
	l.CgroupsPath = pick(d, "/rungd-"+atID, "/rungd-"+atID, "/rungd-"+atID+"/a/b", "/rungd-"+atID+"/x.y:z")
	if !d.p(45) {
		if d.p(50) {
			l.Resources = &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}}
		}
		return
	}
	r := &specs.LinuxResources{}
	l.Resources = r
	if d.p(60) {
		r.Devices = d.deviceRules()
	}
	if d.facts.Controllers["memory"] && d.p(45) {
		r.Memory = &specs.LinuxMemory{Limit: new(pick(d, int64(64<<20), 200<<20, -1))}
		if d.p(30) {
			r.Memory.Reservation = new(int64(32 << 20))
		}
		if d.p(20) {
			r.Memory.Swappiness = new(pick(d, uint64(0), 60, 100))
		}
		if d.p(20) && !d.facts.V2 {
			r.Memory.DisableOOMKiller = new(d.p(50))
		}
	}
	if d.facts.Controllers["pids"] && d.p(45) {
		r.Pids = &specs.LinuxPids{Limit: pick(d, new(int64(50)), new(int64(1000)), new(int64(-1)))}
	}
	if d.facts.Controllers["cpu"] && d.p(45) {
		r.CPU = &specs.LinuxCPU{Shares: pick(d, nil, new(uint64(512)), new(uint64(2)), new(uint64(0)))}
		if d.p(50) {
			r.CPU.Quota, r.CPU.Period = new(pick(d, int64(50000), 150000, -1)), new(pick(d, uint64(100000), 50000))
		}
		if d.p(10) {
			r.CPU.Idle = new(int64(1))
		}
		if d.p(30) && d.facts.Controllers["cpuset"] {
			r.CPU.Cpus, r.CPU.Mems = pick(d, "0", "0-1", ""), pick(d, "0", "")
		}
	}
	if d.facts.Controllers["blkio"] && d.p(15) {
		dev := specs.LinuxThrottleDevice{Rate: 1 << 20}
		dev.Major, dev.Minor = 254, 0
		r.BlockIO = &specs.LinuxBlockIO{ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{dev}}
	}
	if d.facts.Controllers["hugetlb"] && (d.facts.V2 && d.p(25) || d.p(2)) {
		r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 << 20}}
	}
}

func (d *dice) deviceRules() []specs.LinuxDeviceCgroup {
	rules := []specs.LinuxDeviceCgroup{{Allow: d.p(15), Access: "rwm"}}
	return append(rules, some(d, 40,
		specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: new(int64(10)), Minor: new(int64(229)), Access: "rwm"},
		specs.LinuxDeviceCgroup{Allow: true, Type: "c", Access: "m"},
		specs.LinuxDeviceCgroup{Allow: true, Type: "b", Major: new(int64(7)), Access: "r"},
		specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: new(int64(1)), Minor: new(int64(11)), Access: "r"},
		specs.LinuxDeviceCgroup{Allow: true, Type: "b", Major: new(int64(7)), Minor: new(int64(77)), Access: "rwm"},
	)...)
}

// seccomp makes a profile with which the program inside works.
func (d *dice) seccomp() *specs.LinuxSeccomp {
	deny := specs.LinuxSyscall{Names: some(d, 50, "swapon", "reboot", "kexec_load", "init_module", "acct", "nonesuch"), Action: specs.ActErrno}
	if len(deny.Names) == 0 {
		deny.Names = []string{"bpf"}
	}
	if d.p(40) {
		deny.ErrnoRet = new(uint(pick(d, 1, 38, 13)))
	}
	s := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{deny}}
	if d.p(50) {
		s.DefaultAction = specs.ActErrno
		s.Syscalls = []specs.LinuxSyscall{{Names: allowed, Action: specs.ActAllow}}
		if d.p(30) {
			s.DefaultErrnoRet = new(uint(38))
		}
	}
	if d.p(20) { // seen from inside: a personality that isn't the query of it
		s.Syscalls = append(s.Syscalls, specs.LinuxSyscall{
			Names: []string{"mq_open", "ptrace"}, Action: specs.ActErrno, ErrnoRet: new(uint(95)),
			Args: []specs.LinuxSeccompArg{{Index: 1, Value: 2, ValueTwo: 2, Op: pick(d, specs.OpMaskedEqual, specs.OpNotEqual, specs.OpGreaterThan)}},
		})
	}
	if d.p(60) {
		s.Architectures = some(d, 70, specs.ArchX86_64, specs.ArchX86, specs.ArchX32)
	}
	if d.p(25) {
		s.Flags = some(d, 50, specs.LinuxSeccompFlag("SECCOMP_FILTER_FLAG_LOG"), specs.LinuxSeccompFlag("SECCOMP_FILTER_FLAG_SPEC_ALLOW"), specs.LinuxSeccompFlag("SECCOMP_FILTER_FLAG_TSYNC"))
	}
	return s
}

// hooks adds some of each kind; each appends to a file what it was given.
func (d *dice) hooks() {
	h := new(specs.Hooks)
	d.c.Spec.Hooks = h
	hook := func(kind string, inside bool) specs.Hook {
		k := specs.Hook{Path: atInside, Args: []string{"inside", "hook", kind, atBundle + "/rootfs/log/hooks"}}
		if inside {
			k.Path, k.Args[3] = "/bin/inside", "/log/hooks"
		}
		k.Env = pick(d, nil, []string{"PATH=/x", "HOOK=" + kind}, []string{"A=1"})
		if d.p(2) {
			k.Args = append(k.Args, "1") // fails
		}
		if d.p(20) {
			k.Timeout = new(5)
		}
		return k
	}
	for _, kind := range some(d, 40, "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop") {
		list := map[string]*[]specs.Hook{
			"prestart": &h.Prestart, "createRuntime": &h.CreateRuntime, "createContainer": &h.CreateContainer,
			"startContainer": &h.StartContainer, "poststart": &h.Poststart, "poststop": &h.Poststop,
		}[kind]
		for range 1 + d.IntN(2) {
			*list = append(*list, hook(kind, kind == "startContainer"))
		}
	}
}
