package inspect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// line is a row as tests write it: "!" if it differs, subject, name, asked > found, and the note.
func line(r *Row) string {
	text := fmt.Sprintf("%s %s: %s > %s", r.Subject, r.Name, r.Asked, r.Found)
	if r.Differs {
		text = "!" + text
	}
	if r.Note != "" {
		text += " # " + r.Note
	}
	return text
}

func lines(rows []Row) string {
	var b strings.Builder
	for i := range rows {
		b.WriteString(line(&rows[i]) + "\n")
	}
	return b.String()
}

func check(t *testing.T, what string, rows []Row, want string) {
	t.Helper()
	if got := lines(rows); got != strings.TrimLeft(want, "\n") {
		t.Errorf("%s: got\n%swant%s", what, got, want)
	}
}

func TestNamespaces(t *testing.T) {
	s := &specs.Spec{Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{
		{Type: specs.PIDNamespace},
		{Type: specs.IPCNamespace},
		{Type: specs.NetworkNamespace, Path: "/run/netns/a"},
		{Type: specs.UTSNamespace, Path: "/run/netns/b"},
		{Type: specs.TimeNamespace, Path: "/run/netns/c"},
	}}}
	f := &Found{Namespaces: map[string]Namespace{
		"pid": {Inode: 10, Ours: 1}, "ipc": {Inode: 2, Ours: 2}, "net": {Inode: 11, Ours: 3, Named: 11}, "uts": {Inode: 12, Ours: 4},
		"time": {Inode: 13, Ours: 5, Named: 14}, "mnt": {Inode: 6, Ours: 6}, "user": {Inode: 15, Ours: 7},
	}}
	check(t, "namespaces", namespaces(s, f), `
!namespace ipc: new > host's 2
namespace mount:  > host's 6
namespace network: of /run/netns/a > of /run/netns/a 11
namespace pid: new > own 10
namespace time: of /run/netns/c > another's 13 # that path leads to another one now
!namespace user:  > another's 15
namespace uts: of /run/netns/b > another's 12 # there is no namespace at that path any more
`)
	check(t, "no linux", namespaces(&specs.Spec{}, &Found{Namespaces: map[string]Namespace{"pid": {Inode: 1, Ours: 1}}}), `
namespace pid:  > host's 1
`)
}

const mountinfo = `30 20 0:40 / / ro,relatime - overlay overlay rw,lowerdir=/a
31 30 0:41 / /proc rw,nosuid - proc proc rw
32 30 0:42 / /tmp rw,nosuid,nodev,noatime - tmpfs tmpfs rw,size=64k
33 30 8:1 /srv/a\040b /data rw,nosuid - ext4 /dev/sda1 rw
34 31 0:43 / /proc/keys ro - tmpfs tmpfs ro,size=0k
35 31 0:41 /sys /proc/sys rw - proc proc rw
36 30 0:44 / /real/x rw - tmpfs tmpfs rw
37 30 0:45 / /sys/fs/cgroup ro - cgroup2 cgroup rw
38 37 0:46 / /extra ro - tmpfs tmpfs rw
39 40 0:48 / /old rw,nodev - tmpfs tmpfs rw
40 30 0:47 / /old rw - tmpfs below rw
`

// lineOf is the line of mountinfo that has a word.
func lineOf(t *testing.T, word string) string {
	for line := range strings.Lines(mountinfo) {
		if strings.Contains(line, word) {
			return line
		}
	}
	t.Fatalf("no line has %q", word)
	return ""
}

