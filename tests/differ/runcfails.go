package differ

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// runcFails are things that the specification allows and runc can't do, with what
// it says then. The case is run on runc again without them, see judge; lines
// that match Key aren't compared after that. Without Help there is nothing to
// compare rung with.
var runcFails = []*Known{
	{
		Name:   "runc needs /proc",
		Reason: "runc reads and binds by paths of a procfs at /proc of the container; the specification doesn't ask for one.",
		Text:   re(`/proc/(sys|self|thread-self|mounts)|unsafe procfs|procfs|dstFd=/proc`),
		If:     lacksProc,
		Help:   givesProc,
		Key:    re(`/proc|hook startContainer namespaces|^(exec \d )?s:`),
	},
	{
		Name:   "runc: a device listed by hand loses its default rule",
		Reason: "The six default devices may always be used; runc forgets the rule of one that linux.devices lists, and can't open its own /dev/null.",
		Text:   re(`error reopening /dev/null inside container: open /dev/null: operation not permitted`),
		If:     hasDevice("/dev/null"),
		Help:   withoutDevices("^/dev/null$"),
		Key:    re(`/dev/null$|devices.list`),
	},
	{
		Name:   "runc: /dev with nodev",
		Reason: "A /dev that forbids devices is allowed; runc has to open the /dev/null in it.",
		Text:   re(`error reopening /dev/null inside container: open /dev/null: permission denied`),
		If:     hasOption("nodev"),
		Help:   func(c *Case) { without(c, "/dev", "nodev") },
		Key:    re(`mount /dev flags|^(exec \d )?([rw]:/dev/|dev tty)`),
	},
	{
		Name:   "runc: v2 controllers of a hybrid host",
		Reason: "hugetlb is on cgroup2 here, and rung uses it there; runc knows a host as v1 or v2 only.",
		Text:   re(`cannot set hugetlb limit: container could not join or create cgroup`),
		Help:   func(c *Case) { c.Spec.Linux.Resources.HugepageLimits = nil },
		Key:    re(`hugetlb`),
	},
	{
		Name:   "runc: unbindable roots",
		Reason: "runc masks and protects by binds, which an unbindable root refuses; rootfsPropagation may be unbindable.",
		Text:   re(`flags=(MS_[A-Z]+\|)*MS_BIND(\|MS_[A-Z]+)*: invalid argument`),
		If:     propagates("unbindable", "runbindable"),
		Help:   func(c *Case) { c.Spec.Linux.RootfsPropagation = "" },
		Key:    re(`propagation`),
	},
	{
		Name:   "runc: devices that the host lacks, in a user namespace",
		Reason: "runc binds them from the host's path; rung makes them.",
		Text:   re(`error creating device nodes: mount src=/(dev/(mine|loop77|sub/dir/urandom|pipe|fuse|null|zero2)|srv/zero)`),
		If:     ownUser,
		Help:   onlyHostDevices,
		Key:    re(`/dev/(mine|loop77|sub|pipe|fuse|null|zero2)\b|/zero\b|devices.list`),
	},
	{
		Name:   "runc: one of the six devices twice, in a user namespace",
		Reason: "Of two entries for one device the first counts; runc can't make the second.",
		Text:   re(`error creating device nodes: create device inode /dev/`),
		If:     ownUser,
		Help:   onlyHostDevices,
		Key:    re(`/dev/|devices.list`),
	},
	{
		Name:   "runc: file systems of namespaces that the user namespace doesn't own",
		Reason: "proc, sysfs and cgroup can't be mounted there by the container's root; rung binds the host's (ADR 11).",
		Text:   re(`error mounting \\?"(proc|sysfs|cgroup|mqueue)\\?" to rootfs.*(operation not permitted|permission denied)`),
		If:     ownUser,
	},
	{
		Name:   "runc: ro of a tmpfs that is covered",
		Reason: "runc makes a tmpfs read-only at the end, by its path, where another mount may be by then, or nothing.",
		Text:   re(`flags=MS_RDONLY[A-Z_|]*MS_REMOUNT.*: (no such file or directory|invalid argument|not a directory|operation not permitted)`),
		If:     hasOption("ro"),
		Help: func(c *Case) {
			for _, m := range c.Spec.Mounts {
				without(c, m.Destination, "ro")
			}
		},
		Key: re(`flags|super|^(exec \d )?c:`),
	},
	{
		Name:   "runc: norelatime in a user namespace",
		Reason: "The word leaves the kernel its default, which is relatime (mount(8)); runc asks the kernel to clear the flag, which is locked there.",
		Text:   re(`cannot clear locked flags MS_RELATIME`),
		If:     hasOption("norelatime"),
		Help: func(c *Case) {
			for _, m := range c.Spec.Mounts {
				without(c, m.Destination, "norelatime")
			}
		},
		Key: re(`^mount .* flags`),
	},
	{
		Name:   "runc: several words for atime in a user namespace",
		Reason: "The last word wins in rung; runc gives the kernel all of them, and finds that one contradicts what is locked there.",
		Text:   re(`cannot change locked atime flags`),
		If:     func(c *Case) bool { return ownUser(c) && slices.ContainsFunc(c.Spec.Mounts, atimeTwice) },
		Help: func(c *Case) {
			for i := range c.Spec.Mounts {
				lastAtime(&c.Spec.Mounts[i])
			}
		},
		Key: re(`^mount .* flags`),
	},
	{
		Name:   "runc: the same file system twice at a path",
		Reason: "mount(2) refuses a sysfs on itself with EBUSY; with fsmount it is allowed, and a list may ask for it.",
		Text:   re(`error mounting \\?"(sysfs|mqueue|proc)\\?" to rootfs.*: device or resource busy`),
		Help:   onceEach,
		Key:    re(`^mount .*|^[rwc]:|^file /`),
	},
	{
		Name:   "runc: sysctls under a read-only /proc",
		Reason: "runc writes them through the container's /proc; where that may not be written doesn't matter to rung.",
		Text:   re(`open sysctl .*read-only file system`),
		If:     hasOption("ro"),
		Help:   func(c *Case) { without(c, "/proc", "ro") },
		Key:    re(`^mount /proc|^(exec \d )?[cw]:/proc`),
	},
	{
		Name:   "runc: private roots with --no-pivot",
		Reason: "runc refuses them as not safe; rung runs them.",
		Later:  "reported: 15",
		Text:   re(`rootfsPropagation of \[r\]private is not safe without pivot_root`),
		Help:   func(c *Case) { c.Spec.Linux.RootfsPropagation = "" },
		Key:    re(`propagation|^left mount`),
	},
	{
		Name:   "runc: capabilities that it hasn't itself",
		Reason: "config.md: what can't be granted is a warning; runc fails.",
		Text:   re(`can't apply capabilities`),
		If:     func(c *Case) bool { return asksCap(c, "CAP_SYS_RESOURCE") },
		Help:   func(c *Case) { withoutCap(c, "CAP_SYS_RESOURCE") },
		Key:    re(`^log `),
	},
	{
		Name:   "runc: hooks and a pids.limit of 0",
		Reason: "runc's createContainer and startContainer hooks are started by a process in the container's cgroup, where one more isn't allowed.",
		Text:   re(`hook #\d+: fork/exec .*resource temporarily unavailable`),
		If:     noMorePids,
		Help:   func(c *Case) { c.Spec.Linux.Resources.Pids = nil },
		Key:    re(`pids\.max`),
	},
	{
		Name:   "runc: startContainer hooks of a SCHED_DEADLINE process",
		Reason: "Its first process has the policy already when it is to fork for the hook, which the kernel doesn't let such a process do.",
		Text:   re(`startContainer hook #\d+: fork/exec .*resource temporarily unavailable`),
		If: func(c *Case) bool {
			return c.Spec.Process.Scheduler != nil && c.Spec.Process.Scheduler.Policy == specs.SchedDeadline
		},
		Help: func(c *Case) { c.Spec.Process.Scheduler = nil },
		Key:  re(`scheduling$|timer slack$`),
	},
	{
		Name:   "runc: cpu.period where no controller is",
		Reason: "Without a quota it has no effect, so rung ignores it, with a warning (CRI sends it for every pod); runc can't set it.",
		Text:   re(`openat2 [^ ]*/cpu\.max: no such file or directory`),
		If:     periodAlone,
		Help:   func(c *Case) { c.Spec.Linux.Resources.CPU = nil },
		Key:    re(`^log `),
	},
	{
		Name:   "runc: scheduler and cpuset together",
		Reason: "runc refuses them; the kernel takes both, if the set is one that the policy can have.",
		Text:   re(`process scheduler can't be used together with AllowedCPUs`),
		If: func(c *Case) bool { // SCHED_DEADLINE takes all processors: with fewer both fail
			s, r := c.Spec.Process.Scheduler, c.Spec.Linux.Resources
			return s != nil && r != nil && r.CPU != nil && (s.Policy != specs.SchedDeadline || r.CPU.Cpus == "0-1")
		},
		Help: func(c *Case) { c.Spec.Process.Scheduler = nil },
		Key:  re(`scheduling$|timer slack$|^(do )?exec \d`),
	},
	{
		Name:   "runc: SCHED_DEADLINE in a user namespace",
		Reason: "It takes a right on the host that root of the namespace hasn't: rung's create sets it before; runc's can't, and nor can either's exec.",
		Text:   re(`error setting scheduler: operation not permitted`),
		If: func(c *Case) bool {
			return ownUser(c) && c.Spec.Process.Scheduler != nil && c.Spec.Process.Scheduler.Policy == specs.SchedDeadline
		},
		Help: func(c *Case) { c.Spec.Process.Scheduler = nil },
		Key:  re(`scheduling$|timer slack$|^(do )?exec \d`),
	},
	{
		Name:   "runc: /dev/console in the list, and a terminal",
		Reason: "The console is the container's own; runc can't open a place for it over the device that the list has it make.",
		Text:   re(`create /dev/console mount target`),
		If:     func(c *Case) bool { return c.terminal() && hasDevice("/dev/console")(c) },
		Help:   withoutDevices("^/dev/console$"),
		Key:    re(`/dev/console|devices\.list`),
	},
	{
		Name:   "runc: exec panics",
		Reason: "A nil pointer: exec with --cap in a container whose configuration has no capabilities.",
		Text:   re(`panic: runtime error`),
		If:     func(c *Case) bool { return len(c.Life.Execs) > 0 },
		Help:   func(c *Case) { c.Life.Execs = nil },
		Key:    re(`^(do )?exec \d|^log errors|^file /log`),
	},
}

