package security

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// R6, CVE-2021-43784's kind: a configuration that is too long for what carries
// it. All of it arrives, or an error says what doesn't.
func TestLongConfigs(t *testing.T) {
	harness.NeedRung(t, "what is too long for a runtime is its own affair")
	own := func(r *harness.Result) {
		t.Helper()
		for kind := range strings.FieldsSeq("net ipc uts pid mnt") {
			host, err := os.Readlink("/proc/self/ns/" + kind)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(r.Stdout, kind+":[") || strings.Contains(r.Stdout, host) {
				t.Errorf("namespace %s is not the container's own: %v", kind, r)
			}
		}
	}
	const look = "for n in net ipc uts pid mnt; do readlink /proc/self/ns/$n; done"
	deep := harness.TempDir(t)
	for len(deep) < 3800 {
		deep += "/" + strings.Repeat("d", 200)
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]harness.Edit{
		"340 mappings": func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			for i := range uint32(340) {
				m := specs.LinuxIDMapping{ContainerID: i, HostID: 1000 + 2*i, Size: 1}
				s.Linux.UIDMappings, s.Linux.GIDMappings = append(s.Linux.UIDMappings, m), append(s.Linux.GIDMappings, m)
			}
		},
		"600 long sources": func(s *specs.Spec) {
			for i := range 600 {
				s.Mounts = append(s.Mounts, specs.Mount{Destination: fmt.Sprintf("/m/%d", i), Source: deep, Type: "bind", Options: []string{"bind"}})
			}
		},
		"1 MB of environment": func(s *specs.Spec) {
			for i := range 10 {
				s.Process.Env = append(s.Process.Env, fmt.Sprintf("LONG%d=%s", i, strings.Repeat("x", 100_000)))
			}
		},
		"100000 arguments": func(s *specs.Spec) {
			for range 100_000 {
				s.Process.Args = append(s.Process.Args, "a")
			}
		},
		"all settings": func(s *specs.Spec) {
			adj, mask := 500, uint32(0o27)
			s.Process.OOMScoreAdj, s.Process.User.Umask = &adj, &mask
			s.Process.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 3}
			s.Process.NoNewPrivileges = true
			s.Hostname, s.Domainname = strings.Repeat("h", 64), strings.Repeat("d", 64)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, harness.Shell(look), edit)
			if name == "340 mappings" {
				b.Give(t, 1000, 1000)
			}
			r := b.Container(t, "run")
			if r.Code != 0 || r.Stderr != "" {
				t.Fatal(r)
			}
			own(r)
		})
	}
	for name, c := range map[string]struct {
		edit harness.Edit
		want string
		code int
	}{
		"namespace path": {harness.JoinNS(specs.NetworkNamespace, "/"+strings.Repeat("p/", 35_000)), "].path: ", 1},
		"341 mappings": {func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			for i := range uint32(341) {
				m := specs.LinuxIDMapping{ContainerID: i, HostID: 100000 + 2*i, Size: 1}
				s.Linux.UIDMappings, s.Linux.GIDMappings = append(s.Linux.UIDMappings, m), append(s.Linux.GIDMappings, m)
			}
		}, "appings", 1},
		"argument": {func(s *specs.Spec) { s.Process.Args = append(s.Process.Args, strings.Repeat("a", 200_000)) }, "argument list too long", 255},
	} {
		t.Run(name+" refused", func(t *testing.T) {
			b := harness.New(t, harness.Shell(look), c.edit)
			b.Container(t, "run").Fails(t, c.code, c.want)
		})
	}
}

// R21, CVE-2022-0811's kind: a sysctl that isn't the container's own.
func TestSysctls(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "runc takes some of them")
	host := func() (text string) {
		for _, name := range []string{"kernel/core_pattern", "kernel/msgmax", "kernel/hostname", "net/ipv4/ip_forward", "fs/mqueue/msg_max", "user/max_user_namespaces"} {
			value, _ := os.ReadFile("/proc/sys/" + name)
			text += name + "=" + string(value)
		}
		return text
	}
	none := func(*specs.Spec) {}
	before := host()
	for _, c := range []struct {
		name, value string
		edit        harness.Edit
		ok          bool
	}{
		{"kernel.core_pattern", "|/x", none, false},
		{"net/../kernel/core_pattern", "|/x", none, false},
		{"net./../kernel.core_pattern", "|/x", none, false},
		{"net.ipv4.ip_forward", "1", harness.WithoutNS(specs.NetworkNamespace), false},
		{"net.ipv4.ip_forward", "1", harness.JoinNS(specs.NetworkNamespace, fmt.Sprintf("/proc/%d/ns/net", os.Getpid())), false},
		{"kernel.msgmax", "4321", harness.WithoutNS(specs.IPCNamespace), false},
		{"kernel.hostname", "x", harness.WithoutNS(specs.UTSNamespace), false},
		{"fs.mqueue.x/../../..", "1", none, false},
		{"user.max_user_namespaces", "1", none, false},
		{"net.ipv4.ip_forward", "1\n2", none, false},
		{"net.ipv4.ip_forward", "1\x00", none, false},
		{"kernel.shm_rmid_forced", "1+kernel.core_pattern=|/x", none, false},
		{"net.ipv4.ip_forward", "1", none, true},
		{"net/ipv4/conf/lo/rp_filter", "1", none, true},
		{"kernel.msgmax", "4321", none, true},
	} {
		b := harness.New(t, c.edit, func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{c.name: c.value} })
		r := b.Container(t, "run")
		if (r.Code == 0) != c.ok || !c.ok && !strings.Contains(r.Stderr, "sysctl") {
			t.Errorf("%s=%q: want success: %v: %v", c.name, c.value, c.ok, r)
		}
		if now := host(); now != before {
			t.Fatalf("%s: the host's values are other ones: %s, were %s", c.name, now, before)
		}
	}
}