func TestMounts(t *testing.T) {
	s := &specs.Spec{
		Root: &specs.Root{Readonly: true},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid"}},
			{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "noatime", "size=64k", "noexec"}},
			{Destination: "/data", Type: "bind", Source: "/srv/a b", Options: []string{"bind", "ro"}},
			{Destination: "/data2", Type: "bind", Source: "/srv", Options: []string{"bind"}},
			{Destination: "/link/x/", Type: "tmpfs", Source: "tmpfs", Options: []string{"exec"}},
			{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"ro"}},
			{Destination: "/old", Type: "ramfs", Source: "x"},
			{Destination: "/etc/", Type: "bind", Source: "/etc", Options: []string{"bind"}},
			{Destination: "/proc/irq", Type: "bind", Source: "/x", Options: []string{"bind", "rw"}},
			{Destination: "/real/x", Type: "tmpfs", Source: "tmpfs", Options: []string{"ro"}},
			{Destination: "/real/x", Options: []string{"remount", "rw"}},
			{Destination: "/old/", Type: "ramfs", Source: "y", Options: []string{"dev"}},
		},
		Linux: &specs.Linux{MaskedPaths: []string{"/proc/keys", "/proc/kcore", "/etc"}, ReadonlyPaths: []string{"/proc/sys", "/proc/irq"}},
	}
	want := "/data2 /link/x /etc /proc/irq /proc/kcore"
	if got := strings.Join(Unplaced(s, mountinfo), " "); got != want {
		t.Errorf("Unplaced = %s, want %s", got, want)
	}
	f := &Found{Mountinfo: mountinfo, MountsRead: true, Reached: map[string]Place{
		"/link/x": {Point: MountPoint(mountinfo, 36)}, "/proc/kcore": {Absent: true}, "/proc/irq": {Absent: true}, "/data2": {Absent: true},
	}}
	check(t, "mounts", mounts(s, f), `
mount /: ro > overlay overlay ro,relatime,lowerdir=/a # it has no mount namespace of its own: mounts are the caller's, below its root directory
mount /proc: proc proc nosuid > proc proc rw,nosuid
!mount /tmp: tmpfs tmpfs nosuid,nodev,noatime,size=64k,noexec > tmpfs tmpfs rw,nosuid,nodev,noatime,size=64k # not noexec
!mount /data: bind /srv/a b bind,ro > ext4 /dev/sda1[/srv/a b] rw,nosuid # not ro
!mount /data2: bind /srv bind >  # no mount is to be seen there
mount /link/x/: tmpfs tmpfs exec > tmpfs tmpfs rw
mount /sys/fs/cgroup: cgroup cgroup ro > cgroup2 cgroup ro
mount /old: ramfs x >  # a later mount covers it
mount /etc/: bind /etc bind >  # it is one of maskedPaths
mount /proc/irq: bind /x bind,rw >  # it is one of readonlyPaths
mount /real/x: tmpfs tmpfs ro >  # a later remount changes it
mount /real/x: remount,rw > tmpfs tmpfs rw
!mount /old/: ramfs y dev > tmpfs tmpfs rw,nodev # type tmpfs, nodev
mount /proc/keys: masked > tmpfs tmpfs ro,size=0k
mount /proc/kcore: masked >  # there is no such path
!mount /etc: masked > 
!mount /proc/sys: read-only > proc proc[/sys] rw
mount /proc/irq: read-only >  # there is no such path
mount /extra:  > tmpfs tmpfs ro
`)
	s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}}
	last := func(about, want string) {
		t.Helper()
		rows := mounts(s, f)
		check(t, about, rows[len(rows)-1:], want)
	}
	last("in a mount namespace of its own", "\n!mount /extra:  > tmpfs tmpfs ro # the configuration doesn't name it\n")
	f.Devices = []string{"/extra"}
	last("a device", "\nmount /extra:  > tmpfs tmpfs ro\n")
	f.Devices, f.Rootfs = nil, "/box"
	f.Own = strings.ReplaceAll(lineOf(t, " /extra "), " /extra ", " /box/extra ")
	last("of the root filesystem", "\nmount /extra:  > tmpfs tmpfs ro\n")
	f.Own = strings.Replace(f.Own, "/box/", "/host/", 1)
	last("of another place", "\n!mount /extra:  > tmpfs tmpfs ro # the configuration doesn't name it\n")
	check(t, "not to be read", mounts(s, &Found{}), "\nmount :  >  # can't be read\n")
}

