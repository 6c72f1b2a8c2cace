package doctor

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/spec"
)

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		list []Check
		want int
	}{
		{nil, 0},
		{[]Check{{Status: OK, Need: Required}, {Status: Missing, Need: Optional}, {Status: Degraded, Need: Optional}}, 0},
		{[]Check{{Status: Missing, Need: Usual}}, 1},
		{[]Check{{Status: Degraded, Need: Usual}}, 1},
		{[]Check{{Status: Degraded, Need: Required}, {Status: OK}}, 1},
		{[]Check{{Status: Degraded, Need: Required}, {Status: Missing, Need: Required}, {Status: Degraded, Need: Usual}}, 2},
	} {
		if got := Verdict(c.list); got != c.want {
			t.Errorf("%+v: %d, want %d", c.list, got, c.want)
		}
	}
}

// With a bundle what it asks for is required, with what all need; the rest is nobody's.
func TestWeigh(t *testing.T) {
	list := func() []Check {
		return []Check{{Name: "a", Need: Required, always: true}, {Name: "b", Need: Required}, {Name: "c", Need: Usual}, {Name: "d", Need: Optional}}
	}
	for _, c := range []struct {
		w    wants
		want []Need
	}{
		{wants{}, []Need{Required, Required, Usual, Optional}},
		{wants{bundle: true}, []Need{Required, Optional, Optional, Optional}},
		{wants{bundle: true, fields: map[string]string{"c": "f", "d": "g"}}, []Need{Required, Optional, Required, Required}},
		{wants{fields: map[string]string{"d": "--option"}}, []Need{Required, Required, Usual, Required}},
	} {
		var got []Need
		for _, k := range weigh(list(), &c.w) {
			got = append(got, k.Need)
			if k.Field != c.w.fields[k.Name] {
				t.Errorf("%s is asked for by %q", k.Name, k.Field)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.w, got, c.want)
		}
	}
}

