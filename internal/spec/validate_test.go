package spec

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// A rule is a change to a valid configuration and the errors that it must give: each a whole
// "path: message". No errors means that the change is legal.
type rule struct {
	name   string
	change func(*specs.Spec)
	want   []string
}

func check(t *testing.T, rules []rule) {
	t.Helper()
	for _, r := range rules {
		s := Example()
		r.change(s)
		var got []string
		list, _ := errors.AsType[Errors](Validate(s))
		for _, e := range list {
			got = append(got, e.Error())
		}
		if !slices.Equal(got, r.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", r.name, got, r.want)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func without(s *specs.Spec, types ...specs.LinuxNamespaceType) {
	s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool {
		return slices.Contains(types, n.Type)
	})
}

func joined(s *specs.Spec, t specs.LinuxNamespaceType) {
	without(s, t)
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: t, Path: "/proc/2/ns/x"})
}

// userns gives the configuration a new user namespace with the given maps.
func userns(s *specs.Spec, maps ...specs.LinuxIDMapping) {
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	s.Linux.UIDMappings = maps
	s.Linux.GIDMappings = maps
}

func TestValidateTop(t *testing.T) {
	version := func(v string) func(*specs.Spec) { return func(s *specs.Spec) { s.Version = v } }
	var rules []rule
	for _, v := range []string{"1.0", "1.0.0", "1.0.2-dev", "1.3.0", "1.99.7-rc.1+build.5", "1.1.0+dev", "1.0.0-rc1"} {
		rules = append(rules, rule{v, version(v), nil})
	}
	for _, v := range []string{"1", "1.", "1.0.", "x", "1.0.0.0", "1.01.0", "1.0.0-", "1.0.0-a..b", "1.0.0+", "v1.0.0", "1.0.0 ", "-1.0", "1.0.0-é", "1.0.0\n"} {
		rules = append(rules, rule{v, version(v), []string{"ociVersion: " + quote(v) + " is not a version"}})
	}
	for _, v := range []string{"2.0.0", "0.9.1", "10.0.0"} {
		rules = append(rules, rule{v, version(v), []string{"ociVersion: version " + v + " is not supported, only 1.x is"}})
	}
	rules = append(rules, []rule{
		{"example", func(*specs.Spec) {}, nil},
		{"no version", version(""), []string{"ociVersion: required"}},
		{"no process", func(s *specs.Spec) { s.Process = nil }, nil},
		{"no linux", func(s *specs.Spec) { s.Linux, s.Mounts, s.Hostname, s.Root.Readonly = nil, nil, "", false }, nil},
		{"no root", func(s *specs.Spec) { s.Root = nil }, []string{"root: required"}},
		{"no root path", func(s *specs.Spec) { s.Root.Path = "" }, []string{"root.path: required"}},
		{"NUL in root path", func(s *specs.Spec) { s.Root.Path = "a\x00" }, []string{"root.path: must not contain a NUL byte"}},
		{"host name", func(s *specs.Spec) { s.Hostname = strings.Repeat("a", 64) }, nil},
		{"long host name", func(s *specs.Spec) { s.Hostname = strings.Repeat("a", 65) }, []string{"hostname: must be at most 64 bytes long"}},
		{"newline in host name", func(s *specs.Spec) { s.Hostname = "a\n" }, []string{"hostname: must not contain a NUL byte or a newline"}},
		{"NUL in domain name", func(s *specs.Spec) { s.Domainname = "a\x00" }, []string{"domainname: must not contain a NUL byte or a newline"}},
		{
			"names without uts", func(s *specs.Spec) { s.Domainname = "d"; without(s, specs.UTSNamespace) },
			[]string{`hostname: needs linux.namespaces to list "uts"`, `domainname: needs linux.namespaces to list "uts"`},
		},
		{"names in a joined uts", func(s *specs.Spec) { s.Domainname = "d"; joined(s, specs.UTSNamespace) }, nil},
		{
			"empty annotation key", func(s *specs.Spec) { s.Annotations = map[string]string{"": "x", "a": ""} },
			[]string{`annotations[""]: must not be empty`},
		},
	}...)
	check(t, rules)
}