// A bind is held against its source: what lies over it is a difference, and so is another file system; what a source has become is none.
func TestOrigins(t *testing.T) {
	const inside = `30 20 0:40 / / rw - overlay overlay rw
31 30 8:1 /srv /covered rw - ext4 /dev/sda1 rw
32 31 8:1 /etc /covered rw - ext4 /dev/sda1 rw
33 30 8:1 /srv /same rw - ext4 /dev/sda1 rw
34 30 8:1 /old//deleted /moved rw - ext4 /dev/sda1 rw
35 30 0:50 / /else ro - tmpfs x rw
36 30 0:51 / /live rw - tmpfs x rw
`
	const host = `20 1 8:1 / / rw - ext4 /dev/sda1 rw
21 20 8:2 /sub /mnt/a\040b rw - ext4 /dev/sda2 rw
`
	for path, want := range map[string]Origin{"/srv": {"8:1", "/srv"}, "/": {"8:1", "/"}} {
		if got, ok := OriginOf(host, 20, path); !ok || got != want {
			t.Errorf("OriginOf(%s) = %v", path, got)
		}
	}
	for path, want := range map[string]Origin{"/mnt/a b/c": {"8:2", "/sub/c"}, "/mnt/a b": {"8:2", "/sub"}} {
		if got, ok := OriginOf(host, 21, path); !ok || got != want {
			t.Errorf("OriginOf(%s) = %v", path, got)
		}
	}
	if _, ok := OriginOf(host, 21, "/mnt/a bc"); ok {
		t.Error("what isn't on the mount was found there")
	}
	s := &specs.Spec{Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}}}}
	f := &Found{Mountinfo: inside, MountsRead: true, Origins: map[int]Origin{}, Replaced: map[string]bool{"/live": true, "/gone": true}}
	for i, dest := range []string{"/covered", "/same", "/moved", "/else", "/live", "/gone"} {
		m := specs.Mount{Destination: dest, Source: "/srv", Options: []string{"bind"}}
		s.Mounts = append(s.Mounts, m)
		if source := Bind(&m, "/box", "/box/rootfs"); source != "/srv" {
			t.Errorf("Bind = %q", source)
		}
		if !f.Replaced[dest] {
			f.Origins[i] = Origin{"8:1", "/srv"}
		}
	}
	check(t, "origins", mounts(s, f), `
mount /:  > overlay overlay rw
!mount /covered: /srv bind > ext4 /dev/sda1[/etc] rw # another mount covers it
mount /same: /srv bind > ext4 /dev/sda1[/srv] rw
mount /moved: /srv bind > ext4 /dev/sda1[/old//deleted] rw # the source leads elsewhere now
!mount /else: /srv bind > tmpfs x ro # another file system than the source's
!mount /live: /srv bind > tmpfs x rw # another mount is there than the one that was added
!mount /gone: /srv bind >  # no mount is to be seen there
`)
	for _, m := range []specs.Mount{
		{Source: "/srv", Type: "tmpfs"}, {Source: "rootfs/x", Options: []string{"bind"}}, {Source: "/proc/self/fd/5", Options: []string{"bind"}}, {Source: "/srv", Options: []string{"bind", "remount"}}, {Type: "bind"},
	} {
		if got := Bind(&m, "/box", "/box/rootfs"); got != "" {
			t.Errorf("Bind(%v) = %q", m, got)
		}
	}
	s.Mounts = nil
	check(t, "a root that isn't a mount", mounts(s, &Found{MountsRead: true}), `
!mount /:  >  # its root directory isn't a mount: it has another one than it was given
`)
	check(t, "no mount namespace", mounts(&specs.Spec{}, &Found{MountsRead: true}), `
mount /:  >  # it has no mount namespace of its own: mounts are the caller's, below its root directory
`)
}

