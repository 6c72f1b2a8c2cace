package lifecycle

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// What is wrong with a bundle's mounts, parameters and image the doctor knows too, on the host and in a user namespace.
func TestDoctorForetellsBundle(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "no other runtime has a doctor")
	kind := func(kind, source string, options ...string) harness.Edit {
		return harness.AddMount(specs.Mount{Destination: "/v", Type: kind, Source: source, Options: options})
	}
	parameter := func(name, value string) harness.Edit {
		return func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{name: value} }
	}
	without := func(kind specs.LinuxNamespaceType) harness.Edit {
		return func(s *specs.Spec) {
			s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
		}
	}
	shares := func(n uint64) harness.Edit {
		return func(s *specs.Spec) { s.Linux.Resources.CPU = &specs.LinuxCPU{Shares: &n} }
	}
	device := func(path string) harness.Edit {
		return func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{{Path: path, Type: "c", Major: 1, Minor: 3}}
		}
	}
	filter := func(names ...string) harness.Edit {
		return func(s *specs.Spec) {
			s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: names, Action: specs.ActErrno}}}
		}
	}
	upper, work := harness.TempDir(t), harness.TempDir(t)
	cases := map[string]harness.Edit{
		"mapped group of terminals": kind("devpts", "devpts", "newinstance", "gid=5"),
		"a group of nobody":         kind("devpts", "devpts", "newinstance", "gid=3000000"),
		"proc of the host's":        without(specs.PIDNamespace),
		"queues of the host's":      func(s *specs.Spec) { without(specs.IPCNamespace)(s); kind("mqueue", "mqueue")(s) },
		"queues":                    kind("mqueue", "mqueue"),
		"nowhere to mount":          kind("tmpfs", "tmpfs"),
		"a disk that isn't there":   kind("ext4", "/dev/rung-none"),
		"a disk that is a file":     kind("ext4", "/etc/passwd"),
		"debugfs":                   kind("debugfs", "debugfs"),
		"a size":                    kind("tmpfs", "tmpfs", "size=1m"),
		"no size":                   kind("tmpfs", "tmpfs", "size=abc"),
		"no such option":            kind("tmpfs", "tmpfs", "colour=red"),
		"a file system of a user":   kind("tmpfs", "tmpfs", "uid=3000000"),
		"hidden processes":          kind("proc", "proc", "hidepid=2"),
		"how hidden":                kind("proc", "proc", "hidepid=9"),
		"no layers":                 kind("overlay", "overlay"),
		"one layer":                 kind("overlay", "overlay", "lowerdir=/etc"),
		"no lower layer":            kind("overlay", "overlay", "upperdir="+upper, "workdir="+work),
		"nowhere to work":           kind("overlay", "overlay", "lowerdir=/etc", "upperdir="+upper),
		"work in the upper layer":   kind("overlay", "overlay", "lowerdir=/etc", "upperdir="+upper, "workdir="+upper),
		"a layer that is a file":    kind("overlay", "overlay", "lowerdir=/etc/passwd:/etc"),
		"unknown to an overlay":     kind("overlay", "overlay", "lowerdir=/etc:/usr", "colour=red"),
		"a locked flag":             harness.AddMount(specs.Mount{Destination: "/v", Source: "/proc/sys", Options: []string{"bind", "exec", "rw"}}),
		"a domain":                  parameter("kernel.domainname", "example.org"),
		"shared memory":             parameter("kernel.shmmax", "1048576"),
		"some shared memory":        parameter("kernel.shmmax", "some"),
		"a route":                   parameter("net.ipv4.ip_forward", "1"),
		"a buffer of all":           parameter("net.core.rmem_max", "999999"),
		"one share":                 shares(1),
		"too many shares":           shares(300000),
		"no program":                harness.Args("/nonesuch"),
		"no program by name":        harness.Args("nonesuch"),
		"a program by name":         harness.Args("true"),
		"a program from nowhere":    func(s *specs.Spec) { s.Process.Cwd, s.Process.Args = "/none/such", []string{"bin/true"} },
		"a program from here":       harness.Args("bin/true"),
		"a file for a program":      harness.Args("/etc/passwd"),
		"a directory for a program": harness.Args("/bin"),
		"a directory of a file":     func(s *specs.Spec) { s.Process.Cwd = "/etc/passwd" },
		"a directory of nothing":    func(s *specs.Spec) { s.Process.Cwd = "/none/such" },
		"a mount on a file":         harness.AddMount(specs.Mount{Destination: "/etc/passwd", Type: "tmpfs", Source: "tmpfs"}),
		"a file on a directory":     harness.AddMount(specs.Mount{Destination: "/etc", Source: "/etc/passwd", Options: []string{"bind"}}),
		"from the image":            harness.AddMount(specs.Mount{Destination: "/v", Source: "rootfs/etc", Options: []string{"bind"}}),
		"not from the image":        harness.AddMount(specs.Mount{Destination: "/v", Source: "rootfs/none", Options: []string{"bind"}}),
		"a device in a file":        device("/etc/passwd"),
		"a device of its own":       device("/dev/mine"),
		"a filter for execve":       filter("execve"),
		"a filter for others":       filter("personality"),
	}
	user := func(s *specs.Spec) {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: firstID, Size: ids}}
		s.Linux.GIDMappings = s.Linux.UIDMappings
	}
	for where, around := range map[string]harness.Edit{"host": func(*specs.Spec) {}, "user namespace": user} {
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			t.Run(where+"/"+name, func(t *testing.T) {
				b := harness.New(t, around, cases[name])
				b.Write(t, "etc/passwd", "root:x:0:0::/:/bin/sh\n", 0o644)
				if name != "nowhere to mount" {
					b.Write(t, "v/there", "", 0o644)
				}
				foretells(t, b)
			})
		}
	}
}