func TestAsk(t *testing.T) {
	s := &specs.Spec{
		Process: &specs.Process{
			ApparmorProfile: "web", SelinuxLabel: "x", Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}},
			Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}}, Args: []string{"true"},
		},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc"},
			{Destination: "/b", Source: "data", Options: []string{"rbind", "idmap"}},
			{Destination: "/c", Type: "cgroup"},
			{Destination: "/t", Type: "tmpfs", UIDMappings: []specs.LinuxIDMapping{{Size: 1}}},
			{Destination: "/o", Type: "overlay"},
			{Destination: "/p", Type: "bind", Source: "/srv", Options: []string{"bind"}},
			{Destination: "/r", Options: []string{"remount", "ro"}},
			{Destination: "/w", Source: "rootfs/w", Options: []string{"bind"}},
			{Destination: "/s", Type: "sysfs", Options: []string{"ro", "nosuid"}},
			{Destination: "/t", Type: "sysfs", Options: []string{"nosuid"}},
		},
		Hooks: &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/hook"}}, Poststop: []specs.Hook{{Path: "/bin/hook"}}},
		Linux: &specs.Linux{
			Devices: []specs.LinuxDevice{{Path: "/dev/x"}},
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.NetworkNamespace, Path: "/n"}, {Type: specs.UserNamespace}, {Type: specs.MountNamespace},
			},
			TimeOffsets: map[string]specs.LinuxTimeOffset{"monotonic": {}},
			Sysctl:      map[string]string{"kernel.shmmax": "1"}, IntelRdt: &specs.LinuxIntelRdt{}, MemoryPolicy: &specs.LinuxMemoryPolicy{},
			Seccomp: &specs.LinuxSeccomp{
				DefaultAction: specs.ActErrno, Flags: []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog},
				Syscalls: []specs.LinuxSyscall{{Action: specs.ActNotify}}, ListenerPath: "/run/agent",
			},
		},
	}
	w := ask(&Options{Bundle: &spec.Bundle{Dir: "/box", Rootfs: "/box/rootfs", Spec: s}, SystemdCgroup: true})
	want := map[string]string{
		"label.apparmor": "process.apparmorProfile", "label.selinux": "process.selinuxLabel", "limit.RLIMIT_CORE": "process.rlimits[0]",
		"caller.grants": "process.capabilities", "caller.CAP_SYS_CHROOT": "linux.namespaces[2]", "filesystem.proc": "mounts[0].type", "idmap./box/data": "mounts[1]", "filesystem.cgroup": "mounts[2].type",
		"filesystem.tmpfs": "mounts[3].type", "idmap.tmpfs": "mounts[3]", "filesystem.overlay": "mounts[4].type", "filesystem.sysfs": "mounts[8].type", "namespace.pid": "linux.namespaces[0]",
		"namespace.user": "linux.namespaces[2]", "id.maps": "linux.uidMappings", "namespace.time": "linux.timeOffsets",
		"sysctl.kernel.shmmax": `linux.sysctl["kernel.shmmax"]`, "resctrl.mount": "linux.intelRdt", "kernel.set_mempolicy": "linux.memoryPolicy",
		"seccomp.filter": "linux.seccomp", "seccomp.SCMP_ACT_ERRNO": "linux.seccomp.defaultAction", "seccomp.SCMP_ACT_NOTIFY": "linux.seccomp.syscalls[0].action",
		"seccomp.SECCOMP_FILTER_FLAG_LOG": "linux.seccomp.flags[0]", "systemd.bus": "--systemd-cgroup",
		"file./box/data": "mounts[1].source", "file./srv": "mounts[5].source", "file./run/agent": "linux.seccomp.listenerPath", "namespace.join": "linux.namespaces[1].path",
		"file./dev/x": "linux.devices[0]", "file./bin/hook": "hooks.createRuntime[0].path",
		"bundle.plan": "config.json", "process.cwd": "process.cwd", "device./dev/x": "linux.devices[0]", "place./proc": "mounts[0].destination",
		"place./b": "mounts[1].destination", "place./c": "mounts[2].destination", "place./t": "mounts[3].destination", "place./o": "mounts[4].destination",
		"place./p": "mounts[5].destination", "place./w": "mounts[7].destination", "place./s": "mounts[8].destination",
		"place./t (mounts[9].destination)": "mounts[9].destination", "mount./proc": "mounts[0]", "mount./t": "mounts[3]", "mount./o": "mounts[4]",
		"process.program": "process.args[0]", "namespace.mount": "linux.namespaces[3]",
	}
	if !maps.Equal(w.fields, want) {
		t.Errorf("got %v\nwant %v", w.fields, want)
	}
	kinds := []kind{{"proc", 0}, {"tmpfs", 0}, {"overlay", 0}, {"sysfs", unix.MOUNT_ATTR_NOSUID}}
	if !slices.Equal(w.kinds, kinds) || !slices.Equal(w.trees, []mapping{{"/box/data", true, false}}) {
		t.Errorf("file systems %v, trees %v", w.kinds, w.trees)
	}
}

