package differ

import (
	"github.com/opencontainers/runtime-spec/specs-go"
)

var capNames = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
	"CAP_NET_BIND_SERVICE", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_SYS_MODULE", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN",
	"CAP_SYS_NICE", "CAP_MKNOD", "CAP_AUDIT_WRITE", "CAP_SETFCAP", "CAP_SYSLOG", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

var dockerCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP",
	"CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

// process decides about the user's program.
func (d *dice) process() {
	p := d.c.Spec.Process
	d.user(&p.User)
	p.Capabilities = d.capabilities()
	p.Rlimits = d.rlimits()
	p.NoNewPrivileges = d.p(30)
	p.Env = d.env()
	d.cwd(p)
	if d.p(20) {
		p.OOMScoreAdj = new(pick(d, 0, 1, 100, 500, 1000))
	}
	if d.p(8) {
		p.Scheduler = pick(d,
			&specs.Scheduler{Policy: specs.SchedBatch, Nice: 3},
			&specs.Scheduler{Policy: specs.SchedOther, Nice: 5},
			&specs.Scheduler{Policy: specs.SchedIdle},
			&specs.Scheduler{Policy: specs.SchedBatch, Flags: []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork}},
		)
	}
	if d.p(8) {
		p.IOPriority = &specs.LinuxIOPriority{Class: pick(d, specs.IOPRIO_CLASS_BE, specs.IOPRIO_CLASS_IDLE), Priority: d.IntN(8)}
	}
	if d.p(35) && d.terminals() {
		p.Terminal = true
		if d.p(50) {
			p.ConsoleSize = &specs.Box{Height: uint(10 + d.IntN(60)), Width: uint(20 + d.IntN(150))}
		}
	}
	d.program(p)
}

// terminals reports whether there are pseudoterminals to be had; rarely it
// doesn't matter.
func (d *dice) terminals() bool {
	for _, m := range d.c.Spec.Mounts {
		if m.Type == "devpts" && m.Destination == "/dev/pts" {
			return true
		}
	}
	return d.p(8)
}

func (d *dice) user(u *specs.User) {
	if d.p(35) {
		u.UID = pick(d, uint32(1000), 77, 12345, 1, 65534)
		u.GID = pick(d, u.UID, 0, 5)
	}
	if len(d.c.Spec.Linux.UIDMappings) > 0 && d.p(85) { // else it is an error
		for hostID(d.c.Spec.Linux.UIDMappings, u.UID) < 0 || hostID(d.c.Spec.Linux.GIDMappings, u.GID) < 0 {
			u.UID, u.GID = pick(d, uint32(0), 1, 3), pick(d, uint32(0), 1, 3)
		}
	}
	if d.p(20) {
		u.AdditionalGids = some(d, 50, uint32(5), 10, 5000, 0, 1000)
	}
	if d.p(15) {
		u.Umask = new(pick(d, uint32(0), 0o22, 0o77, 0o777, 0o2))
	}
}

func (d *dice) capabilities() *specs.LinuxCapabilities {
	switch n := d.IntN(100); {
	case n < 15:
		return nil
	case n < 35:
		return &specs.LinuxCapabilities{Bounding: dockerCaps, Effective: dockerCaps, Permitted: dockerCaps}
	case n < 50:
		return &specs.LinuxCapabilities{Bounding: capNames, Effective: capNames, Permitted: capNames, Inheritable: capNames, Ambient: some(d, 50, capNames...)}
	case n < 60:
		return &specs.LinuxCapabilities{}
	}
	bounding := some(d, 50, capNames...)
	permitted := some(d, 70, bounding...)
	inheritable := some(d, 50, permitted...)
	return &specs.LinuxCapabilities{
		Bounding: bounding, Permitted: permitted, Effective: some(d, 80, permitted...), Inheritable: inheritable, Ambient: some(d, 60, inheritable...),
	}
}

func (d *dice) rlimits() (limits []specs.POSIXRlimit) {
	if !d.p(35) {
		return nil
	}
	values := map[string]uint64{
		"RLIMIT_NOFILE": 1024, "RLIMIT_CORE": 0, "RLIMIT_NPROC": 10000, "RLIMIT_STACK": 4 << 20, "RLIMIT_FSIZE": 1 << 30, "RLIMIT_MEMLOCK": 65536,
		"RLIMIT_CPU": 100, "RLIMIT_AS": 1 << 32, "RLIMIT_DATA": 1 << 30, "RLIMIT_MSGQUEUE": 4096, "RLIMIT_SIGPENDING": 100, "RLIMIT_LOCKS": 10,
		"RLIMIT_RSS": 1 << 30, "RLIMIT_NICE": 0, "RLIMIT_RTPRIO": 0, "RLIMIT_RTTIME": 100000,
	}
	for _, name := range some(d, 15, "RLIMIT_NOFILE", "RLIMIT_CORE", "RLIMIT_NPROC", "RLIMIT_STACK", "RLIMIT_FSIZE", "RLIMIT_MEMLOCK", "RLIMIT_CPU",
		"RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_MSGQUEUE", "RLIMIT_SIGPENDING", "RLIMIT_LOCKS", "RLIMIT_RSS", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME") {
		hard := values[name]
		soft := pick(d, hard, hard, hard/2)
		if d.p(5) {
			hard = max(hard, 7)
			soft = hard - 1
		}
		limits = append(limits, specs.POSIXRlimit{Type: name, Soft: soft, Hard: hard})
	}
	return limits
}

func (d *dice) env() []string {
	env := []string{}
	if d.p(85) {
		env = append(env, "PATH="+pick(d, "/bin:/usr/bin", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "/nonesuch:/bin"))
	}
	if d.p(25) {
		env = append(env, "HOME="+pick(d, "/root", "/nonesuch", "/tmp"))
	}
	env = append(env, some(d, 20, "TERM=xterm", "A=1", "EMPTY=", "WITH=equals=sign", "LINES=a b\tc", "container=oci", "A=2", "_X=\u00e4\u00f6")...)
	d.Shuffle(len(env), func(i, j int) { env[i], env[j] = env[j], env[i] })
	if d.p(3) {
		return nil
	}
	return env
}

func (d *dice) cwd(p *specs.Process) {
	if d.p(30) {
		p.Cwd = pick(d, "/tmp", "/srv/dir", "/nonesuch", "/mnt/new/dir", "/secret", "/link", "/proc", "/dev/shm", "/var/run", "/home/user")
	}
}

// program chooses what is executed: nearly always the program inside.
func (d *dice) program(p *specs.Process) {
	switch n := d.IntN(100); {
	case n < 88:
	case n < 91:
		p.Args[0] = "inside"
	case n < 92:
		p.Args = []string{"bin/inside"}
	case n < 93:
		p.Args[0] = "/nonesuch"
	case n < 94:
		p.Args[0] = "nonesuch"
	case n < 95:
		p.Args[0] = pick(d, "/plain", "/srv", "/srv/file")
	case n < 96:
		p.Args[0] = pick(d, "/script", "/hashbang")
	case n < 97:
		p.Args = []string{"/bin/sh", "-c", `exec /bin/inside "$@"`, "sh"}
	default:
		p.Args = append(p.Args, pick(d, "an arg", "", "tab\there", "\u00fc"))
	}
}
