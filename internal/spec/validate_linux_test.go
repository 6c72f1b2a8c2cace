package spec

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestValidateDevices(t *testing.T) {
	devices := func(list ...specs.LinuxDevice) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Linux.Devices = list }
	}
	mode := func(m os.FileMode) specs.LinuxDevice {
		return specs.LinuxDevice{Path: "/dev/x", Type: "c", FileMode: &m}
	}
	check(t, []rule{
		{"legal", devices(
			specs.LinuxDevice{Path: "/dev/a", Type: "b", Major: 4095, Minor: 1048575, UID: ptr(uint32(maxID)), GID: ptr(uint32(maxID))},
			specs.LinuxDevice{Path: "/dev/b", Type: "u"}, specs.LinuxDevice{Path: "/dev/p", Type: "p", Major: -1, Minor: -1}), nil},
		{"type", devices(specs.LinuxDevice{Path: "/dev/a", Type: "a"}, specs.LinuxDevice{Path: "/dev/b"}), []string{
			`linux.devices[0].type: unknown type "a", must be b, c, u or p`, `linux.devices[1].type: unknown type "", must be b, c, u or p`,
		}},
		{"path", devices(specs.LinuxDevice{Type: "c"}, specs.LinuxDevice{Path: "x", Type: "c"}, specs.LinuxDevice{Path: "/.", Type: "c"}), []string{
			"linux.devices[0].path: required", "linux.devices[1].path: must be an absolute path", "linux.devices[2].path: must not be the root of the container",
		}},
		{"numbers", devices(specs.LinuxDevice{Path: "/a", Type: "c", Major: -1, Minor: -1}, specs.LinuxDevice{Path: "/b", Type: "b", Major: 4096, Minor: 1048576}), []string{
			"linux.devices[0].major: must be from 0 to 4095", "linux.devices[0].minor: must be from 0 to 1048575",
			"linux.devices[1].major: must be from 0 to 4095", "linux.devices[1].minor: must be from 0 to 1048575",
		}},
		{"mode", devices(mode(0o7777)), nil},
		{"mode with type", devices(mode(0o020666)), nil},
		{"mode of Go", devices(mode(os.ModeDevice | 0o666)), []string{"linux.devices[0].fileMode: must be at most 07777 (4095)"}},
		{"ids", devices(specs.LinuxDevice{Path: "/a", Type: "c", UID: ptr(uint32(maxID + 1)), GID: ptr(uint32(maxID + 1))}), []string{
			"linux.devices[0].uid: must be at most 4294967294", "linux.devices[0].gid: must be at most 4294967294",
		}},
		{"same again", devices(specs.LinuxDevice{Path: "/a", Type: "c"}, specs.LinuxDevice{Path: "/x/../a", Type: "u", UID: ptr(uint32(1))}), nil},
		{"other number", devices(specs.LinuxDevice{Path: "/a", Type: "c", Minor: 3}, specs.LinuxDevice{Path: "/a", Type: "c", Minor: 4}), []string{
			"linux.devices[1].path: already is a device of type c, 0:3",
		}},
		{"two FIFOs", devices(specs.LinuxDevice{Path: "/a", Type: "p", Minor: 3}, specs.LinuxDevice{Path: "/a", Type: "p", Minor: 4}), nil},
		{"another type", devices(specs.LinuxDevice{Path: "/a", Type: "c"}, specs.LinuxDevice{Path: "/a/", Type: "b"}), []string{
			"linux.devices[1].path: already is a device of type c, 0:0",
		}},
	})
}

