package differ

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// reported takes what users' configurations have had and the other parts of the
// generator don't think of; doc.go says which number is what.
func (d *dice) reported() {
	d.reportedProcess()
	d.reportedDevices()
	d.reportedResources()
	d.reportedLife()
	l := d.c.Spec.Linux
	if d.p(3) { // 14
		l.ReadonlyPaths = append(l.ReadonlyPaths, "/")
	}
	if d.p(2) { // 20: what denies all makes runc's first process spin, and stay for ever
		some := slices.DeleteFunc(slices.Clone(allowed), func(name string) bool { return name == "execve" || name == "execveat" })
		l.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{Names: some, Action: specs.ActAllow}}}
	}
	if _, joined := d.c.has(specs.UserNamespace); joined && d.p(40) { // 41
		root := uint32(d.c.Holder.Root)
		l.UIDMappings = []specs.LinuxIDMapping{{HostID: pick(d, root, root, root+1), Size: 65536}}
		l.GIDMappings = []specs.LinuxIDMapping{{HostID: root, Size: 65536}}
	}
	d.c.Keys = some(d, 3, "unknown", "cpu", "pageSize") // 36
}

func (d *dice) reportedProcess() {
	p := d.c.Spec.Process
	if d.p(4) { // 5
		p.Env = append(slices.DeleteFunc(p.Env, func(e string) bool { return len(e) > 5 && e[:5] == "HOME=" }), "HOME=")
	}
	if c := p.Capabilities; c != nil && d.p(5) { // 6: unknown, and not to be granted
		name := pick(d, "CAP_NONESUCH", "CAP_SYS_RESOURCE")
		for _, set := range []*[]string{&c.Bounding, &c.Permitted, &c.Effective} {
			*set = append(slices.Clone(*set), name)
		}
	}
	if d.p(3) { // 37
		p.Scheduler = pick(d,
			&specs.Scheduler{Policy: specs.SchedIdle, Nice: 3},
			&specs.Scheduler{Policy: specs.SchedDeadline, Nice: 1, Runtime: 1e6, Deadline: 1e7, Period: 1e7},
		)
	}
	if d.p(1) { // 28
		p.Args[0] = ""
	}
}

func (d *dice) reportedDevices() {
	l := d.c.Spec.Linux
	if d.p(4) { // 3
		l.Devices = append(l.Devices, pick(d,
			specs.LinuxDevice{Path: "/dev/ptmx", Type: "c", Major: 5, Minor: 2},
			specs.LinuxDevice{Path: "/dev/console", Type: "c", Major: 5, Minor: 1},
			specs.LinuxDevice{Path: "/dev/tty", Type: "c", Major: 5, FileMode: new(modeOf(0o620))},
		))
	}
	if n := len(l.Devices); n > 0 && d.p(15) { // 4
		again := l.Devices[d.IntN(n)]
		again.FileMode, again.UID, again.GID = new(modeOf(0o604)), new(uint32(3)), nil
		l.Devices = append(l.Devices, again)
	}
	if d.p(1) { // 14
		l.Devices = append(l.Devices, specs.LinuxDevice{Path: "/srv/file", Type: "c", Major: 1, Minor: 5})
	}
}

func (d *dice) reportedResources() {
	r := d.c.Spec.Linux.Resources
	if r == nil {
		return
	}
	if d.p(6) { // 38
		r.Devices = append(r.Devices, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: new(int64(1)), Minor: new(int64(11)), Access: "rwa"})
	}
	if d.facts.Controllers["pids"] && d.p(2) { // 35
		r.Pids = &specs.LinuxPids{Limit: new(int64(0))}
	}
	if d.facts.V2 && d.p(6) { // 35
		r.Memory = pick(d, &specs.LinuxMemory{Swappiness: new(uint64(60))}, &specs.LinuxMemory{DisableOOMKiller: new(true)})
	}
	if d.facts.Controllers["memory"] && d.p(1) { // 47
		r.Memory = &specs.LinuxMemory{Limit: new(int64(8192))}
	}
	if r.CPU == nil && d.p(4) { // 48
		r.CPU = &specs.LinuxCPU{Period: new(pick(d, uint64(100000), 50000, 10))}
	}
}

func (d *dice) reportedLife() {
	l := &d.c.Life
	if l.Verb == "run" && !l.NoStdin && d.p(8) { // 29
		l.Forward = pick(d, "PIPE", "PIPE", "HUP", "USR1", "CONT")
	}
	if l.Verb == "create" && d.p(6) { // 25
		l.KillNew = pick(d, "TERM", "HUP", "CONT", "INT")
	}
	l.List = d.p(6) // 34
	l.PS = l.Verb == "create" && d.p(20)
	if d.p(4) { // 32
		l.FileSize = 256 << 10
	}
	for i := range l.Execs {
		e := &l.Execs[i]
		if e.Process == nil && d.p(5) { // 5
			e.Flags = append(e.Flags, "--env", "HOME=")
		}
		if e.Process == nil && d.p(4) { // 28
			e.Args = []string{pick(d, "/script", "/hashbang", "", "/srv/file")}
		}
	}
}