// asksCap reports whether the process is to have a capability.
func asksCap(c *Case, name string) bool {
	caps := c.Spec.Process.Capabilities
	return caps != nil && slices.Contains(caps.Bounding, name)
}

func withoutCap(c *Case, name string) {
	caps := c.Spec.Process.Capabilities
	for _, set := range []*[]string{&caps.Bounding, &caps.Permitted, &caps.Effective} {
		*set = slices.DeleteFunc(*set, func(n string) bool { return n == name })
	}
}

// noMorePids reports whether the first process is to be the only one.
func noMorePids(c *Case) bool {
	r := c.Spec.Linux.Resources
	return r != nil && r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit == 0
}

// periodAlone reports whether there is a period that a kernel would take, without a quota.
func periodAlone(c *Case) bool {
	r := c.Spec.Linux.Resources
	return r != nil && r.CPU != nil && r.CPU.Quota == nil && r.CPU.Period != nil && *r.CPU.Period >= 1000
}

// hostLacks has the paths of the generator's devices that no host has.
var hostLacks = []string{"/dev/mine", "/dev/loop77", "/dev/sub/dir/urandom", "/dev/pipe", "/dev/fuse", "/dev/zero2", "/srv/zero"}

// onlyHostDevices leaves those devices that the host has, and of two for a path the first.
func onlyHostDevices(c *Case) {
	seen := make(map[string]bool)
	c.Spec.Linux.Devices = slices.DeleteFunc(c.Spec.Linux.Devices, func(d specs.LinuxDevice) bool {
		again := seen[d.Path]
		seen[d.Path] = true
		return again || slices.Contains(hostLacks, d.Path) || d.Path == "/dev/null"
	})
}