// R23: what a namespace's path may lead to. Nothing is waited for.
func TestNamespacePaths(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "the names in the errors")
	dir := harness.TempDir(t)
	if err := unix.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dead := harness.New(t, harness.Args("/bin/sleep", "300"))
	pid, r := dead.Create(t)
	if r.Code != 0 {
		t.Fatal(r)
	}
	dead.End(t, pid)
	for name, path := range map[string]string{
		"of another type": fmt.Sprintf("/proc/%d/ns/mnt", os.Getpid()), "a regular file": dir + "/file", "a FIFO": dir + "/fifo", "a directory": dir,
		"nothing": dir + "/none", "of a dead process": fmt.Sprintf("/proc/%d/ns/net", pid), "a device": "/dev/zero", "a terminal": "/dev/ptmx",
	} {
		t.Run(name, func(t *testing.T) {
			harness.New(t, harness.JoinNS(specs.NetworkNamespace, path)).Container(t, "run").Fails(t, 1, "].path: ")
		})
	}
	t.Run("twice", func(t *testing.T) {
		b := harness.New(t, func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.NetworkNamespace})
		})
		b.Container(t, "run").Fails(t, 1, "linux.namespaces[")
	})
}

// R27: without a mount namespace what is mounted and masked is the container's, and
// nothing of the host's above its root filesystem; without pivot_root the
// host's /proc and /sys are out of reach all the same.
func TestRestricted(t *testing.T) {
	harness.NeedRung(t, "runc masks the host's own paths")
	before := ownMounts(t)
	shared := harness.New(t, harness.WithoutNS(specs.MountNamespace), harness.Args("/bin/sleep", "60"), func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/x", Type: "tmpfs"},
			specs.Mount{Destination: "/host", Type: "bind", Source: "/proc", Options: []string{"rbind"}})
		s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/host/sys/kernel/core_pattern")
		s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/host/sys")
		s.Linux.RootfsPropagation = "rshared"
	})
	first, _ := shared.Create(t)
	for _, line := range ownMounts(t) {
		point := strings.Fields(line)[4]
		if point != shared.Rootfs && !strings.HasPrefix(point, shared.Rootfs+"/") && !slices.Contains(before, line) {
			t.Errorf("the host has a mount of the container's: %s", line)
		}
	}
	shared.End(t, first)
	if after := ownMounts(t); !slices.Equal(before, after) {
		t.Errorf("mounts before:\n%s\nand after:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	// The probe of the host's procfs is its /proc/1, that of its sysfs the cgroup
	// hierarchies below it.
	b := harness.New(t, harness.Capabilities("CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE"), harness.Shell(`
		awk '$5 != "/" {print $5}' /proc/self/mountinfo | sort | uniq -d
		umount /proc 2>/dev/null && ls /proc
		umount -l /sys 2>/dev/null && ls /sys
		true`), harness.DropMount("/sys"))
	b.Spec.Linux.MaskedPaths, b.Spec.Linux.ReadonlyPaths = nil, nil
	b.Save(t)
	r := b.Container(t, "run", "--no-pivot")
	if r.Code != 0 || strings.TrimSpace(r.Stdout) != "" {
		t.Errorf("what the container's own /proc and /sys cover can be seen: %v", r)
	}
}

// R30: the configuration that `spec` writes hides what it should.
func TestDefaultLists(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "its lists are longer")
	b := harness.New(t)
	dir := harness.TempDir(t)
	if r := b.Run(t, "spec", "--bundle", dir); r.Code != 0 {
		t.Fatal(r)
	}
	b.Dir = dir
	s := readConfig(t, dir+"/config.json")
	for _, path := range strings.Fields("/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap") {
		if !slices.Contains(s.Linux.MaskedPaths, path) {
			t.Errorf("%s is not masked", path)
		}
	}
	for _, path := range strings.Fields("/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger") {
		if !slices.Contains(s.Linux.ReadonlyPaths, path) {
			t.Errorf("%s is not read-only", path)
		}
	}
	if len(s.Process.Capabilities.Inheritable) > 0 || !s.Process.NoNewPrivileges {
		t.Errorf("inheritable capabilities %v, no new privileges %v", s.Process.Capabilities.Inheritable, s.Process.NoNewPrivileges)
	}
}