func TestValidateLinux(t *testing.T) {
	l := func(f func(*specs.Linux)) func(*specs.Spec) { return func(s *specs.Spec) { f(s.Linux) } }
	rules := []rule{
		{"mistyped propagation", l(func(l *specs.Linux) { l.RootfsPropagation = "rpirvate" }), []string{`linux.rootfsPropagation: unknown propagation "rpirvate"; did you mean rprivate?`}},
		{"propagation", l(func(l *specs.Linux) { l.RootfsPropagation = "bogus" }), []string{`linux.rootfsPropagation: unknown propagation "bogus"`}},
		{"masked", l(func(l *specs.Linux) { l.MaskedPaths = []string{"/x", "", "x", "/", "/.."} }), []string{
			"linux.maskedPaths[1]: required", "linux.maskedPaths[2]: must be an absolute path",
			"linux.maskedPaths[3]: must not be the root of the container", "linux.maskedPaths[4]: must not be the root of the container",
		}},
		{"readonly", l(func(l *specs.Linux) { l.ReadonlyPaths = []string{"x\x00", "/x\x00"} }), []string{
			"linux.readonlyPaths[0]: must be an absolute path", "linux.readonlyPaths[1]: must not contain a NUL byte",
		}},
		{"cgroup", l(func(l *specs.Linux) { l.CgroupsPath = "a.slice:b:c" }), nil},
		{"cgroup newline", l(func(l *specs.Linux) { l.CgroupsPath = "/a\nb" }), []string{"linux.cgroupsPath: must not contain a NUL byte or a newline"}},
		{"cgroup NUL", l(func(l *specs.Linux) { l.CgroupsPath = "/a\x00b" }), []string{"linux.cgroupsPath: must not contain a NUL byte or a newline"}},
		{"cgroup length", l(func(l *specs.Linux) { l.CgroupsPath = strings.Repeat("/a", 2048) }), []string{"linux.cgroupsPath: must be at most 4095 bytes long"}},
		{"cgroup above", l(func(l *specs.Linux) { l.CgroupsPath = "x/../y" }), []string{`linux.cgroupsPath: ".." is not allowed`}},
		{"cgroup dots", l(func(l *specs.Linux) { l.CgroupsPath = "a..b:..:c" }), nil},
		{"cgroup root", l(func(l *specs.Linux) { l.CgroupsPath = "/./" }), []string{"linux.cgroupsPath: a container can't use the root cgroup"}},
		{"limits", l(func(l *specs.Linux) {
			l.Resources = &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(-1))}, Pids: &specs.LinuxPids{Limit: ptr(int64(-1))}}
		}), nil},
		{"low limits", l(func(l *specs.Linux) {
			l.Resources = &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(-2))}, Pids: &specs.LinuxPids{Limit: ptr(int64(-2))}}
		}), []string{"linux.resources.memory.limit: must be -1 for no limit, or more", "linux.resources.pids.limit: must be -1 for no limit, or more"}},
		{"device rules", l(func(l *specs.Linux) {
			l.Resources = &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{
				{Type: "a", Access: "rwm"},
				{Type: "b", Access: "m", Major: ptr(int64(-1)), Minor: ptr(int64(5))},
				{Type: "p", Access: ""},
				{Type: "c", Access: "a", Major: ptr(int64(-2)), Minor: ptr(int64(1 << 32))},
				{Access: "x"},
				{Type: "c", Access: "rwa"},
			}}
		}), []string{
			`linux.resources.devices[2].type: unknown type "p", must be a, b or c`, "linux.resources.devices[2].access: must be one or more of r, w and m",
			"linux.resources.devices[3].access: must be one or more of r, w and m",
			"linux.resources.devices[3].major: must be -1 for all, or from 0 to 4294967295", "linux.resources.devices[3].minor: must be -1 for all, or from 0 to 4294967295",
		}},
	}
	for _, mode := range []string{"", "shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"} {
		rules = append(rules, rule{mode, l(func(l *specs.Linux) { l.RootfsPropagation = mode }), nil})
	}
	check(t, rules)
}

func TestSysctlPath(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"net.ipv4.ip_forward", "net/ipv4/ip_forward"},
		{"net/ipv4/ip_forward", "net/ipv4/ip_forward"},
		{"net/ipv4/conf/eth0.1/rp_filter", "net/ipv4/conf/eth0.1/rp_filter"},
		{"net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter"},
		{"kernel", "kernel"},
		{"net/.../x", "net/.../x"},
		{"", ""},
		{".", ""},
		{"/", ""},
		{"net.", ""},
		{".net", ""},
		{"/net/x", ""},
		{"net..x", ""},
		{"net//x", ""},
		{"net/../kernel/core_pattern", ""},
		{"net/../kernel.core_pattern", ""},
		{"net./../kernel.core_pattern", ""},
		{"net.//.kernel", ""},
		{"net/./x", ""},
		{"..", ""},
		{"net.x\n", ""},
		{"net.x\x00", ""},
		{"net.\x7f", ""},
		{"fs.mqueue.x/../../..", ""},
	} {
		got, err := SysctlPath(tt.name)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("SysctlPath(%q) = %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func FuzzSysctlPath(f *testing.F) {
	for _, name := range []string{"net.ipv4.ip_forward", "net/ipv4/conf/eth0.1/rp_filter", "net./../kernel", "..", "a/b.c/../d"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		path, err := SysctlPath(name)
		if err != nil {
			return
		}
		if len(path) != len(name) || strings.HasPrefix(path, "/") || strings.ContainsAny(path, "\x00\n") {
			t.Errorf("SysctlPath(%q) = %q", name, path)
		}
		for _, part := range strings.Split(path, "/") {
			if part == "" || part == "." || part == ".." {
				t.Errorf("SysctlPath(%q) = %q", name, path)
			}
		}
		// Written with the other separator it is the same sysctl.
		if again, err := SysctlPath(path); strings.IndexAny(path, "./") >= 0 && path[strings.IndexAny(path, "./")] == '/' && (again != path || err != nil) {
			t.Errorf("SysctlPath(%q) = %q, %v, want the same", path, again, err)
		}
	})
}