// onceEach drops mounts that have the type and place of an earlier one, of the types that
// mount(2) refuses then.
func onceEach(c *Case) {
	seen := make(map[string]bool)
	var kept []specs.Mount
	for _, m := range c.Spec.Mounts {
		refused := m.Type == "sysfs" || m.Type == "mqueue" || m.Type == "proc"
		if key := m.Type + " " + m.Destination; !refused || !seen[key] {
			seen[key] = true
			kept = append(kept, m)
		}
	}
	c.Spec.Mounts = kept
}

func atimeTwice(m specs.Mount) bool { return atimeWords(m.Options) > 1 }

// lastAtime leaves of the words about access times the last one.
func lastAtime(m *specs.Mount) {
	var kept []string
	for i, o := range m.Options {
		if atimeWords([]string{o}) == 0 || atimeWords(m.Options[i+1:]) == 0 {
			kept = append(kept, o)
		}
	}
	m.Options = kept
}

// without removes an option of a mount.
func without(c *Case, dest, word string) {
	for i := range c.Spec.Mounts {
		m := &c.Spec.Mounts[i]
		if m.Destination != dest {
			continue
		}
		var kept []string
		for _, o := range m.Options {
			if o != word {
				kept = append(kept, o)
			}
		}
		m.Options = kept
	}
}