func TestIdentity(t *testing.T) {
	umask := uint32(0o27)
	s := &specs.Spec{Process: &specs.Process{User: specs.User{UID: 1000, GID: 7, AdditionalGids: []uint32{9, 8, 9}, Umask: &umask}}}
	f := &Found{UIDMap: "0 100000 65536\n", GIDMap: "0 0 4294967295\n"}
	check(t, "mapped", identity(s, f, status{"Uid": "101000 101000 101000 101000", "Gid": "7 7 7 7", "Groups": "8 9", "Umask": "0027"}), `
user uid: 1000 > 1000 (host's 101000)
user gid: 7 > 7
user groups: 8 9 > 8 9
user umask: 0027 > 0027
`)
	check(t, "changed", identity(s, f, status{"Uid": "100000 101000 101000 101000", "Gid": "8 8 8 8", "Groups": "", "Umask": "0022"}), `
!user uid: 1000 > 0/1000 (host's 100000/101000)
!user gid: 7 > 8
!user groups: 8 9 > 
!user umask: 0027 > 0022
`)
	f = &Found{UIDMap: "0 1000 1\n", GIDMap: "0 1000 1\n", Setgroups: "deny\n"}
	check(t, "one id", identity(&specs.Spec{Process: &specs.Process{}}, f, status{"Uid": "1000 1000 1000 1000", "Gid": "1000 1000 1000 1000", "Groups": "27 1000", "Umask": "0022"}), `
user uid: 0 > 0 (host's 1000)
user gid: 0 > 0 (host's 1000)
user groups:  > 0 host's 27 # the caller's, which a user namespace of one id can't give up
user umask: 0022 > 0022
`)
	keeps := &specs.Spec{Process: &specs.Process{}, Annotations: map[string]string{"run.oci.keep_original_groups": "1"}}
	if rows := identity(keeps, &Found{UIDMap: "0 0 9\n", GIDMap: "0 0 9\n"}, status{"Uid": "0", "Gid": "0", "Groups": "5"}); rows[2].Differs {
		t.Errorf("kept groups differ: %s", line(&rows[2]))
	}
}

func TestCapabilities(t *testing.T) {
	const chown, setuid, kill = "0000000000000001", "0000000000000080", "0000000000000020"
	process := func(uid uint32, noNewPrivs bool) *specs.Spec {
		return &specs.Spec{Process: &specs.Process{User: specs.User{UID: uid}, NoNewPrivileges: noNewPrivs, Capabilities: &specs.LinuxCapabilities{
			Bounding: []string{"CAP_CHOWN", "CAP_SETUID"}, Effective: []string{"CAP_CHOWN"}, Permitted: []string{"CAP_CHOWN"},
		}}}
	}
	both, none := "0000000000000081", "0"
	for what, c := range map[string]struct {
		spec    *specs.Spec
		started bool
		sets    [5]string // bounding, effective, permitted, inheritable, ambient
		want    string
	}{
		"created": {process(1000, false), false, [5]string{both, chown, chown, none, none}, `
capabilities bounding: CAP_CHOWN CAP_SETUID > CAP_CHOWN CAP_SETUID
capabilities effective: CAP_CHOWN > CAP_CHOWN
capabilities permitted: CAP_CHOWN > CAP_CHOWN
capabilities inheritable:  > 
capabilities ambient:  > 
`},
		"created, with a filter to come": {withFilter(process(1000, false)), false, [5]string{both, "0000000000200001", "0000000000200001", none, none}, `
capabilities bounding: CAP_CHOWN CAP_SETUID > CAP_CHOWN CAP_SETUID
capabilities effective: CAP_CHOWN > CAP_CHOWN CAP_SYS_ADMIN # it keeps CAP_SYS_ADMIN until it has its seccomp filter
capabilities permitted: CAP_CHOWN > CAP_CHOWN CAP_SYS_ADMIN # it keeps CAP_SYS_ADMIN until it has its seccomp filter
capabilities inheritable:  > 
capabilities ambient:  > 
`},
		"a user's program": {process(1000, false), true, [5]string{both, none, none, none, none}, `
capabilities bounding: CAP_CHOWN CAP_SETUID > CAP_CHOWN CAP_SETUID
capabilities effective: CAP_CHOWN >  # the execve of a user that isn't root keeps the ambient ones
capabilities permitted: CAP_CHOWN >  # the execve of a user that isn't root keeps the ambient ones
capabilities inheritable:  > 
capabilities ambient:  > 
`},
		"root's program": {process(0, false), true, [5]string{both, both, both, none, none}, `
capabilities bounding: CAP_CHOWN CAP_SETUID > CAP_CHOWN CAP_SETUID
capabilities effective: CAP_CHOWN > CAP_CHOWN CAP_SETUID # the execve of root makes it all of the bounding set
capabilities permitted: CAP_CHOWN > CAP_CHOWN CAP_SETUID # the execve of root makes it all of the bounding set
capabilities inheritable:  > 
capabilities ambient:  > 
`},
		"root's program, no_new_privs": {process(0, true), true, [5]string{both, chown, chown, none, none}, `
capabilities bounding: CAP_CHOWN CAP_SETUID > CAP_CHOWN CAP_SETUID
capabilities effective: CAP_CHOWN > CAP_CHOWN
capabilities permitted: CAP_CHOWN > CAP_CHOWN
capabilities inheritable:  > 
capabilities ambient:  > 
`},
		"others": {process(0, true), true, [5]string{setuid, kill, chown, "0000010000000000", none}, `
!capabilities bounding: CAP_CHOWN CAP_SETUID > CAP_SETUID
!capabilities effective: CAP_CHOWN > CAP_KILL
capabilities permitted: CAP_CHOWN > CAP_CHOWN
!capabilities inheritable:  > CAP_CHECKPOINT_RESTORE
capabilities ambient:  > 
`},
		"not to be had": {
			&specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_NEW"}, Ambient: []string{"CAP_CHOWN"}}}}, false,
			[5]string{none, none, none, none, "8000000000000000"},
			`
!capabilities bounding: CAP_NEW > 
capabilities effective:  > 
capabilities permitted:  > 
capabilities inheritable:  > 
!capabilities ambient: CAP_CHOWN > CAP_63
`,
		},
	} {
		st := status{"CapBnd": c.sets[0], "CapEff": c.sets[1], "CapPrm": c.sets[2], "CapInh": c.sets[3], "CapAmb": c.sets[4]}
		check(t, what, capabilities(c.spec, &Found{Started: c.started}, st), c.want)
	}
}