func TestValidateHooks(t *testing.T) {
	hook := func(h specs.Hook) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Path: "/ok"}, h}} }
	}
	check(t, []rule{
		{"hook", hook(specs.Hook{Path: "/x", Args: []string{"x", ""}, Env: []string{"A=", "B=C=D"}, Timeout: ptr(1)}), nil},
		{"relative hook", hook(specs.Hook{Path: "x"}), []string{"hooks.poststop[1].path: must be an absolute path"}},
		{"no hook path", hook(specs.Hook{}), []string{"hooks.poststop[1].path: required"}},
		{"timeout 0", hook(specs.Hook{Path: "/x", Timeout: ptr(0)}), []string{"hooks.poststop[1].timeout: must be more than 0 seconds"}},
		{"timeout -1", hook(specs.Hook{Path: "/x", Timeout: ptr(-1)}), []string{"hooks.poststop[1].timeout: must be more than 0 seconds"}},
		{"env", hook(specs.Hook{Path: "/x", Env: []string{"A=B", "A", "=B", ""}}), []string{
			`hooks.poststop[1].env[1]: "A": invalid environment variable: missing '='`, `hooks.poststop[1].env[2]: "=B": invalid environment variable: name cannot be empty`, `hooks.poststop[1].env[3]: "": invalid environment variable: missing '='`,
		}},
		{"NUL", hook(specs.Hook{Path: "/x\x00", Args: []string{"\x00"}, Env: []string{"A=\x00"}}), []string{
			"hooks.poststop[1].path: must not contain a NUL byte", "hooks.poststop[1].args[0]: must not contain a NUL byte", "hooks.poststop[1].env[0]: must not contain a NUL byte",
		}},
		{"every list", func(s *specs.Spec) {
			bad := []specs.Hook{{Path: "x"}}
			s.Hooks = &specs.Hooks{Prestart: bad, CreateRuntime: bad, CreateContainer: bad, StartContainer: bad, Poststart: bad, Poststop: bad}
		}, []string{
			"hooks.prestart[0].path: must be an absolute path", "hooks.createRuntime[0].path: must be an absolute path",
			"hooks.createContainer[0].path: must be an absolute path", "hooks.startContainer[0].path: must be an absolute path",
			"hooks.poststart[0].path: must be an absolute path", "hooks.poststop[0].path: must be an absolute path",
		}},
	})
}