func TestAtLeast(t *testing.T) {
	for release, want := range map[string]bool{
		"5.14.0": true, "5.14": true, "5.13.19-1": false, "6.1-rc1": true, "4.18.0-553.el8": false, "7": true, "5.14-rc": true, "odd": true, "": true,
	} {
		if got := atLeast(release, 5, 14); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}

// Any answer of a call but three says that it is there.
func TestJudgeSyscall(t *testing.T) {
	c := syscall{name: "openat2", since: "5.6"}
	for _, k := range []struct {
		trial trial
		want  Status
	}{
		{trial{}, OK},
		{trial{"openat2", unix.EINVAL}, OK},
		{trial{"openat2", unix.EBADF}, OK},
		{trial{"openat2", unix.ENOSYS}, Missing},
		{trial{"openat2", unix.EPERM}, Missing},
		{trial{"openat2", errors.New("killed by SIGSYS")}, Missing},
	} {
		got := c.judge(k.trial)
		if got.Status != k.want || (got.Status == OK) != (got.Found == "") {
			t.Errorf("%v: %+v", k.trial, got)
		}
	}
}

func TestJudgeUser(t *testing.T) {
	user := slices.IndexFunc(spaceKinds[:], func(k space) bool { return k.name == "user" })
	for _, c := range []struct {
		name   string
		made   error
		rights error
		b      barriers
		status Status
		mend   string
	}{
		{"fine", nil, nil, barriers{}, OK, ""},
		{"a limit of 0", unix.ENOSPC, unix.ENOSPC, barriers{}, Missing, "user.max_user_namespaces, which is 7,"},
		{"no such kernel", unix.EINVAL, unix.EINVAL, barriers{}, Missing, "CONFIG_USER_NS"},
		{"Debian's switch", unix.EPERM, unix.EPERM, barriers{clone: "0"}, Missing, "kernel.unprivileged_userns_clone to 1"},
		{"Ubuntu's switch", nil, unix.EPERM, barriers{clone: "1", appArmor: "1"}, Missing, "apparmor_restrict_unprivileged_userns"},
		{"a filter", unix.EPERM, unix.EPERM, barriers{}, Missing, "seccomp profile"},
	} {
		s := spaces{barriers: c.b}
		s.limits[user] = "7"
		s.made[user].err, s.rights.err = c.made, c.rights
		i := slices.IndexFunc(s.judge(&caller{own: unix.CLONE_NEWUSER}), func(c Check) bool { return c.Name == "namespace.user" })
		got := s.judge(&caller{own: unix.CLONE_NEWUSER})[i]
		if got.Status != c.status || !strings.Contains(got.Mend, c.mend) || !got.always {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// A map that a bundle asks for is enough for it, however small.
func TestJudgeMaps(t *testing.T) {
	one := []specs.LinuxIDMapping{{HostID: 7, Size: 1}}
	for asked, want := range map[bool]Status{false: Degraded, true: OK} {
		i := ids{uids: one, gids: one, asked: asked}
		if got := i.judge(&caller{uid: 7})[0]; got.Status != want {
			t.Errorf("asked for: %v: %+v", asked, got)
		}
	}
}

func bounding(list ...string) *specs.Process {
	return &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: list}}
}

func TestJudgeCaller(t *testing.T) {
	all := ^caps.Set(0)
	user := map[string]string{"namespace.user": "x"}
	for _, c := range []struct {
		name   string
		caller caller
		w      wants
		want   map[string]Status
	}{
		{"root", caller{permitted: all}, wants{}, map[string]Status{"caller.rights": OK, "caller.CAP_MKNOD": OK}},
		{"root without a right", caller{permitted: all &^ (1 << unix.CAP_MKNOD)}, wants{}, map[string]Status{"caller.rights": OK, "caller.CAP_MKNOD": Missing}},
		{"root with none", caller{own: unix.CLONE_NEWUSER}, wants{}, map[string]Status{"caller.rights": Degraded, "caller.CAP_MKNOD": ""}},
		{"and a bundle without a user namespace", caller{own: unix.CLONE_NEWUSER}, wants{bundle: true}, map[string]Status{"caller.rights": Missing}},
		{"and one with it", caller{own: unix.CLONE_NEWUSER}, wants{bundle: true, fields: user}, map[string]Status{"caller.rights": Degraded}},
		{"an ordinary user", caller{uid: 7, own: unix.CLONE_NEWUSER}, wants{}, map[string]Status{"caller.rights": OK}},
		{"what he can't have", caller{uid: 7, own: unix.CLONE_NEWUSER, refused: "no"}, wants{bundle: true}, map[string]Status{"caller.rights": Missing}},
		{"a root of his own", caller{permitted: all, root: "/r"}, wants{}, map[string]Status{"caller.root": OK}},
		{"none", caller{permitted: all, root: "/r", rootErr: unix.EACCES}, wants{}, map[string]Status{"caller.root": Missing}},
		{
			"grants",
			caller{permitted: all &^ (1 << unix.CAP_BPF)},
			wants{bundle: true, spec: &specs.Spec{}, capabilities: bounding("CAP_KILL", "CAP_BPF")},
			map[string]Status{"caller.grants": Degraded},
		},
		{"all grants", caller{permitted: all}, wants{spec: &specs.Spec{}, capabilities: bounding("CAP_KILL")}, map[string]Status{"caller.grants": OK}},
		{
			"an ambient one that isn't inheritable",
			caller{permitted: all},
			wants{spec: &specs.Spec{}, capabilities: &specs.Process{Capabilities: &specs.LinuxCapabilities{Permitted: []string{"CAP_KILL"}, Ambient: []string{"CAP_KILL"}}}},
			map[string]Status{"caller.grants": Degraded},
		},
		{
			"grants of a user namespace",
			caller{},
			wants{
				capabilities: bounding("CAP_BPF"), fields: user,
				spec: &specs.Spec{Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.UserNamespace}}}},
			},
			map[string]Status{"caller.grants": OK},
		},
		{
			"limits",
			caller{limits: map[string]uint64{"A": 5, "B": 5}},
			wants{limits: []specs.POSIXRlimit{{Type: "A", Hard: 5}, {Type: "B", Hard: 6}}},
			map[string]Status{"limit.A": OK, "limit.B": Missing},
		},
		{
			"limits of who may raise them",
			caller{permitted: all, limits: map[string]uint64{"B": 5}},
			wants{limits: []specs.POSIXRlimit{{Type: "B", Hard: 6}}},
			map[string]Status{"limit.B": OK},
		},
	} {
		list := c.caller.judge(&c.w)
		for name, want := range c.want {
			i := slices.IndexFunc(list, func(c Check) bool { return c.Name == name })
			if i < 0 && want != "" || i >= 0 && list[i].Status != want {
				t.Errorf("%s: %s isn't %q: %+v", c.name, name, want, list)
			}
		}
	}
}