// R32: root of a user namespace can't take away what hides and protects, nor mount
// a procfs without it, unless it has CAP_SYS_ADMIN in the container's own user
// namespace: the mounts are made there, so the kernel lets it. One namespace
// further in they are locked.
func TestMasksStay(t *testing.T) {
	masked, readonly := []string{"/proc/kcore", "/proc/acpi", "/proc/keys", "/sys/firmware"}, []string{"/proc/sys", "/proc/irq", "/proc/sysrq-trigger"}
	for name, c := range map[string]struct {
		via  string // before each try
		caps []string
	}{
		"without CAP_SYS_ADMIN":       {"", []string{"CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE", "CAP_SETUID", "CAP_SETGID"}},
		"in a user namespace further": {"unshare -Um", []string{"CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE"}},
		"and with a pid namespace":    {"unshare -Umpf", []string{"CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE"}},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.MappedRoot, harness.Capabilities(c.caps...), harness.Shell(`
				`+c.via+` true || echo "cannot try"
				try() { if `+c.via+` "$@" 2>/dev/null; then echo "done: $*"; fi; }
				for p in `+strings.Join(append(masked, readonly...), " ")+`; do
					[ -e $p ] || continue
					try umount $p
					try umount -l $p
					try mount -o remount,rw,bind $p
				done
				mkdir -p /tmp/p
				try mount -t proc proc /tmp/p
				try mount -t sysfs sysfs /tmp/p
				try sh -c 'echo 1 > /proc/sys/kernel/core_pattern'
				cat /proc/kcore /proc/keys 2>/dev/null | head -c 10
				true`), func(s *specs.Spec) {
				s.Root.Readonly = false
				s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = masked, readonly
			})
			b.Chown(t)
			if r := b.Container(t, "run"); r.Code != 0 || strings.TrimSpace(r.Stdout) != "" {
				t.Errorf("want nothing that works: %v", r)
			}
		})
	}
}

// R33: whatever the propagation, the host's mounts are the same while the
// container runs and after it.
func TestNoMountsLeak(t *testing.T) {
	harness.Once(t)
	volume := harness.TempDir(t) + "/v"
	if err := os.MkdirAll(volume, 0o755); err != nil {
		t.Fatal(err)
	}
	mount := func(source, target, kind string, flags uintptr) {
		t.Helper()
		if err := unix.Mount(source, target, kind, flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	mount("rungt", volume, "tmpfs", 0)
	t.Cleanup(func() {
		unix.Unmount(volume+"/nested", unix.MNT_DETACH)
		unix.Unmount(volume, unix.MNT_DETACH)
	})
	mount("", volume, "", unix.MS_SHARED)
	if err := os.Mkdir(volume+"/nested", 0o755); err != nil {
		t.Fatal(err)
	}
	mount("rungt", volume+"/nested", "tmpfs", 0)
	before := mountinfo(t)
	for _, propagation := range []string{"", "shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable"} {
		for _, option := range []string{"", "rshared", "rslave", "rprivate"} {
			for _, idmap := range []bool{false, true} {
				if idmap && !harness.IsRung() {
					continue
				}
				m := specs.Mount{Destination: "/v", Source: volume, Type: "bind", Options: []string{"rbind"}}
				if option != "" {
					m.Options = append(m.Options, option)
				}
				if idmap {
					m.Options = append(m.Options, "ridmap")
					m.UIDMappings = []specs.LinuxIDMapping{{HostID: 100000, Size: 1000}}
					m.GIDMappings = m.UIDMappings
				}
				b := harness.New(t, harness.Args("/bin/sleep", "300"), harness.AddMount(m), func(s *specs.Spec) { s.Linux.RootfsPropagation = propagation })
				name := fmt.Sprintf("root %q, volume %q, idmap %v", propagation, option, idmap)
				pid, r := b.Create(t)
				if r.Code != 0 {
					t.Errorf("%s: %v", name, r)
					continue
				}
				if now := mountinfo(t); now != before {
					t.Errorf("%s: the host has other mounts while the container runs:\n%s", name, now)
				}
				b.End(t, pid)
				if now := mountinfo(t); now != before {
					t.Fatalf("%s: the host has other mounts:\n%s", name, now)
				}
			}
		}
	}
}

func mountinfo(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readConfig(t *testing.T, path string) *specs.Spec {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := new(specs.Spec)
	if err := json.Unmarshal(data, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// ownMounts is the test's mountinfo by lines.
func ownMounts(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}
