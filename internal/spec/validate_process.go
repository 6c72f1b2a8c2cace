package spec

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// maxID is the highest uid or gid.
const maxID = 1<<32 - 2

// process checks everything below process.
func (c *checker) process(p *specs.Process) {
	if p.Terminal && p.ConsoleSize != nil && (p.ConsoleSize.Height > 65535 || p.ConsoleSize.Width > 65535) {
		c.bad("height and width must be at most 65535", "process", "consoleSize") // struct winsize
	}
	if len(p.Args) == 0 {
		c.bad("must have at least one entry", "process", "args")
	} else if p.Args[0] == "" {
		c.bad("must not be empty", "process", "args", 0)
	}
	for i, arg := range p.Args {
		if hasNUL(arg) {
			c.bad(msgNUL, "process", "args", i)
		}
	}
	c.env(p.Env, "process", "env")
	c.path(p.Cwd, "process", "cwd")
	c.user(&p.User)
	c.rlimits(p.Rlimits)
	if p.OOMScoreAdj != nil && (*p.OOMScoreAdj < -1000 || *p.OOMScoreAdj > 1000) {
		c.bad("must be from -1000 to 1000", "process", "oomScoreAdj")
	}
	c.label(p.ApparmorProfile, "process", "apparmorProfile")
	c.label(p.SelinuxLabel, "process", "selinuxLabel")
	c.scheduler(p.Scheduler)
	c.ioPriority(p.IOPriority)
	c.execCPUAffinity(p.ExecCPUAffinity)
}

// label checks the name of a profile or a label: it goes into a file of the kernel's as one line.
func (c *checker) label(text string, path ...any) {
	if strings.ContainsAny(text, "\x00\n") {
		c.bad("must not contain a NUL byte or a newline", path...)
	}
}

func (c *checker) user(u *specs.User) {
	var uids, gids []specs.LinuxIDMapping
	// Whether a joined user namespace has the maps of the configuration only the kernel knows.
	known := c.s.Linux != nil && c.ns[specs.UserNamespace].isNew()
	if known {
		uids, gids = c.s.Linux.UIDMappings, c.s.Linux.GIDMappings
	}
	check := func(id uint32, maps []specs.LinuxIDMapping, path ...any) {
		switch {
		case id > maxID:
			c.bad(msgID, path...)
		case known && len(maps) > 0 && !isMapped(id, maps):
			c.bad("not mapped in the user namespace", path...)
		}
	}
	check(u.UID, uids, "process", "user", "uid")
	check(u.GID, gids, "process", "user", "gid")
	c.keepGroups(u)
	for i, gid := range u.AdditionalGids {
		check(gid, gids, "process", "user", "additionalGids", i)
	}
	if u.Umask != nil && *u.Umask > 0o777 {
		c.bad("must be at most 0777 (511)", "process", "user", "umask")
	}
}

// isMapped reports whether the id exists in a user namespace with these maps.
func isMapped(id uint32, maps []specs.LinuxIDMapping) bool {
	for _, m := range maps {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return true
		}
	}
	return false
}

// limits are the resource limits that Linux has (getrlimit(2)).
var limits = [...]string{
	"RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS",
	"RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC",
	"RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK",
}

func (c *checker) rlimits(list []specs.POSIXRlimit) {
	seen := map[string]bool{}
	for i, l := range list {
		if !slices.Contains(limits[:], l.Type) {
			unknown(c, "resource limit", l.Type, limits[:], "process", "rlimits", i, "type")
			continue
		}
		if l.Soft > l.Hard {
			c.bad("soft limit is higher than the hard limit", "process", "rlimits", i)
		}
		if seen[l.Type] {
			c.bad("duplicate "+l.Type, "process", "rlimits", i, "type")
		}
		seen[l.Type] = true
	}
}

// Warnings returns what deserves a warning and, by the runtime-spec, no error, as far as the
// configuration alone tells.
func Warnings(s *specs.Spec) []string { return oddities(s).texts() }

func oddities(s *specs.Spec) (odd Errors) {
	if s.Linux != nil {
		odd.ofResources(s.Linux.Resources)
		odd.ofPersonality(s.Linux.Personality)
	}
	odd.ofMaps(s)
	if s.Process != nil {
		odd.ofProcess(s.Process)
	}
	return odd
}

// ofMaps is about maps of ids that map nothing.
func (e *Errors) ofMaps(s *specs.Spec) {
	if s.Linux == nil || len(s.Linux.UIDMappings)+len(s.Linux.GIDMappings) == 0 || namespacesOf(s)[specs.UserNamespace].set {
		return
	}
	e.add("ignored, linux.namespaces has no user namespace", "linux.uidMappings, linux.gidMappings")
}

// ofPersonality is about flags, of which the runtime-spec defines none.
func (e *Errors) ofPersonality(p *specs.LinuxPersonality) {
	if p != nil && len(p.Flags) > 0 {
		names := make([]string, len(p.Flags))
		for i, f := range p.Flags {
			names[i] = quote(string(f))
		}
		e.add("ignored, the specification has no flags: "+strings.Join(names, ", "), "linux", "personality", "flags")
	}
}

// ProcessWarnings is [Warnings] for a process alone.
func ProcessWarnings(p *specs.Process) []string {
	var odd Errors
	odd.ofProcess(p)
	return odd.texts()
}

func (e *Errors) ofProcess(p *specs.Process) {
	if s := p.Scheduler; s != nil && s.Nice != 0 && s.Policy != specs.SchedOther && s.Policy != specs.SchedBatch {
		e.add("ignored, policy "+string(s.Policy)+" has no nice value", "process", "scheduler", "nice")
	}
}
