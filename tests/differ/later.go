package differ

import (
	"regexp"
	"slices"
	"strings"
)

// table is all that is known of what is seen.
var table = slices.Concat(deliberate, later, pending)

// tables are all entries, in parts.
var tables = []struct {
	title string
	list  []*Known
}{
	{"what runc can't do", runcFails},
	{"deliberate differences, and faults of runc", deliberate},
	{"faults that another issue mends", later},
	{"faults of rung, reported and not decided", pending},
}

// later are known faults that another issue mends, and the line of it.
var later = []*Known{
	{
		Name:   "mounts are slaves of the host's",
		Reason: "The root and binds stay slaves of the host's peer groups.",
		Later:  "issue 19, 13",
		Key:    re(`^mount .* propagation( \(\d+\))?$`),
		Rung:   re(`^(|master:host|shared:own|shared:own master:host)$`),
	},
	{
		Name:   "masks",
		Reason: "Masked files are the host's null, masked directories one small tmpfs; in runc the container's own null and a tmpfs each.",
		Later:  "issue 19, 13",
		Key:    re(`^(mount|file) `),
		Where:  masked,
	},
	{
		Name:   "tmpfs on a path that the image lacks",
		Reason: "rung copies the mode of the directory that it has just made.",
		Later:  "issue 19, 8",
		Key:    re(`^mount .* super|^(file|afterwards) |^(exec \d )?c:`),
		Where: func(c *Case, d Difference) bool {
			return freshTmpfs(c, d) && (!strings.Contains(d.Key, "c:") || refused(d))
		},
	},
	{
		Name:   "directory and umask of hooks",
		Reason: "They start where the runtime was called, createContainer hooks in / with umask 0.",
		Later:  "issue 19, 18",
		Key:    re(`^hook \w+ (cwd|umask)`),
	},
	{
		Name:   "environment of hooks without one",
		Reason: "rung gives none; runc the runtime's, or the process's to startContainer hooks.",
		Later:  "issue 19, 19",
		Key:    re(`^hook \w+ env`),
		Rung:   re(`^\[\]$`),
	},
	{
		Name:   "scripts without an interpreter, and other failing execves",
		Reason: "rung's run and start tell the truth with 1; runc's exit codes are 0 and 255.",
		Later:  "issue 19, 28",
		Key:    re(`^(do |exit$|report$|left|log errors)`),
		If: func(c *Case) bool {
			return slices.ContainsFunc([]string{"/script", "/hashbang", "/plain", "/srv", "/srv/file"}, func(a string) bool { return c.Spec.Process.Args[0] == a })
		},
	},
	{
		Name:   "environment of createContainer hooks without one",
		Reason: "rung's have the runtime's, runc's none.",
		Later:  "issue 19, 19",
		Key:    re(`^hook createContainer env`),
		Runc:   re(`^\[\]$`),
	},
	{
		Name:   "HOME of startContainer hooks without an environment",
		Reason: "They have process.env, in runc with the HOME that was added to it.",
		Later:  "issue 19, 19",
		Key:    re(`^hook startContainer env`),
		Where: func(_ *Case, d Difference) bool {
			return !strings.Contains(d.Rung, "HOME=") && sameBut(d, ` ?"HOME=[^"]*"`)
		},
	},
	{
		Name:   "limits of exec's process",
		Reason: "A process file without rlimits gets the container's.",
		Later:  "issue 19, 30",
		Key:    re(`^exec \d (limit|rlimit) `),
		If:     execProcesses,
	},
}