func withFilter(s *specs.Spec) *specs.Spec {
	s.Linux = &specs.Linux{Seccomp: &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}}
	return s
}

func TestLimits(t *testing.T) {
	s := &specs.Spec{Process: &specs.Process{Rlimits: []specs.POSIXRlimit{
		{Type: "RLIMIT_NOFILE", Soft: 1024, Hard: 4096}, {Type: "RLIMIT_CORE", Soft: 0, Hard: 1<<64 - 1}, {Type: "RLIMIT_NICE", Soft: 1, Hard: 2},
	}}}
	rows := limits(s, &Found{Limits: `Limit                     Soft Limit           Hard Limit           Units     
Max core file size        0                    unlimited            bytes     
Max open files            1024                 2048                 files     
Max stack size            8388608              unlimited            bytes     
Max nice priority         1                    2                    
`})
	text := lines(rows)
	for _, want := range []string{
		"limit RLIMIT_CORE: 0:unlimited > 0:unlimited\n", "!limit RLIMIT_NOFILE: 1024:4096 > 1024:2048\n",
		"limit RLIMIT_STACK:  > 8388608:unlimited\n", "limit RLIMIT_NICE: 1:2 > 1:2\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if n := Differences(rows); n != 1 {
		t.Errorf("%d rows differ, want 1", n)
	}
}

func TestSecurity(t *testing.T) {
	s := &specs.Spec{
		Process: &specs.Process{NoNewPrivileges: true, ApparmorProfile: "box", SelinuxLabel: "system_u:system_r:box_t:s0:c1"},
		Linux:   &specs.Linux{Seccomp: &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}},
	}
	check(t, "created", security(s, &Found{AppArmor: "unconfined", SELinux: "system_u:system_r:unconfined_t:s0"}, status{"NoNewPrivs": "1", "Seccomp": "0"}), `
security no_new_privs: true > true
security seccomp: filter > disabled # comes before the execve
security apparmor: box > unconfined # comes with the execve
security selinux: system_u:system_r:box_t:s0:c1 > system_u:system_r:unconfined_t:s0 # comes with the execve
`)
	check(t, "as asked", security(s, &Found{Started: true, AppArmor: "box (enforce)", SELinux: "system_u:system_r:box_t:s0:c1"}, status{"NoNewPrivs": "1", "Seccomp": "2", "Seccomp_filters": "1"}), `
security no_new_privs: true > true
security seccomp: filter > filter
security apparmor: box > box (enforce)
security selinux: system_u:system_r:box_t:s0:c1 > system_u:system_r:box_t:s0:c1
`)
	check(t, "not as asked", security(s, &Found{Started: true, AppArmor: "unconfined"}, status{"NoNewPrivs": "0", "Seccomp": "0"}), `
!security no_new_privs: true > false
!security seccomp: filter > disabled
!security apparmor: box > unconfined
!security selinux: system_u:system_r:box_t:s0:c1 > 
`)
	own := status{"NoNewPrivs": "0", "Seccomp": "2", "Seccomp_filters": "3"}
	check(t, "its own filter", security(&specs.Spec{}, &Found{Started: true}, own), `
security no_new_privs:  > false
!security seccomp:  > filter # 3 filters
`)
	check(t, "the caller's filter", security(&specs.Spec{}, &Found{Started: true, Filtered: true}, own), `
security no_new_privs:  > false
security seccomp:  > filter # the caller's
`)
}