// Of what mounts cover the doctor says nothing, and it follows the image's links as the container does.
func TestDoctorForetellsLinks(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "no other runtime has a doctor")
	for name, c := range map[string]struct {
		edit harness.Edit
		text string // of a script that is to be run
	}{
		"a script":         {harness.Args("/script"), "#!/bin/true\n"},
		"no interpreter":   {harness.Args("/script"), "#!/none/such\n"},
		"no format":        {harness.Args("/script"), "true\n"},
		"a link":           {harness.Args("/link"), "#!/bin/true\n"},
		"a link into none": {harness.Args("/wrong"), ""},
		"a link to a mount": {func(s *specs.Spec) {
			harness.AddMount(specs.Mount{Destination: "/mounted", Source: "rootfs/bin", Options: []string{"bind"}})(s)
			s.Process.Args = []string{"/elsewhere/true"}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, c.edit)
			b.Write(t, "script", c.text, 0o755)
			for link, target := range map[string]string{"link": "/script", "wrong": "/none", "elsewhere": "/mounted"} {
				if err := os.Symlink(target, b.Rootfs+"/"+link); err != nil {
					t.Fatal(err)
				}
			}
			foretells(t, b)
		})
	}
}

// What follows from two fields together, or from what every container has, the doctor knows.
func TestDoctorForetellsTogether(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "no other runtime has a doctor")
	device := func(path string) harness.Edit {
		return func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{{Path: path, Type: "c", Major: 1, Minor: 3}}
		}
	}
	hooks := func(h specs.Hooks) harness.Edit { return func(s *specs.Spec) { s.Hooks = &h } }
	hook := func(path string) []specs.Hook { return []specs.Hook{{Path: path}} }
	masked := func(path string) harness.Edit {
		return func(s *specs.Spec) { s.Linux.MaskedPaths = []string{path}; s.Process.Args = []string{"/bin/true"} }
	}
	long := strings.Repeat("x", 256)
	at := func(place, kind string) harness.Edit {
		m := specs.Mount{Destination: place, Type: kind, Source: "tmpfs"}
		if kind == "" {
			m.Source, m.Options = "/dev/null", []string{"bind"}
		}
		return harness.AddMount(m)
	}
	cases := map[string]harness.Edit{
		"inherits what isn't bounded": func(s *specs.Spec) {
			s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}, Inheritable: []string{"CAP_KILL", "CAP_CHOWN"}}
		},
		"inherits what is bounded": func(s *specs.Spec) {
			s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}, Inheritable: []string{"CAP_KILL"}}
		},
		"permitted what isn't bounded": func(s *specs.Spec) {
			s.Process.Capabilities = &specs.LinuxCapabilities{Permitted: []string{"CAP_KILL"}}
		},
		"proc at a link":             harness.DropMount("/dev/mqueue"), // see below
		"lo":                         func(s *specs.Spec) { s.Linux.NetDevices = map[string]specs.LinuxNetDevice{"lo": {}} },
		"a device below a device":    device("/dev/null/x"),
		"a device in proc":           device("/proc/x"),
		"a device in sysfs":          device("/sys/x"),
		"a terminal":                 device("/dev/pts/9"),
		"a device among queues":      device("/dev/mqueue/x"),
		"a device among devices":     device("/dev/x/y"),
		"a cgroup that is a file":    func(s *specs.Spec) { s.Linux.CgroupsPath = "/cgroup.procs" },
		"a hidden program":           masked("/bin/true"),
		"a hidden directory":         masked("/bin"),
		"something else hidden":      masked("/v"),
		"a hidden working directory": func(s *specs.Spec) { masked("/v")(s); s.Process.Cwd = "/v/dir" },
		"works in what is hidden":    func(s *specs.Spec) { masked("/v")(s); s.Process.Cwd = "/v" },
		"a hook of the image's":      hooks(specs.Hooks{StartContainer: hook("/bin/true")}),
		"no hook of the image's":     hooks(specs.Hooks{StartContainer: hook("/none/hook")}),
		"a hook that is a directory": hooks(specs.Hooks{CreateRuntime: hook("/etc")}),
		"a last hook that is gone":   hooks(specs.Hooks{Poststop: hook("/none/hook")}),
		"a long argument":            harness.Args("/bin/true", strings.Repeat("x", 200<<10)),
		"many arguments":             harness.Args(append([]string{"/bin/true"}, slices.Repeat([]string{strings.Repeat("x", 3000)}, 100)...)...),
		"too many arguments": func(s *specs.Spec) {
			harness.Args(append([]string{"/bin/true"}, slices.Repeat([]string{strings.Repeat("x", 3000)}, 100)...)...)(s)
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_STACK", Soft: 512 << 10, Hard: 512 << 10}}
		},
		"a mount in sysfs":          harness.AddMount(specs.Mount{Destination: "/sys/kernel", Type: "tmpfs", Source: "tmpfs"}),
		"no place in sysfs":         harness.AddMount(specs.Mount{Destination: "/sys/none", Type: "tmpfs", Source: "tmpfs"}),
		"no place at terminals":     harness.AddMount(specs.Mount{Destination: "/dev/pts/none", Type: "tmpfs", Source: "tmpfs"}),
		"a script that runs itself": harness.Args("/script"),
		"a pipe":                    func(s *specs.Spec) { s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "p"}} },
		"a device below a file":     device("/script/y"),
		"a mask below a file":       masked("/script/y"),
		"read-only below a file":    func(s *specs.Spec) { s.Linux.ReadonlyPaths = []string{"/script/y"} },
		"a name that is too long":   at("/"+long, "tmpfs"),
		"a long name":               at("/"+long[1:], "tmpfs"),
		"a path that is too long":   at(strings.Repeat("/a", 3000), "tmpfs"),
		"too long for a device":     device("/dev/" + long),
		"too long for a mask":       masked("/" + long),
		"a terminal's place":        at("/dev/pts/0", ""),
		"a file in sysfs":           at("/sys/none", ""),
		"a file among queues":       at("/dev/mqueue/x", ""),
		"a fuse of a kind":          at("/v", "fuse.foo"),
		"a source that is too long": harness.AddMount(specs.Mount{Destination: "/v", Type: "tmpfs", Source: strings.Repeat("x", 5000)}),
		"a long source":             harness.AddMount(specs.Mount{Destination: "/v", Type: "tmpfs", Source: strings.Repeat("x", 3000)}),
	}
	user := func(s *specs.Spec) {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: firstID, Size: ids}}
		s.Linux.GIDMappings = s.Linux.UIDMappings
	}
	for where, around := range map[string]harness.Edit{"host": func(*specs.Spec) {}, "user namespace": user} {
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			t.Run(where+"/"+name, func(t *testing.T) {
				b := harness.New(t, around, cases[name])
				b.Write(t, "v/dir/there", "", 0o644)
				b.Write(t, "script", "#!/script\n", 0o755)
				b.Chown(t)
				if name == "proc at a link" {
					_ = os.Remove(b.Rootfs + "/proc")
					if err := os.Symlink("/v", b.Rootfs+"/proc"); err != nil {
						t.Fatal(err)
					}
				}
				foretells(t, b)
			})
		}
	}
}

// foretells asks the doctor, and then runs the bundle.
func foretells(t *testing.T, b *harness.Bundle) {
	t.Helper()
	r := b.Run(t, "doctor", b.Dir)
	if run := b.Container(t, "run"); (r.Code == 2) != (run.Code != 0) {
		t.Errorf("%v; and then %v", r, run)
	}
}