// pending are faults that have been reported and aren't decided or mended yet.
// The list is empty when all is well.
var pending = []*Known{
	{
		Name:   "no capabilities",
		Reason: "Without process.capabilities rung drops all, runc keeps all.",
		Later:  "reported: 2",
		Key:    re(`^(exec \d )?(status Cap|bounding|dev tty|[mrwc]:)|^hook startContainer bound`),
		Where: func(_ *Case, d Difference) bool {
			return !strings.Contains(d.Key, ":") && !strings.Contains(d.Key, "dev tty") || refused(d)
		},
		If: func(c *Case) bool {
			return c.Spec.Process.Capabilities == nil || slices.ContainsFunc(c.Life.Execs, func(e Exec) bool { return e.Process != nil && e.Process.Capabilities == nil })
		},
	},
	{
		Name:   "sync and dirsync of proc",
		Reason: "They are dropped in silence.",
		Later:  "reported: 3",
		Key:    re(`^mount .* super`),
		Rung:   re(`^rw$`), Runc: re(`^r[wo],(dir)?sync`),
	},
	{
		Name:   "permissions of the session keyring",
		Reason: "rung takes LINK away from the user.",
		Later:  "reported: 4",
		Key:    re(`^(exec \d )?keyring$`),
		Rung:   re(`;3f0b0000;`), Runc: re(`;3f1[b3]000[08];`),
	},
	{
		Name:   "hooks and time namespaces",
		Reason: "They run in the host's.",
		Later:  "reported: 5",
		Key:    re(`^hook (createContainer|startContainer) namespaces`),
		Where:  func(_ *Case, d Difference) bool { return sameBut(d, `time \w+`) },
	},
	{
		Name:   "owner of /dev/mqueue in a user namespace",
		Reason: "It is the host's root.",
		Later:  "reported: 6",
		Key:    re(`^file `),
		Rung:   re(`^directory 1777 0:`),
		If:     ownUser,
	},
	{
		Name:   "cgroup mounts in a joined cgroup namespace",
		Reason: "rung shows the container's own cgroup.",
		Later:  "reported: 7",
		Key:    re(`^(mount|file) /sys/fs/cgroup/`),
		If:     joins("cgroup"),
	},
	{
		Name:   "a shared root shares binds with the host",
		Reason: "With rootfsPropagation shared, binds, devices and cgroups stay in the host's peer groups: what the container mounts there appears on the host.",
		Later:  "reported: 10",
		Key:    re(`^mount .* propagation( \(\d+\))?$`),
		Rung:   re(`^shared:host$`),
		If:     propagates("shared", "rshared"),
	},
	{
		Name:   "ro below readonlyPaths",
		Reason: "A tmpfs is made read-only after readonlyPaths has copied it.",
		Later:  "reported: 1",
		Key:    re(`^mount .* flags \(2\)$|^(exec \d )?c:`),
		Rung:   re(`^(rw,.*|ok)$`), Runc: re(`^(ro,.*|EROFS)$`),
		If: hasOption("ro"),
	},
	{
		Name:   "createContainer hooks with a user namespace and a joined cgroup namespace",
		Reason: "create fails: setns: operation not permitted.",
		Later:  "reported: 11",
		Key:    re(`^(do |exit$|report$|left|log errors)`),
		If: func(c *Case) bool {
			made, _ := c.has("user")
			_, joined := c.has("cgroup")
			return made && joined && hooked(c) && len(c.Spec.Hooks.CreateContainer) > 0
		},
	},
	{
		Name:   "v2: cgroup mounts with a user namespace and a joined cgroup namespace",
		Reason: "create fails: mount cgroup2: operation not permitted; runc binds the host's then.",
		Later:  "reported: 13",
		Key:    re(`^(do |exit$|report$|left|log errors)`),
		If: func(c *Case) bool {
			made, _ := c.has("user")
			_, joined := c.has("cgroup")
			return made && joined && hasMount("cgroup")(c)
		},
	},
	{
		Name:   "v2: source of cgroup mounts",
		Reason: "It is none, whatever source says.",
		Later:  "reported: 14",
		Key:    re(`^mount /sys/fs/cgroup( \(\d\))?$`),
		Where:  func(_ *Case, d Difference) bool { return sameBut(d, `from \w+`) },
	},
	{
		Name:   "a shared root leaves mounts on the host",
		Reason: "What is mounted below a bind appears at its source on the host, and stays.",
		Later:  "reported: 10",
		Key:    re(`^left mount`),
		If:     propagates("shared", "rshared"),
	},
	{
		Name:   "exec's terminal in a user namespace",
		Reason: "It is owned by nobody.",
		Later:  "reported: 12",
		Key:    re(`^exec \d (tty file|r:/dev|dev tty)`),
		If:     ownUser,
	},
	{
		Name:   "flags of cgroup mounts",
		Reason: "runc always has nosuid, nodev, noexec, and the tmpfs above stays rw.",
		Later:  "reported: 8",
		Key:    re(`^mount /sys/fs/cgroup(/\w+)? flags`),
	},
}

// sameBut reports whether the values are equal when what matches is left out.
func sameBut(d Difference, pattern string) bool {
	p := regexp.MustCompile(pattern)
	return p.ReplaceAllString(d.Rung, "") == p.ReplaceAllString(d.Runc, "")
}