func TestHanded(t *testing.T) {
	u := unified{top: []string{"cpu", "memory", "pids"}, levels: []level{
		{dir: "/top", hands: []string{"cpu", "memory"}, writable: true},
		{dir: "/top/a", hands: []string{"cpu"}},
		{dir: "/top/a/b", hands: []string{"cpu", "pids"}, busy: true, writable: true},
	}}
	for controller, want := range map[string]string{
		"cpu": "", "io": "the unified hierarchy doesn't have it", "memory": "/top/a doesn't hand it down, and isn't ours",
	} {
		if got := u.handed(controller); got != want {
			t.Errorf("%s: %q, want %q", controller, got, want)
		}
	}
	u.levels[1].writable = true
	if got := u.handed("memory"); !strings.HasPrefix(got, "/top/a/b doesn't hand it down, and can't while") {
		t.Error(got)
	}
	if got := u.handed("pids"); got != "" {
		t.Error(got)
	}
}

func TestJudgeCgroup(t *testing.T) {
	v2 := func(p place) cgroup {
		p.keys, p.dir = []string{""}, "/c"
		return cgroup{layout: &cgroups.Layout{Mode: cgroups.Unified}, places: []place{p}}
	}
	good := func() place {
		return place{unified: &unified{top: []string{"memory"}, levels: []level{{dir: "/c", writable: true}}, freeze: true, kill: true}}
	}
	refused := place{err: &os.PathError{Op: "make a cgroup in", Path: "/c", Err: unix.EACCES}}
	threaded, filtered := good(), good()
	threaded.unified.kind, filtered.unified.devices = "threaded", unix.EPERM
	needs := v2(good())
	needs.needs = []choose.Need{{Controller: "net_cls", Field: "n", Ignored: "nothing like it"}, {Controller: "io", Field: "i"}}
	misplaced := v2(good())
	misplaced.places, misplaced.placed = nil, errors.New("linux.cgroupsPath: no")
	root, ordinary := &caller{}, &caller{uid: 7, own: unix.CLONE_NEWUSER}
	deep := func(w wants) wants {
		w.resources, w.fields = &specs.LinuxResources{Unified: map[string]string{"cgroup.max.depth": "3"}}, map[string]string{}
		return w
	}
	for _, c := range []struct {
		name string
		c    cgroup
		who  *caller
		w    wants
		want map[string]Status
	}{
		{"fine", v2(good()), root, wants{}, map[string]Status{
			"cgroup.layout": OK, "cgroup.place": OK, "cgroup.birth": OK, "cgroup.freezer": OK, "cgroup.devices": OK, "cgroup.memory": OK, "cgroup.cpu": Missing,
		}},
		{"refused", v2(refused), root, wants{}, map[string]Status{"cgroup.place": Missing, "cgroup.freezer": Missing, "cgroup.devices": Missing, "cgroup.memory": Missing}},
		{"an ordinary user", v2(refused), ordinary, wants{rootless: true}, map[string]Status{"cgroup.place": Degraded, "cgroup.devices": ""}},
		{"who asks for a place", v2(refused), ordinary, wants{rootless: true, cgroupsPath: "/x"}, map[string]Status{"cgroup.place": Missing}},
		{"an ordinary user who limits cgroups", v2(refused), ordinary, deep(wants{rootless: true}), map[string]Status{"cgroup.place": Missing}},
		{"who has one", v2(good()), ordinary, deep(wants{rootless: true}), map[string]Status{"cgroup.place": OK}},
		{"without cgroups", v2(good()), root, deep(wants{noCgroup: true}), map[string]Status{"cgroup.place": Missing}},
		{"a place that can't be", misplaced, root, wants{}, map[string]Status{"cgroup.layout": OK, "cgroup.place": Missing}},
		{"threaded", v2(threaded), root, wants{}, map[string]Status{"cgroup.birth": Missing}},
		{"no BPF", v2(filtered), root, wants{}, map[string]Status{"cgroup.devices": Missing}},
		{"none", cgroup{layout: new(cgroups.Layout)}, root, wants{}, map[string]Status{"cgroup.layout": Missing, "cgroup.place": Missing, "cgroup.cpu": Missing}},
		{"needs", needs, root, wants{bundle: true, fields: map[string]string{}}, map[string]Status{"cgroup.net_cls": Degraded, "cgroup.io": Missing}},
	} {
		list := c.c.judge(c.who, &c.w)
		for name, want := range c.want {
			i := slices.IndexFunc(list, func(c Check) bool { return c.Name == name })
			if i < 0 && want != "" || i >= 0 && list[i].Status != want {
				t.Errorf("%s: %s isn't %q: %+v", c.name, name, want, list)
			}
		}
	}
}