func TestValidateProcess(t *testing.T) {
	p := func(f func(*specs.Process)) func(*specs.Spec) { return func(s *specs.Spec) { f(s.Process) } }
	rlimit := func(l ...specs.POSIXRlimit) func(*specs.Spec) {
		return p(func(p *specs.Process) { p.Rlimits = l })
	}
	rules := []rule{
		{"no args", p(func(p *specs.Process) { p.Args = nil }), []string{"process.args: must have at least one entry"}},
		{"empty args[0]", p(func(p *specs.Process) { p.Args = []string{"", ""} }), []string{"process.args[0]: must not be empty"}},
		{"empty args[1]", p(func(p *specs.Process) { p.Args = []string{"a", ""} }), nil},
		{"NUL in args", p(func(p *specs.Process) { p.Args = []string{"a", "b\x00"} }), []string{"process.args[1]: must not contain a NUL byte"}},
		{"env", p(func(p *specs.Process) { p.Env = []string{"A=", "A", "=", "B=\x00"} }), []string{
			`process.env[1]: "A": invalid environment variable: missing '='`, `process.env[2]: "=": invalid environment variable: name cannot be empty`, "process.env[3]: must not contain a NUL byte",
		}},
		{"no cwd", p(func(p *specs.Process) { p.Cwd = "" }), []string{"process.cwd: required"}},
		{"relative cwd", p(func(p *specs.Process) { p.Cwd = "x" }), []string{"process.cwd: must be an absolute path"}},
		{"NUL in cwd", p(func(p *specs.Process) { p.Cwd = "/\x00" }), []string{"process.cwd: must not contain a NUL byte"}},
		{"ids", p(func(p *specs.Process) { p.User.UID, p.User.GID, p.User.AdditionalGids = maxID, maxID, []uint32{maxID} }), nil},
		{"ids that are none", p(func(p *specs.Process) {
			p.User.UID, p.User.GID, p.User.AdditionalGids = maxID+1, maxID+1, []uint32{0, maxID + 1}
		}), []string{
			"process.user.uid: must be at most 4294967294", "process.user.gid: must be at most 4294967294",
			"process.user.additionalGids[1]: must be at most 4294967294",
		}},
		{"umask", p(func(p *specs.Process) { p.User.Umask = ptr(uint32(0o777)) }), nil},
		{"big umask", p(func(p *specs.Process) { p.User.Umask = ptr(uint32(0o1000)) }), []string{"process.user.umask: must be at most 0777 (511)"}},
		{"oom", p(func(p *specs.Process) { p.OOMScoreAdj = ptr(-1000) }), nil},
		{"low oom", p(func(p *specs.Process) { p.OOMScoreAdj = ptr(-1001) }), []string{"process.oomScoreAdj: must be from -1000 to 1000"}},
		{"high oom", p(func(p *specs.Process) { p.OOMScoreAdj = ptr(1001) }), []string{"process.oomScoreAdj: must be from -1000 to 1000"}},
		{"console", p(func(p *specs.Process) { p.ConsoleSize = &specs.Box{Height: 65535, Width: 65535} }), nil},
		{"big console", p(func(p *specs.Process) { p.ConsoleSize = &specs.Box{Width: 65536} }), []string{"process.consoleSize: height and width must be at most 65535"}},
		{"big console without terminal", p(func(p *specs.Process) { p.Terminal, p.ConsoleSize = false, &specs.Box{Width: 65536} }), nil},
		{"unknown capability", p(func(p *specs.Process) { p.Capabilities.Bounding = []string{"CAP_TEST"} }), nil},
		{"mistyped rlimit", rlimit(specs.POSIXRlimit{Type: "RLIMIT_NOFILES"}), []string{`process.rlimits[0].type: unknown resource limit "RLIMIT_NOFILES"; did you mean RLIMIT_NOFILE?`}},
		{"unknown rlimit", rlimit(specs.POSIXRlimit{Type: "RLIMIT_X"}), []string{`process.rlimits[0].type: unknown resource limit "RLIMIT_X"`}},
		{"soft above hard", rlimit(specs.POSIXRlimit{Type: "RLIMIT_CPU", Soft: 2, Hard: 1}), []string{"process.rlimits[0]: soft limit is higher than the hard limit"}},
		{"unlimited", rlimit(specs.POSIXRlimit{Type: "RLIMIT_CPU", Soft: 1<<64 - 1, Hard: 1<<64 - 1}), nil},
		{
			"twice", rlimit(specs.POSIXRlimit{Type: "RLIMIT_CPU"}, specs.POSIXRlimit{Type: "RLIMIT_AS"}, specs.POSIXRlimit{Type: "RLIMIT_CPU"}),
			[]string{"process.rlimits[2].type: duplicate RLIMIT_CPU"},
		},
	}
	for _, name := range []string{"AS", "CORE", "CPU", "DATA", "FSIZE", "LOCKS", "MEMLOCK", "MSGQUEUE", "NICE", "NOFILE", "NPROC", "RSS", "RTPRIO", "RTTIME", "SIGPENDING", "STACK"} {
		rules = append(rules, rule{name, rlimit(specs.POSIXRlimit{Type: "RLIMIT_" + name}), nil})
	}
	check(t, rules)

	s := Example()
	err := ValidateProcess(&specs.Process{Args: []string{"a"}, Cwd: "x", SelinuxLabel: "l\n"}, s)
	if want := "process.cwd: must be an absolute path; process.selinuxLabel: must not contain a NUL byte or a newline"; err == nil || err.Error() != want {
		t.Errorf("ValidateProcess: %v, want %s", err, want)
	}
	if err := ValidateProcess(s.Process, s); err != nil {
		t.Errorf("ValidateProcess of the example: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	s := Example()
	if got := Warnings(s); got != nil {
		t.Errorf("Warnings(example) = %q, want none", got)
	}
	s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedIdle, Nice: 3}
	s.Linux.Resources.Devices = append(s.Linux.Resources.Devices, specs.LinuxDeviceCgroup{Type: "c", Access: "rwa"})
	want := []string{
		`linux.resources.devices[1].access: only r, w and m count in "rwa"`,
		`process.scheduler.nice: ignored, policy SCHED_IDLE has no nice value`,
	}
	if got := Warnings(s); !slices.Equal(got, want) {
		t.Errorf("Warnings = %q, want %q", got, want)
	}
	s.Process, s.Linux.Resources = nil, nil
	if got := Warnings(s); got != nil {
		t.Errorf("Warnings without a process = %q, want none", got)
	}
}

func TestValidateMounts(t *testing.T) {
	mount := func(m specs.Mount) func(*specs.Spec) { return func(s *specs.Spec) { s.Mounts = []specs.Mount{m} } }
	bindTo := func(destination string, options ...string) func(*specs.Spec) {
		return mount(specs.Mount{Destination: destination, Type: "x", Source: "s", Options: append(options, "bind")})
	}
	var rules []rule
	for _, d := range []string{"/a", "a", "a/../b", "/proc", "/proc/", "/process", "/proc/../x", "/proc/cpuinfo", "/proc/./stat", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled"} {
		rules = append(rules, rule{d, bindTo(d), nil})
	}
	for _, d := range []string{"/", "//", ".", "a/..", "/../"} {
		rules = append(rules, rule{d, bindTo(d), []string{"mounts[0].destination: must not be the root of the container"}})
	}
	for _, d := range []string{"/proc/self", "proc/self/attr", "/proc/sys", "/proc/thread-self/attr", "/proc/net/dev", "/x/../proc/sys", "/proc/../proc/sys", "//proc//self", "/proc/cpuinfo/x", "/proc/sys/kernel"} {
		rules = append(rules, rule{d, bindTo(d), []string{"mounts[0].destination: must not be inside /proc"}})
	}
	onlyProc := []string{"mounts[0].destination: only a mount of type proc or a bind mount of one may be on /proc"}
	rules = append(rules, []rule{
		{"no destination", bindTo(""), []string{"mounts[0].destination: required"}},
		{"proc", mount(specs.Mount{Destination: "/proc/", Type: "proc"}), nil},
		{"tmpfs on proc", mount(specs.Mount{Destination: "/proc/", Type: "tmpfs"}), onlyProc},
		{
			"bind without option", mount(specs.Mount{Destination: "/a", Type: "bind", Source: "/b", Options: []string{"ro"}}),
			[]string{`mounts[0].type: "bind" needs the option "bind" or "rbind"`},
		},
		{"bind without type", mount(specs.Mount{Destination: "/a", Source: "/b", Options: []string{"rbind"}}), nil},
		{"no type", mount(specs.Mount{Destination: "/a", Source: "/b"}), []string{`mounts[0].type: required, unless the options have "bind" or "rbind"`}},
		{"remount", mount(specs.Mount{Destination: "/a", Options: []string{"remount", "ro"}}), nil},
		{"bind without source", mount(specs.Mount{Destination: "/a", Type: "bind", Options: []string{"bind"}}), []string{"mounts[0].source: required"}},
		{"bind with data", bindTo("/a", "size=1k", "nosuid", "x"), []string{
			`mounts[0].options: "size=1k" is not an option of a bind mount`, `mounts[0].options: "x" is not an option of a bind mount`,
		}},
		{"bind with everything", bindTo("/a", "rro", "rshared", "private", "nosuid", "relatime", "silent"), nil},
		{"copy-up", mount(specs.Mount{Destination: "/a", Type: "tmpfs", Options: []string{"tmpcopyup", "size=1k"}}), nil},
		{"copy-up elsewhere", mount(specs.Mount{Destination: "/a", Type: "ramfs", Options: []string{"tmpcopyup"}}), []string{`mounts[0].options: "tmpcopyup" is for the type tmpfs only`}},
		{"copy-up of a bind", bindTo("/a", "tmpcopyup"), []string{`mounts[0].options: "tmpcopyup" is for the type tmpfs only`}},
		{"NUL", mount(specs.Mount{Destination: "/a\x00", Type: "t\x00", Source: "s\x00", Options: []string{"o"}}), []string{
			"mounts[0].destination: must not contain a NUL byte", "mounts[0].type: must not contain a NUL byte", "mounts[0].source: must not contain a NUL byte",
		}},
		{"NUL in option", mount(specs.Mount{Destination: "/a", Type: "tmpfs", Options: []string{"o\x00"}}), []string{"mounts[0].options: mount option contains a NUL byte"}},
	}...)
	check(t, rules)
}

func TestValidateIDMap(t *testing.T) {
	one := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 1}}
	mapped := func(m specs.Mount, uids, gids []specs.LinuxIDMapping) func(*specs.Spec) {
		m.UIDMappings, m.GIDMappings = uids, gids
		return func(s *specs.Spec) { s.Mounts[0] = m }
	}
	bind := specs.Mount{Destination: "/a", Source: "/", Options: []string{"bind"}}
	with := func(words ...string) specs.Mount {
		m := bind
		m.Options = append([]string{"bind"}, words...)
		return m
	}
	const both = "id-mapped mounts must have both uid and gid mappings specified"
	check(t, []rule{
		{"mappings", mapped(bind, one, one), nil},
		{"mappings and option", mapped(with("ridmap"), one, one), nil},
		{"tmpfs", mapped(specs.Mount{Destination: "/a", Type: "tmpfs"}, one, one), nil},
		{"option in a user namespace", func(s *specs.Spec) {
			s.Mounts = []specs.Mount{with("idmap")}
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: "user"})
			s.Linux.UIDMappings, s.Linux.GIDMappings = one, one
		}, nil},
		{"option without mappings", mapped(with("idmap"), nil, nil), []string{
			"mounts[0].options: an id-mapped mount needs uidMappings and gidMappings, or a user namespace to take them from",
		}},
		{"no gids", mapped(bind, one, nil), []string{"mounts[0].gidMappings: " + both}},
		{"no uids", mapped(bind, nil, one), []string{"mounts[0].uidMappings: " + both}},
		{"other type", mapped(specs.Mount{Destination: "/a", Type: "proc"}, one, one), []string{"mounts[0].type: only bind mounts and tmpfs can be id-mapped"}},
		{"copy-up", mapped(specs.Mount{Destination: "/a", Type: "tmpfs", Options: []string{"tmpcopyup"}}, one, one), []string{`mounts[0].options: "tmpcopyup" can't be id-mapped`}},
		{"remount", mapped(with("remount"), one, one), []string{"mounts[0].options: a mount can't be id-mapped by a remount"}},
		{"size 0", mapped(bind, []specs.LinuxIDMapping{{Size: 0}}, one), []string{"mounts[0].uidMappings[0].size: must not be 0"}},
	})
}