func TestCgroups(t *testing.T) {
	w := func(file, value string) cgfile.Write {
		return cgfile.Write{File: file, Value: value, Field: file + value}
	}
	optional := w("memory.swap.max", "0")
	optional.Optional = true
	f := &Found{Page: 4096, Location: map[string]string{"cpu": "/c/x", "cpuacct": "/c/x", "": "/u/x"}, Cgroups: []Cgroup{
		{Write: w("pids.max", "5"), Text: "5\n"},
		{Write: w("memory.max", "10000"), Text: "8192\n"},
		{Write: w("cpu.weight", "10"), Text: "20\n"},
		{Write: w("cpu.max", "1000 100000"), Text: "2000 100000\n"},
		{Write: w("cpu.max", "2000 100000"), Text: "2000 100000\n"},
		{Write: w("io.max", "8:0 rbps=5"), Text: "8:0 rbps=5 wbps=6 riops=max wiops=max\n"},
		{Write: w("io.max", "8:0 wbps=7"), Text: "8:0 rbps=5 wbps=6 riops=max wiops=max\n"},
		{Write: optional, Err: "no such file"},
		{Write: w("hugetlb.2MB.max", "0"), Err: "no such file"},
	}}
	check(t, "cgroups", append(location(&specs.Spec{Linux: &specs.Linux{CgroupsPath: "/x"}}, f), cgroups(f)...), `
cgroup path of cpu,cpuacct: /x > /c/x
cgroup path of unified: /x > /u/x
cgroup pids.max: 5 > 5
cgroup memory.max: 10000 > 8192 # the same to the kernel
!cgroup cpu.weight: 10 > 20
cgroup cpu.max: 1000 100000 > 2000 100000 # another value for the same file comes later
cgroup cpu.max: 2000 100000 > 2000 100000
cgroup io.max: 8:0 rbps=5 > 8:0 rbps=5 wbps=6 riops=max wiops=max # the same to the kernel
!cgroup io.max: 8:0 wbps=7 > 8:0 rbps=5 wbps=6 riops=max wiops=max
cgroup memory.swap.max: 0 >  # there is no such limit here
!cgroup hugetlb.2MB.max: 0 >  # no such file
`)
	for _, c := range []struct {
		cpu, unified, want string
	}{
		{"/c/x", "/u/x", "cgroup path of cpu,cpuacct: /x > /c/x\ncgroup path of unified: /x > /u/x\n"},
		{"/c/other/x", "/u/x/init", "!cgroup path of cpu,cpuacct: /x > /c/x # its first process was moved to /c/other/x\n" +
			"cgroup path of unified: /x > /u/x # its first process is below, in /u/x/init\n"},
	} {
		f.Within = map[string]string{"cpu": c.cpu, "cpuacct": c.cpu, "": c.unified}
		check(t, "moved", location(&specs.Spec{Linux: &specs.Linux{CgroupsPath: "/x"}}, f), "\n"+c.want)
	}
	check(t, "none", location(&specs.Spec{}, &Found{}), "\ncgroup path:  >  # it has none of its own\n")
}

// A configuration that says nothing, of a process of which nothing can be read, is no difference.
func TestNothing(t *testing.T) {
	rows := Compare(&specs.Spec{}, &Found{})
	if n := Differences(rows); n != 0 {
		t.Errorf("%d differences: %s", n, lines(rows))
	}
	at := 0
	for _, r := range rows {
		for Subjects[at] != r.Subject {
			if at++; at == len(Subjects) {
				t.Fatalf("%s is out of order: %s", r.Subject, lines(rows))
			}
		}
	}
}