// The recipes of R21: what is not of a namespace that the container has is refused.
func TestValidateSysctl(t *testing.T) {
	set := func(name, value string, change ...func(*specs.Spec)) func(*specs.Spec) {
		return func(s *specs.Spec) {
			s.Linux.Sysctl = map[string]string{name: value}
			for _, f := range change {
				f(s)
			}
		}
	}
	no := func(ns specs.LinuxNamespaceType) func(*specs.Spec) {
		return func(s *specs.Spec) {
			without(s, ns)
			s.Hostname = ""
		}
	}
	user := func(s *specs.Spec) { userns(s, specs.LinuxIDMapping{HostID: 1, Size: 6}) }
	host := "not a sysctl of a namespace, it would change the host"
	parts := `sysctl name has an empty, "." or ".." part`
	var rules []rule
	for _, name := range []string{"msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"} {
		rules = append(rules,
			rule{name, set("kernel."+name, "1"), nil},
			rule{name, set("kernel/"+name, "1", no("ipc")), []string{`linux.sysctl["kernel/` + name + `"]: needs linux.namespaces to list "ipc"`}})
	}
	for name, msg := range map[string]string{
		"kernel.core_pattern": host, "kernel/core_pattern": host, "kernel.msg_next_id": host, "kernel.yama.ptrace_scope": host,
		"vm.overcommit_memory": host, "fs.file-max": host, "fs.mqueue": host, "net": host, "network.x": host, "users.x": host, "x": host,
		"kernel.hostname":            "set the field hostname instead",
		"net/../kernel/core_pattern": parts, "net./../kernel.core_pattern": parts, "fs.mqueue.x/../../..": parts, "net.": parts, "": "empty sysctl name",
		"+kernel.core_pattern": host, "net.x\ny": "sysctl name contains a control character",
	} {
		rules = append(rules, rule{name, set(name, "1"), []string{"linux.sysctl[" + quote(name) + "]: " + msg}})
	}
	rules = append(rules, []rule{
		{"net", set("net.ipv4.ip_forward", "1"), nil},
		{"net, slashes", set("net/ipv4/conf/eth0.1/rp_filter", "1"), nil},
		{"net, joined", set("net.x", "1", func(s *specs.Spec) { joined(s, "network") }), nil},
		{"net, host", set("net.x", "1", no("network")), []string{`linux.sysctl["net.x"]: needs linux.namespaces to list "network"`}},
		{"mqueue", set("fs.mqueue.msg_max", "1"), nil},
		{"mqueue, host", set("fs.mqueue.msg_max", "1", no("ipc")), []string{`linux.sysctl["fs.mqueue.msg_max"]: needs linux.namespaces to list "ipc"`}},
		{"domainname", set("kernel.domainname", "x"), nil},
		{"domainname, host", set("kernel.domainname", "x", no("uts")), []string{`linux.sysctl["kernel.domainname"]: needs linux.namespaces to list "uts"`}},
		{"user, none", set("user.max_user_namespaces", "1"), []string{`linux.sysctl["user.max_user_namespaces"]: needs a new user namespace`}},
		{"user, joined", set("user.x", "1", func(s *specs.Spec) { joined(s, "user") }), []string{`linux.sysctl["user.x"]: needs a new user namespace`}},
		{"user, new", set("user.x", "1", user), nil},
		{"newline", set("net.x", "1\n2"), []string{`linux.sysctl["net.x"]: value must not contain a NUL byte, or a newline before its end`}},
		{"line", set("net.x", "1\n"), nil},
		{"NUL", set("net.x", "1\x00"), []string{`linux.sysctl["net.x"]: value must not contain a NUL byte, or a newline before its end`}},
	}...)
	check(t, rules)
}