func TestValidateMountNamespace(t *testing.T) {
	everything := func(s *specs.Spec) {
		s.Linux.RootfsPropagation = "slave"
		s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "c"}}
	}
	inUser := func(s *specs.Spec) {
		everything(s)
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		some := []specs.LinuxIDMapping{{Size: 100}}
		s.Linux.UIDMappings, s.Linux.GIDMappings = some, some
	}
	var want []string
	for _, field := range []string{"root.readonly", "mounts", "linux.devices", "linux.rootfsPropagation", "linux.maskedPaths", "linux.readonlyPaths"} {
		want = append(want, field+": needs a new mount namespace, as there is a new user namespace")
	}
	check(t, []rule{
		{"new", everything, nil},
		{"none", func(s *specs.Spec) { everything(s); without(s, specs.MountNamespace) }, nil},
		{"joined", func(s *specs.Spec) { everything(s); joined(s, specs.MountNamespace) }, nil},
		{"none, in a user namespace", func(s *specs.Spec) { inUser(s); without(s, specs.MountNamespace) }, want},
		{"joined, in a user namespace", func(s *specs.Spec) { inUser(s); joined(s, specs.MountNamespace) }, want},
		{"none, and nothing to mount", func(s *specs.Spec) {
			without(s, specs.MountNamespace)
			s.Root.Readonly, s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = false, nil, nil, nil
		}, nil},
	})
}

