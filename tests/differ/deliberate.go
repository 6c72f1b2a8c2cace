package differ

import (
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// deliberate are differences that stay.
var deliberate = []*Known{
	{
		Name:   "stdio isn't copied",
		Reason: "A foreground container inherits the runtime's stdin, stdout and stderr; runc copies through pipes (ADR 9).",
		Key:    re(`^(exec \d )?fd [012]$`),
		Runc:   re(`^pipe`),
		If:     func(c *Case) bool { return c.Life.Verb == "run" || len(c.Life.Execs) > 0 },
	},
	{
		Name:   "killed for want of memory before or after the execve",
		Reason: "With a limit of two pages what a processor has in stock (MEMCG_CHARGE_BATCH) decides: the program of one of both begins, and is killed.",
		Key:    re(`^do (run|create|start|state.*|kill|delete.*)$|^exit$`),
		If:     twoPages,
	},
	{
		Name:   "runc: the console's size comes late",
		Reason: "runc gives a foreground terminal the size of the caller's a moment after the program has begun; until then it is consoleSize, or 0 by 0. rung has the caller's from the start.",
		Key:    re(`^(exec \d )?tty size$`),
		Rung:   re(`^31 97$`),
		If:     hasTerminal,
	},
	{
		Name:   "runc: poststart's status",
		Reason: "runtime.md, Lifecycle: the hook is called after the program has been executed, so the state is running; runc says created.",
		Key:    re(`^hook poststart state status`),
		Rung:   re(`^running$`), Runc: re(`^created$`),
	},
	{
		Name:   "the pid of a stopped container",
		Reason: "runtime.md, State: the pid is OPTIONAL then; rung says 0 to hooks, as its state command does, runc leaves it out.",
		Key:    re(`^hook poststop state pid`),
		Rung:   re(`^0$`), Runc: re(`^\(nothing\)$`),
	},
	{
		Name:   "runc: startContainer hooks may come after poststart hooks",
		Reason: "runc doesn't wait for the execve before it calls poststart hooks; config.md says in which order.",
		Key:    re(`^hooks ran$`),
		Where: func(c *Case, d Difference) bool {
			a, b := strings.Fields(d.Rung), strings.Fields(d.Runc)
			return strings.Join(sorted(a), " ") == strings.Join(sorted(b), " ") && strings.Contains(d.Rung, "startContainer poststart")
		},
	},
	{
		Name:   "runc: a startContainer hook that fails",
		Reason: "runtime.md, Start: the runtime MUST generate an error; runc's start succeeds, and the container ends with 255.",
		Key:    re(`^do (start|run)$|^exit$`),
		Said:   re(`error running startContainer hook|startContainer`),
		If:     func(c *Case) bool { return hooked(c) && len(c.Spec.Hooks.StartContainer) > 0 },
	},
	{
		Name:   "runc: a startContainer hook that fails (detached)",
		Reason: "As above.",
		Key:    re(`^do (start|run|state running|state ended|delete.*|kill|state after delete)$|^exit$|^report$`),
		Where: func(c *Case, d Difference) bool {
			return hooked(c) && failing(c.Spec.Hooks.StartContainer)
		},
	},
	{
		Name:   "runc: descriptors of runc in hooks",
		Reason: "runc's init leaves its own descriptors open for the hooks that it runs; a hook is given a stdin.",
		Key:    re(`^hook (createContainer|startContainer|poststop|poststart|prestart|createRuntime) fds`),
		Rung:   re(`^0 1 2$`), Runc: re(`^0 1 2 `),
	},
	{
		Name:   "time namespaces begin with the execve",
		Reason: "The first process makes a time namespace for what it executes; while it waits for start it is in its old one, and runs nothing.",
		Key:    re(`^created namespace time$`),
		Rung:   re(`^host$`),
		If:     func(c *Case) bool { made, joined := c.has(specs.TimeNamespace); return made || joined },
	},
	{
		Name:   "runc: exec's umask",
		Reason: "runc's exec has the caller's umask, or the container's where process has one; in rung it is that of the process, 0022 by default, as for create (ADR 8).",
		Key:    re(`^exec \d (status Umask|umask)$`),
	},
	{
		Name:   "runc: signals that the caller ignores",
		Reason: "A container's process begins with every signal at its default, whoever starts it (ADR 8); runc passes the caller's ignored ones on, all of them to exec, and to run those that the Go runtime leaves alone.",
		Key:    re(`^(exec \d )?status SigIgn$`),
		Rung:   re(`^0+$`),
	},
	{
		Name:   "additional groups once each",
		Reason: "runc lists a group twice that it is given twice, by process.user and by --additional-gids. The set is the same.",
		Key:    re(`^(exec \d )?(status Groups|groups)$`),
		Where: func(_ *Case, d Difference) bool {
			return slices.Equal(slices.Compact(sorted(strings.Fields(d.Rung))), slices.Compact(sorted(strings.Fields(d.Runc))))
		},
	},
	{
		Name:   "runc: oomScoreAdj of exec's process",
		Reason: "config.md: process.oomScoreAdj is a process's; runc ignores it in exec's process file.",
		Key:    re(`^exec \d oom_score_adj$`),
		If:     execProcesses,
	},
	{
		Name:   "runc: mount points are made under the caller's umask",
		Reason: "A container is the same whoever starts it (ADR 8): directories that the runtime makes are 0755; in runc the caller's umask counts.",
		Key:    re(`^(file|afterwards|sources) |^[a-z]:`),
		If:     callersUmask,
		Where: func(_ *Case, d Difference) bool {
			return strings.Contains(d.Key[:2], ":") && (d.Rung == "EACCES" || d.Runc == "EACCES") || sameBut(d, `[02]\d{3}|\d755`)
		},
	},
	{
		Name:   "modes of files that are mount points of devices",
		Reason: "They are covered by the device. rung makes them 0600, runc 0000 or 0644.",
		Key:    re(`^afterwards /dev/`),
		Rung:   re(`^file 0600 .* 0 bytes`), Runc: re(`^file 0\d{3} .* 0 bytes`),
	},
	{
		Name:   "HOME without an environment",
		Reason: "rung adds HOME to a list that isn't there as to an empty one; runc only to a list.",
		Key:    re(`^(exec \d )?env HOME$`),
		If:     func(c *Case) bool { return len(c.Spec.Process.Env) == 0 },
	},
	{
		Name:   "several words for atime",
		Reason: "The last word wins in rung, as for all other words; in runc all reach the kernel, for which noatime wins over relatime, and strictatime over both.",
		Key:    re(`^(exec \d )?mount .* flags`),
		Where: func(c *Case, d Difference) bool {
			return sameBut(d, `,(no|rel)atime`) && atimeOftenAt(c, pathOf(d))
		},
	},
	{
		Name:   "sync of the tmpfs above cgroup v1",
		Reason: "rung gives the words of a cgroup mount to the tmpfs that holds the hierarchies; runc only to these.",
		Key:    re(`^mount /sys/fs/cgroup super`),
		Where:  func(_ *Case, d Difference) bool { return sameBut(d, `,(dir)?sync`) || strings.Contains(d.Rung, "sync") },
	},
	{
		Name:   "readonlyPaths keep nosymfollow",
		Reason: "The copy that is made read-only keeps all flags of what it covers; runc's remount forgets that one.",
		Key:    re(`^mount .* flags`),
		Where:  func(_ *Case, d Difference) bool { return strings.ReplaceAll(d.Rung, ",nosymfollow", "") == d.Runc },
	},
	{
		Name:   "runc: poststop hooks that fail",
		Reason: "runtime.md, Lifecycle: their errors are logged and the lifecycle goes on, all hooks run; runc stops at the first, and delete fails.",
		Key:    re(`^do (delete|run)$|^hook poststop|^hooks ran|^left state|^do delete of what is left`),
		If:     func(c *Case) bool { return hooked(c) && failing(c.Spec.Hooks.Poststop) },
	},
	{
		Name:   "runc: poststart hooks are run by create",
		Reason: "runtime.md, Lifecycle: they are called after the program has been executed; a container that is never started has none.",
		Key:    re(`^hook poststart|^hooks ran$`),
		If:     func(c *Case) bool { return hooked(c) && len(c.Spec.Hooks.Poststart) > 0 && c.Life.KillNew != "" },
	},
	{
		Name:   "runc: poststart hooks that fail",
		Reason: "runtime.md, Lifecycle: start MUST generate an error and the container is stopped; in runc's create it fails before it has run.",
		Key:    re(`^do |^exit$|^report$|^hook|^left`),
		If:     func(c *Case) bool { return hooked(c) && failing(c.Spec.Hooks.Poststart) },
	},
	{
		Name:   "a new file system's ro is the mount's",
		Reason: "runc gives MS_RDONLY to mount(2), which makes the superblock read-only as well; rung the mount alone, and so ro can't reach others of the same file system.",
		Key:    re(`^mount .* super`),
		Rung:   re(`^rw`), Runc: re(`^ro`),
		If: hasOption("ro"),
	},
	{
		Name:   "a new file system's ro is the mount's, and not that of a bind of it",
		Reason: "As before: what was remounted read-only is bound again from within the root filesystem, with words that clear the mount's own ro (ADR 19).",
		Key:    re(`^(exec \d )?c:`),
		Rung:   re(`^(ok|EACCES)$`), Runc: re(`^EROFS$`),
		If: func(c *Case) bool { return hasOption("ro")(c) && hasOption("remount")(c) },
	},
	{
		Name:   "runc: ro of a tmpfs is applied to what covers it",
		Reason: "runc makes a tmpfs read-only at the end, by its path: what a later mount of the list put there gets its flags, and the tmpfs stays writable.",
		Key:    re(`^mount .* flags|^(exec \d )?[cw]:`),
		If:     hasOption("ro"),
		Where: func(c *Case, d Difference) bool {
			return timesMounted(c, pathOf(d)) > 1 || timesMounted(c, path.Dir(pathOf(d))) > 1
		},
	},
	{
		Name:   "runc: nodev of a /dev is applied to what covers it",
		Reason: "As ro is: runc gives /dev its flags at the end, by its path, and devices in a later mount there are none then, nor its null that masks files.",
		Key:    re(`^(exec \d )?([rw]:/|dev )`),
		Runc:   re(`^EACCES$`),
		Where: func(c *Case, d Difference) bool {
			return within(pathOf(d), "/dev") || strings.Contains(d.Key, "dev ") || masked(c, d)
		},
		If: func(c *Case) bool { return hasOption("ro")(c) && hasOption("nodev")(c) && timesMounted(c, "/dev") > 1 },
	},
	{
		Name:   "startContainer hooks without process.env",
		Reason: "A startContainer hook without an environment of its own has the process's, HOME with it; with runc it has none where the process has none.",
		Key:    re(`^hook startContainer env`),
		Rung:   re(`^\["HOME=[^"]*"\]$`), Runc: re(`^\[\]$`),
		If: func(c *Case) bool { return len(c.Spec.Process.Env) == 0 },
	},
	{
		Name:   "runc: mounts that reach the host",
		Reason: "With rootfsPropagation set runc's masks and binds reach the host's mount namespace, through binds that are its peers; rung makes them detached.",
		Key:    re(`^left mount`),
		Rung:   re(`^(\(nothing\)|tmpfs)$`), Runc: re(`^[a-z]`),
		If: func(c *Case) bool { return c.Spec.Linux.RootfsPropagation != "" },
	},
	{
		Name:   "hybrid: cgroup2 is shown too",
		Reason: "On a hybrid host a mount of type cgroup shows what the host shows; runc leaves the unified hierarchy out.",
		Key:    re(`(mount|file) /sys/fs/cgroup/unified`),
		Runc:   re(`^\(nothing\)$`),
		If:     showsCgroups,
	},
	{
		Name:   "runc: source of the systemd hierarchy",
		Reason: "A name for the eye: rung says cgroup for all of them.",
		Key:    re(`^mount /sys/fs/cgroup/systemd( \(\d\))?$`),
		Where: func(_ *Case, d Difference) bool {
			return strings.ReplaceAll(d.Runc, "from systemd", "from cgroup") == d.Rung
		},
		If: showsCgroups,
	},
	{
		Name:   "v2: a delegated cgroup is its user's",
		Reason: "With a cgroup namespace and a writable cgroup mount the process's user owns the cgroup; runc does so with systemd only.",
		Key:    re(`^(mount|file|[cw]:) ?/sys/fs/cgroup`),
		Where:  func(_ *Case, d Difference) bool { return sameBut(d, `\d+:\d+$`) },
		If:     func(c *Case) bool { return makes(specs.CgroupNamespace)(c) && showsCgroups(c) },
	},
	{
		Name:   "a mask's mode isn't that of the container's /dev/null",
		Reason: "rung masks files with a read-only clone of the host's /dev/null, runc with the container's, which has the fileMode of linux.devices.",
		Key:    re(`^(exec \d )?r:`),
		Rung:   re(`^ok empty$`), Runc: re(`^EACCES$`),
		If:    narrowNull,
		Where: masked,
	},
	{
		Name:   "the filter comes last",
		Reason: "Without no_new_privs the process has CAP_SYS_ADMIN until its execve, to install the filter with. Root that has it in the bounding set alone gains nothing by that execve, for which the kernel would have made runc's process undumpable.",
		Key:    re(`^(exec \d )?dumpable$`),
		Rung:   re(`^1$`), Runc: re(`^0$`),
		If: regainsAdmin,
	},
	{
		Name:   "the console may be used: one from the list",
		Reason: "As above.",
		Key:    re(`^(exec \d )?[rw]:/dev/console( \(\d\))?$`),
		Runc:   re(`^EPERM$`),
		If:     hasDevice("/dev/console"),
	},
	{
		Name:   "runc: a device listed by hand loses its default rule (/dev/tty)",
		Reason: "The six default devices may always be used.",
		Key:    re(`devices\.list$|^(exec \d )?(dev tty|[rw]:/dev/tty( \(\d\))?)$`),
		If:     hasDevice("/dev/tty"),
	},
	{
		Name:   "signals that end a created container",
		Reason: "As pid 1 it hears of nothing but SIGKILL, so that is what it gets; in runc it is a Go program, which has an exit code or a signal of its own.",
		Key:    re(`^exit$`),
		Rung:   re(`^signal 9$`),
		If:     func(c *Case) bool { return c.Life.KillNew != "" && c.Life.KillNew != "KILL" },
	},
	{
		Name:   "scripts without an interpreter, and other failing execves",
		Reason: "start and a detached run tell the truth (docs/compat.md); in runc they say 0, and the process ends with 255.",
		Key:    re(`^(do |exit$|report$|left|log errors)`),
		If: func(c *Case) bool {
			return slices.ContainsFunc([]string{"/script", "/hashbang", "/plain", "/srv", "/srv/file"}, func(a string) bool { return c.Spec.Process.Args[0] == a })
		},
	},
	{
		Name:   "environment of createContainer hooks without one",
		Reason: "They run in the runtime's, as all hooks on the host (docs/compat.md); runc's have none.",
		Key:    re(`^hook createContainer env`),
		Runc:   re(`^\[\]$`),
	},
	{
		Name:   "an execve that the profile refuses",
		Reason: "start and a detached run tell the truth (docs/compat.md); in runc they say 0, and the process ends with 255.",
		Key:    re(`^(do .*|exit|report|log errors)$`),
		If:     func(c *Case) bool { return c.Life.Verb != "run" && refusesExecve(c.Spec.Linux.Seccomp) },
	},
	{
		Name:   "runc: startContainer hooks and a pids.limit of 0",
		Reason: "runc's are started by a process in the container's cgroup, where one more isn't allowed; its start says 0, and the container has ended.",
		Key:    re(`^(do .*|exit|report|log errors)$`),
		If: func(c *Case) bool {
			return noMorePids(c) && hooked(c) && len(c.Spec.Hooks.StartContainer) > 0 && c.Life.Verb != "run"
		},
	},
	{
		Name:   "runc: one device twice",
		Reason: "Of two entries for one device the first counts; in runc they are both forgotten where it is one of the six default devices.",
		Key:    re(`^(exec \d )?[rw]:/dev/`),
		Where:  func(c *Case, d Difference) bool { return listedTwice(c, pathOf(d)) },
	},
	{
		Name:   "the console of a terminal, and in the list",
		Reason: "The container's own is there, bound to a file; runc makes the device below it as well.",
		Key:    re(`^afterwards /dev/console$`),
		Rung:   re(`^file 0600 `), Runc: re(`^char 5:1 `),
		If: hasTerminal,
	},
	{
		Name:   "exec of a program that only execve refuses",
		Reason: "A detached exec tells the truth, as start does (docs/compat.md).",
		Key:    re(`^do exec \d$`),
		Rung:   re(`^exit 255$`), Runc: re(`^exit 0$`),
		If: func(c *Case) bool {
			return slices.ContainsFunc(c.Life.Execs, func(e Exec) bool {
				return e.Detach && len(e.Args) > 0 && slices.Contains([]string{"/script", "/hashbang", "/plain", "/srv", "/srv/file"}, e.Args[0])
			})
		},
	},
	{
		Name:   "runc gives up freezing on a busy machine",
		Reason: "A v1 cgroup that freezes while its processes are made takes some tries; runc makes a limited number, and a machine with a load of 30 is too slow for them. rung waits.",
		Key:    re(`^(do|when) (pause|paused|resume|resumed|state paused|state resumed)\b`),
		Said:   re(`unable to freeze`),
	},
	{
		Name:   "runc: exec where no thread can be made",
		Reason: "runc's exec is a Go program in the container, which needs threads; rung's is a single process.",
		Key:    re(`^do exec \d$`),
		Runc:   re(`^exit 255$`),
		Said:   re(`pthread_create failed`),
	},
	{
		Name:   "runc: startContainer hooks of a process with SCHED_DEADLINE",
		Reason: "Who has it can't fork. runc's hooks are children of the first process, and fail without a word; rung's are started by the runtime.",
		Key:    re(`^(do .*|exit|report|hooks ran|log errors)$|^hook startContainer`),
		If: func(c *Case) bool {
			s := c.Spec.Process.Scheduler
			return s != nil && s.Policy == specs.SchedDeadline && hooked(c) && len(c.Spec.Hooks.StartContainer) > 0
		},
	},
	{
		Name:   "runc: one device twice in a user namespace",
		Reason: "Of two entries for one device the first counts; runc binds the host's a second time over itself.",
		Key:    re(`^mount /(dev|srv)/.* \(\d\)$`),
		Rung:   re(`^\(nothing\)$`),
		If:     ownUser,
		Where:  func(c *Case, d Difference) bool { return listedTwice(c, pathOf(d)) },
	},
	{
		Name:   "list of a root that doesn't exist",
		Reason: "It is an empty list, as crun's, and as runc's is for its default root.",
		Key:    re(`^do list without a root$`),
		Rung:   re(`^exit 0$`), Runc: re(`^exit 1$`),
	},
	{
		Name:   "a read-only / is the root itself",
		Reason: "runc covers / with a copy of all that is mounted there, and makes the copy read-only.",
		Key:    re(`^mount .* \(\d+\)$`),
		Rung:   re(`^\(nothing\)$`),
		If:     func(c *Case) bool { return slices.Contains(c.Spec.Linux.ReadonlyPaths, "/") },
	},
	{
		Name:   "a read-only / is the root itself, where several mounts are in one place",
		Reason: "runc's copy of them comes before those that rung's list has at that number.",
		Key:    re(`^mount .* \(\d+\)$`),
		If:     func(c *Case) bool { return slices.Contains(c.Spec.Linux.ReadonlyPaths, "/") },
		Where:  func(c *Case, d Difference) bool { return timesMounted(c, pathOf(d)) > 1 },
	},
	{
		Name:   "a read-only / is the root itself, also where .. leads to it",
		Reason: "runc's copy covers / alone, and .. of a directory of the root leads below it, where other mounts are missing.",
		Key:    re(`^(exec \d )?[rwc]:.*/\.\.(/|$)`),
		If:     func(c *Case) bool { return slices.Contains(c.Spec.Linux.ReadonlyPaths, "/") },
	},
	{
		Name:   "runc: readonlyPaths of what is shared",
		Reason: "runc binds a protected path on itself, which a peer of it, mounted elsewhere in the container, gets too, with all that is mounted below; rung's copy is private.",
		Key:    re(`^mount .* \(\d+\)$|^mount (/[^/ ]+)+/again/again( |$)`),
		Rung:   re(`^\(nothing\)$`),
		If: func(c *Case) bool {
			return len(c.Spec.Linux.ReadonlyPaths) > 0 && (hasOption("shared")(c) || hasOption("rshared")(c))
		},
	},
	{
		Name:   "runc: a read-only / isn't exec's",
		Reason: "What is exec'd has the root below runc's read-only copy, and may write there.",
		Key:    re(`^exec \d [cw]:/`),
		Rung:   re(`^EROFS$`), Runc: re(`^(ok|EACCES)$`),
		If: func(c *Case) bool { return slices.Contains(c.Spec.Linux.ReadonlyPaths, "/") },
	},
	{
		Name:   "the last word for atime asks for what is locked",
		Reason: "In a user namespace rung refuses it, as both refuse it alone; of several words runc gives the kernel all, and noatime is what is locked there.",
		Key:    re(`^(do |exit$|report$|exec \d|when |created |left|hook|log errors|afterwards )`),
		Rung:   re(`^(exit 1|none|\(nothing\)|.*atime.*)$`),
		If: func(c *Case) bool {
			return ownUser(c) && slices.ContainsFunc(c.Spec.Mounts, func(m specs.Mount) bool {
				last := m
				lastAtime(&last)
				return strings.Contains(m.Source, "/src/quiet") && slices.Contains(m.Options, "noatime") && !slices.Contains(last.Options, "noatime")
			})
		},
	},
	{
		Name:   "a device where another kind of file is",
		Reason: "config.md: the runtime MUST generate an error if a file is there that doesn't match; runc goes on without the device.",
		Key:    re(`^(do |exit$|report$|exec \d|when |created |left|hook|log errors|w:)`),
		If:     func(c *Case) bool { return hasDevice("/srv/file")(c) || deviceBelowMount(c) },
	},
}

// listedTwice reports whether linux.devices has a path more than once.
func listedTwice(c *Case, path string) bool {
	n := 0
	for _, dev := range c.Spec.Linux.Devices {
		if dev.Path == path {
			n++
		}
	}
	return n > 1
}

// refusesExecve reports whether a profile lets through all but the execve, see reported.
func refusesExecve(s *specs.LinuxSeccomp) bool {
	return s != nil && len(s.Syscalls) == 1 && s.DefaultAction == specs.ActErrno && !slices.Contains(s.Syscalls[0].Names, "execve")
}

// failing reports whether one of the hooks is made to fail.
func failing(hooks []specs.Hook) bool {
	for _, h := range hooks {
		if len(h.Args) > 4 {
			return true
		}
	}
	return false
}

// regainsAdmin reports whether root's execve gives it back a right that a filter is
// installed with.
func regainsAdmin(c *Case) bool {
	p := c.Spec.Process
	caps := p.Capabilities
	return c.Spec.Linux.Seccomp != nil && !p.NoNewPrivileges && p.User.UID == 0 && caps != nil &&
		slices.Contains(caps.Bounding, "CAP_SYS_ADMIN") && !slices.Contains(caps.Permitted, "CAP_SYS_ADMIN")
}

// narrowNull reports whether the container's /dev/null isn't everybody's.
func narrowNull(c *Case) bool {
	return slices.ContainsFunc(c.Spec.Linux.Devices, func(d specs.LinuxDevice) bool {
		return d.Path == "/dev/null" && d.FileMode != nil && *d.FileMode&0o4 == 0
	})
}

// atimeOftenAt tells whether a mount at a place has several words for atime, or is a bind of one that has.
func atimeOftenAt(c *Case, path string) bool {
	for i := range c.Spec.Mounts {
		m := &c.Spec.Mounts[i]
		if resolved(m.Destination) != path {
			continue
		}
		for m != nil && atimeWords(m.Options) == 0 {
			m = cloned(c, m)
		}
		if m != nil && atimeWords(m.Options) > 1 {
			return true
		}
	}
	return false
}

// atimeWords counts the words that say when a file's time of access is written.
func atimeWords(options []string) (n int) {
	for _, o := range options {
		switch o {
		case "atime", "noatime", "relatime", "norelatime", "strictatime", "nostrictatime":
			n++
		}
	}
	return n
}