// Of the fields that ask for a controller the one is named that can't have it.
func TestBlame(t *testing.T) {
	v2 := place{keys: []string{""}, dir: "/u", unified: &unified{levels: []level{{dir: "/u"}}}}
	c := cgroup{
		layout: &cgroups.Layout{Mode: cgroups.Hybrid}, places: []place{{keys: []string{"memory"}, dir: "/m"}, v2}, known: map[string]controller{"memory": {true, true}},
		needs: []choose.Need{
			{Controller: "memory", Field: "linux.resources.memory.limit"},
			{Controller: "memory", Unified: true, Field: `linux.resources.unified["memory.high"]`},
		},
	}
	w := wants{bundle: true, fields: map[string]string{}}
	list := c.limits(&w)
	got := list[slices.IndexFunc(list, func(c Check) bool { return c.Name == "cgroup.memory" })]
	if field := w.fields["cgroup.memory"]; got.Status != Missing || field != c.needs[1].Field || !strings.Contains(got.Mend, "cgroup_no_v1=memory") {
		t.Errorf("%q is to blame: %+v", field, got)
	}
	c.needs = c.needs[:1]
	w.fields = map[string]string{}
	if c.limits(&w); w.fields["cgroup.memory"] != c.needs[0].Field {
		t.Errorf("%q asks", w.fields["cgroup.memory"])
	}
}

func TestTexts(t *testing.T) {
	const mountinfo = "31 23 0:28 / /sys rw - tmpfs tmpfs rw\n310 31 8:1 / / rw shared:1 - ext4 /dev/a rw\n"
	if mountKind(mountinfo, 310) != "ext4" || mountKind(mountinfo, 31) != "tmpfs" || mountKind(mountinfo, 3) != "" {
		t.Error("file systems of mounts")
	}
	if got := profiles("docker-default (enforce)\n/usr/bin/x (y) (complain)\n"); !got["docker-default"] || !got["/usr/bin/x (y)"] || !got["unconfined"] || got["enforce"] {
		t.Errorf("profiles %v", got)
	}
	const sub = "# a comment\nann:1000:10\nann:5000:20\n7:90:65536\nbob:x:1\n"
	for name, want := range map[string]uint32{"ann": 20, "bob": 0, "": 0} {
		if got := largest(sub, name, 1); got.Size != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := largest(sub, "carl", 7); got.HostID != 90 || got.Size != 65536 {
		t.Errorf("by number: %+v", got)
	}
	for text, want := range map[string]uint32{"         0          0 4294967295\n": 4294967295, "0 1000 1\n1 100000 65536\n": 1, "": 1} {
		if got := mapped(text); got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
	list := sampled(mountinfo+"311 31 8:2 / /b rw - ext4 /dev/b rw\n312 31 8:2 / /f rw - fuseblk /dev/c rw\n313 31 0:9 / /o rw - overlay o rw\n", "nodev\ttmpfs\n\text4\n\tfuseblk\n")
	if want := []tree{{mapping{path: "/"}, "ext4", true, nil}, {mapping{path: "/o"}, "overlay", true, nil}}; !slices.Equal(list, want) {
		t.Errorf("mounts %+v", list)
	}
	got := known("#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t5\t1\nmemory\t4\t1\t0\n")
	if want := (map[string]controller{"cpu": {false, true}, "memory": {true, false}}); !maps.Equal(got, want) {
		t.Errorf("controllers %v", got)
	}
}