func TestValidateNamespaces(t *testing.T) {
	ns := func(list ...specs.LinuxNamespace) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Linux.Namespaces = append(s.Linux.Namespaces, list...) }
	}
	m := func(container, host, size uint32) specs.LinuxIDMapping {
		return specs.LinuxIDMapping{ContainerID: container, HostID: host, Size: size}
	}
	user := func(maps ...specs.LinuxIDMapping) func(*specs.Spec) {
		return func(s *specs.Spec) { userns(s, m(0, 1000000, 6)); s.Linux.UIDMappings = maps }
	}
	many := func(n int, from uint32) (maps []specs.LinuxIDMapping) {
		for i := range n {
			maps = append(maps, m(uint32(i), from+uint32(i), 1))
		}
		return maps
	}
	tooLong := []string(nil)
	if os.Getpagesize() == 4096 {
		tooLong = []string{"linux.uidMappings: takes 5670 bytes as text, the kernel takes less than 4096"}
	}
	check(t, []rule{
		{"unknown", ns(specs.LinuxNamespace{Type: "net"}), []string{`linux.namespaces[6].type: unknown namespace "net"; did you mean network?`}},
		{"twice", ns(specs.LinuxNamespace{Type: "pid", Path: "/x"}), []string{"linux.namespaces[6].type: duplicate pid namespace"}},
		{"relative", func(s *specs.Spec) { s.Linux.Namespaces[0].Path = "x" }, []string{"linux.namespaces[0].path: must be an absolute path"}},
		{"NUL", func(s *specs.Spec) { s.Linux.Namespaces[0].Path = "/x\x00" }, []string{"linux.namespaces[0].path: must not contain a NUL byte"}},
		{"user", user(m(0, 1000, 1), m(1, 100000, 65535)), nil},
		{"user without maps", ns(specs.LinuxNamespace{Type: "user"}), []string{
			"linux.uidMappings: a new user namespace needs at least one", "linux.gidMappings: a new user namespace needs at least one",
		}},
		{"joined user without maps", ns(specs.LinuxNamespace{Type: "user", Path: "/x"}), nil},
		{"joined user with maps, of other ids", func(s *specs.Spec) {
			userns(s, m(5, 1000, 1))
			s.Linux.Namespaces[6].Path = "/x"
		}, nil},
		{"maps without user", func(s *specs.Spec) { s.Linux.UIDMappings = many(1, 0) }, nil}, // a warning
		{"size 0", user(m(0, 0, 1), m(1, 1, 0)), []string{"linux.uidMappings[1].size: must not be 0"}},
		{"last id", user(m(0, 0, 1<<32-1)), nil},
		{"container overflow", user(m(0, 0, 1), m(1<<32-2, 1, 2)), []string{"linux.uidMappings[1].size: reaches beyond the highest id, 4294967294"}},
		{"host overflow", user(m(0, 1<<32-1, 1)), []string{"linux.uidMappings[0].size: reaches beyond the highest id, 4294967294"}},
		{"container overlap", user(m(0, 1000, 10), m(9, 2000, 1)), []string{"linux.uidMappings[1].containerID: overlaps linux.uidMappings[0]"}},
		{"host overlap", user(m(0, 1000, 10), m(10, 999, 2)), []string{"linux.uidMappings[1].hostID: overlaps linux.uidMappings[0]"}},
		{"neighbours", user(m(0, 1000, 10), m(10, 990, 10)), nil},
		{"340", user(many(340, 400)...), nil},
		{"341", user(many(341, 400)...), []string{"linux.uidMappings: has 341 entries, the kernel takes at most 340"}},
		{"longer than a page", user(many(340, 4000000000)...), tooLong},
		{"unmapped ids", func(s *specs.Spec) {
			userns(s, m(0, 1000, 10))
			s.Process.User = specs.User{UID: 10, GID: 10, AdditionalGids: []uint32{9, 10}}
		}, []string{
			"process.user.uid: not mapped in the user namespace", "process.user.gid: not mapped in the user namespace",
			"process.user.additionalGids[1]: not mapped in the user namespace",
		}},
		{"time", func(s *specs.Spec) {
			ns(specs.LinuxNamespace{Type: "time"})(s)
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: -1, Nanosecs: 999999999}, "boottime": {}}
		}, nil},
		{"time, joined and wrong", func(s *specs.Spec) {
			ns(specs.LinuxNamespace{Type: "time", Path: "/x"})(s)
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Nanosecs: 1e9}, "realtime": {}}
		}, []string{
			"linux.timeOffsets: needs a new time namespace", `linux.timeOffsets["monotonic"].nanosecs: must be less than 1000000000`,
			`linux.timeOffsets["realtime"]: unknown clock, only monotonic and boottime have offsets`,
		}},
	})
}

// All problems come at once and on one line, and each can be had on its own.
func TestErrors(t *testing.T) {
	s := Example()
	s.Process.Cwd = ""
	err := Validate(s)
	if want := "config.json: process.cwd: required"; err == nil || err.Error() != want {
		t.Errorf("Validate: %v, want %s", err, want)
	}
	s.Root = nil
	err = Validate(s)
	if want := "config.json: root: required; process.cwd: required"; err == nil || err.Error() != want {
		t.Errorf("Validate: %v, want %s", err, want)
	}
	var field *FieldError
	if !errors.As(err, &field) || field.Path != "root" {
		t.Errorf("errors.As(%v) = %+v, want the error of root", err, field)
	}
	if Validate(Example()) != nil {
		t.Error("Validate of a valid configuration is not nil")
	}
	s.Process.Args[0] = strings.Repeat("x", 100)
	for range 100 {
		s.Process.Env = append(s.Process.Env, strings.Repeat("\n", 1000))
	}
	text := Validate(s).Error()
	if !strings.HasSuffix(text, "; and 82 more") || strings.Contains(text, "\n") || len(text) > 20000 {
		t.Errorf("Validate with 102 errors: %d bytes: %q", len(text), text)
	}
}
