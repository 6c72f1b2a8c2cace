package plan

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/hook"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/testbed"
	"github.com/rung-oci/rung/nsenter"
)

func TestMain(m *testing.M) { testbed.Main(m) }

var update = flag.Bool("update", false, "write testdata/*/want anew")

// Layouts of a host's cgroups.
func unified() (*cgroups.Layout, cgroups.Location) {
	return &cgroups.Layout{Mode: cgroups.Unified, Hierarchies: []cgroups.Hierarchy{{Unified: true, Mountpoint: "/sys/fs/cgroup", MountRoot: "/", Own: "/"}}},
		cgroups.Location{"": "/sys/fs/cgroup/c"}
}

func legacy() (*cgroups.Layout, cgroups.Location) {
	h := func(dir string, controllers ...string) cgroups.Hierarchy {
		return cgroups.Hierarchy{Controllers: controllers, Mountpoint: "/sys/fs/cgroup/" + dir, MountRoot: "/", Own: "/"}
	}
	l := &cgroups.Layout{Mode: cgroups.Legacy, Hierarchies: []cgroups.Hierarchy{
		h("cpu,cpuacct", "cpu", "cpuacct"), h("memory", "memory"), h("pids", "pids"),
		{Name: "systemd", Mountpoint: "/sys/fs/cgroup/systemd", MountRoot: "/", Own: "/"},
	}}
	return l, cgroups.Location{
		"cpu": "/sys/fs/cgroup/cpu,cpuacct/c", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/c", "memory": "/sys/fs/cgroup/memory/c",
		"name=systemd": "/sys/fs/cgroup/systemd/c", // and none of pids
	}
}

func hybrid() (*cgroups.Layout, cgroups.Location) {
	l, loc := legacy()
	l.Mode = cgroups.Hybrid
	l.Hierarchies = append(l.Hierarchies, cgroups.Hierarchy{Unified: true, Mountpoint: "/sys/fs/cgroup/unified", MountRoot: "/", Own: "/"})
	loc[""] = "/sys/fs/cgroup/unified/c"
	return l, loc
}

// facts is a host as most cases have it.
func facts() *Host {
	h := &Host{Permitted: ^caps.Set(0), Nofile: [2]uint64{1024, 4096}, Null: [3]bool{true, false, false}}
	h.Layout, h.Location = unified()
	return h
}

// ordinary makes a host's facts those of an ordinary user, who has no cgroup.
func ordinary(h *Host, uid int) {
	h.Permitted, h.UID, h.GID, h.NoMounts, h.NoInspector = 0, uid, uid, true, true
	h.Location = cgroups.Location{}
}

func options() *Options {
	return &Options{ID: "id", Rootfs: "/bundle/rootfs", Staging: "/run/rung", State: hook.State{Before: `{"pid":`, After: "}"}}
}

// cases are the directories of testdata: config.json is the configuration,
// want the plan. What isn't in the configuration is set here.
var cases = map[string]func(h *Host, o *Options){
	"example":        func(*Host, *Options) {},
	"kcore":          func(h *Host, _ *Options) { h.HasKcore = true },
	"cgroup-v1":      func(h *Host, _ *Options) { h.Layout, h.Location = legacy() },
	"cgroup-hybrid":  func(h *Host, _ *Options) { h.Layout, h.Location = hybrid() },
	"cgroup-host":    func(*Host, *Options) {}, // no cgroup namespace
	"userns":         func(*Host, *Options) {},
	"userns-hostnet": func(*Host, *Options) {},
	"userns-hostpid": func(*Host, *Options) {},
	"joined": func(h *Host, _ *Options) {
		h.Joined = []Joined{{Flag: unix.CLONE_NEWNET}, {Flag: unix.CLONE_NEWUTS}, {Flag: unix.CLONE_NEWIPC}}
	},
	"joined-user": func(h *Host, _ *Options) {
		h.Joined = []Joined{{Flag: unix.CLONE_NEWUTS, Inner: true}, {Flag: unix.CLONE_NEWUSER}, {Flag: unix.CLONE_NEWNET}}
	},
	"joined-pid":        func(h *Host, _ *Options) { h.Joined = []Joined{{Flag: unix.CLONE_NEWPID}} },
	"joined-pid-userns": func(h *Host, _ *Options) { h.Joined = []Joined{{Flag: unix.CLONE_NEWPID}} },
	"joined-mount":      func(h *Host, _ *Options) { h.Joined = []Joined{{Flag: unix.CLONE_NEWNS}} },
	"no-mount-ns":       func(*Host, *Options) {},
	"joined-mount-mounts": func(h *Host, _ *Options) {
		h.Joined = []Joined{{Flag: unix.CLONE_NEWNS}}
	},
	"no-mount-ns-mounts": func(*Host, *Options) {},
	"terminal":           func(*Host, *Options) {},
	"no-pivot":           func(_ *Host, o *Options) { o.NoPivot = true },
	"hooks":              func(*Host, *Options) {},
	"devices":            func(*Host, *Options) {},
	"no-mknod":           func(h *Host, _ *Options) { h.Permitted &^= 1 << unix.CAP_MKNOD },
	"dev-bind":           func(*Host, *Options) {},
	"mounts":             func(*Host, *Options) {},
	"readonly":           func(*Host, *Options) {},
	"shared":             func(*Host, *Options) {},
	"unbindable":         func(*Host, *Options) {},
	"time":               func(*Host, *Options) {},
	"time-userns":        func(*Host, *Options) {},
	"rootless-one":       func(h *Host, _ *Options) { ordinary(h, 1000) },
	"rootless-many":      func(h *Host, _ *Options) { ordinary(h, 1000) },
	"from-root":          func(_ *Host, o *Options) { o.Bundle = "/bundle" },
	"rootless-joins": func(h *Host, _ *Options) {
		ordinary(h, 1000)
		h.Joined = []Joined{{Flag: unix.CLONE_NEWUSER}, {Flag: unix.CLONE_NEWIPC, Inner: true}}
	},
	"mapped-root":  func(h *Host, _ *Options) { h.UserNS = true },
	"uid-1000":     func(h *Host, _ *Options) { h.Permitted = 1<<unix.CAP_KILL | 1<<unix.CAP_CHOWN },
	"no-process":   func(*Host, *Options) {},
	"minimal":      func(h *Host, _ *Options) { h.Location = nil },
	"preserve-fds": func(_ *Host, o *Options) { o.Preserve = 3; o.Env = []string{"LISTEN_FDS=1", "LISTEN_PID=1"} },
	"disk": func(h *Host, _ *Options) { // and not the ext4 whose options take a directory to mount on
		h.Disks = map[Disk]bool{{"ext4", "/dev/loop0"}: true}
	},
	"no-keyring":     func(_ *Host, o *Options) { o.NoNewKeyring = true },
	"path-lookup":    func(*Host, *Options) {},
	"rlimits-sysctl": func(*Host, *Options) {},
	"labels":         func(h *Host, _ *Options) { h.AppArmor = "attr/apparmor/exec" },
	"labels-joined": func(h *Host, o *Options) {
		h.Joined = []Joined{{Flag: unix.CLONE_NEWUTS, Inner: true}, {Flag: unix.CLONE_NEWUSER}, {Flag: unix.CLONE_NEWNET}}
		o.NoNewKeyring = true
	},
	"more-mounts": func(_ *Host, o *Options) {
		o.Mounts = []specs.Mount{{Destination: "/run/notify", Source: "/run/rung/id/notify", Options: []string{"bind", "ro"}}}
	},
}

func load(t *testing.T, file string) *specs.Spec {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := spec.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// text prints what String leaves out as well.
func text(p *Plan) string {
	var b strings.Builder
	last, times := "", 0
	flush := func() {
		if times > 1 {
			last += " (" + itoa(times) + " times)"
		}
		if times > 0 {
			b.WriteString(last + "\n")
		}
	}
	for l := range strings.Lines(p.String()) {
		l = strings.TrimSuffix(l, "\n")
		if strings.HasPrefix(l, "tape ") { // without numbers, lest one entry more change all lines
			_, call, _ := strings.Cut(l, ": ")
			l = "tape: " + call
		}
		if l == last {
			times++
			continue
		}
		flush()
		last, times = l, 1
	}
	flush()
	o := &p.Orders
	line := func(name string, on bool) {
		if on {
			b.WriteString(name + "\n")
		}
	}
	line("waits for id maps", o.Gate)
	line("oom_score_adj", p.OOMScoreAdj != nil)
	line("procfs of the host", p.Slots.Proc != 0)
	b.WriteString(strings.Repeat("slot for a cgroup\n", len(p.Slots.Tasks)) + strings.Repeat("slot for a namespace\n", len(p.Slots.Joined)))
	for i, s := range o.Steps {
		switch s := s.(type) {
		case *step.Device:
			b.WriteString("detail of step " + itoa(i) + ": mode " + octal(s.Node.Mode) + " device " + itoa(int(unix.Major(s.Node.Rdev))) + ":" + itoa(int(unix.Minor(s.Node.Rdev))) + " owner " + itoa(s.Node.UID) + ":" + itoa(s.Node.GID) + "\n")
		case *step.Console, *step.MoveRoot, *step.EnterRoot, *step.Finish, *step.Sysctl, *step.BindDevice, *step.Mask:
			b.WriteString("detail of step " + itoa(i) + ": " + fields(s) + "\n")
		case *step.ContainerHooks:
			b.WriteString("detail of step " + itoa(i) + ": " + itoa(len(s.Hooks)) + " hooks, join " + itoa(s.Join) + "\n")
		}
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	dirs, err := filepath.Glob("testdata/*/config.json")
	if err != nil || len(dirs) != len(cases) {
		t.Errorf("%d directories in testdata, %d cases, %v", len(dirs), len(cases), err)
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			s, h, o := load(t, "testdata/"+name+"/config.json"), facts(), options()
			change(h, o)
			p, err := Create(s, h, o)
			if err != nil {
				t.Fatal(err)
			}
			sane(t, p)
			got, file := text(p), "testdata/"+name+"/want"
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (go test ./internal/plan -update writes it)", err)
			}
			if got != string(want) {
				t.Errorf("the plan differs from %s:\n%s", file, differ(string(want), got))
			}
		})
	}
}

// differ shows the lines around the first difference.
func differ(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return "line " + itoa(i+1) + "\nwant " + w[i] + "\ngot  " + g[i]
		}
	}
	return itoa(len(g)) + " lines, want " + itoa(len(w))
}

// sane checks what holds for every plan.
func sane(t *testing.T, p *Plan) {
	t.Helper()
	o := &p.Orders
	execs := 0
	labels := p.Tape.Labels()
	for i, l := range labels {
		if strings.HasPrefix(l, "exec ") || strings.HasPrefix(l, "!process ") {
			execs++
			if i != len(labels)-1 {
				t.Errorf("entry %d of %d is %q", i, len(labels), l)
			}
		}
	}
	if execs != 1 {
		t.Errorf("%d entries execute the program", execs)
	}
	used := map[int]int{}
	for _, s := range o.Steps {
		switch s := s.(type) {
		case *step.Mount:
			if s.From == step.FromTree || s.From == step.FromContext {
				used[s.Index]++
			}
			if s.Fallback >= 0 {
				used[s.Fallback]++
			}
			if n := len(p.Remote.Contexts); s.From == step.FromThere && s.Index >= n {
				t.Errorf("%s: file system %d of %d", s, s.Index, n)
			}
		case *step.EnterRoot:
			used[s.Tree]++
		case *step.BindDevice:
			used[s.Tree]++
		}
	}
	if want := len(o.Within) + len(p.Sources); len(p.Remote.Trees) != want {
		t.Errorf("%d places for %d mounts", len(p.Remote.Trees), want)
	}
	for i, n := range used {
		if i < 0 || i >= len(p.Sources)+len(p.Orders.Within)+len(p.Orders.Make) || n > 1 {
			t.Errorf("source %d of %d is used %d times", i, len(p.Sources)+len(p.Orders.Within)+len(p.Orders.Make), n)
		}
	}
}

// Every configuration of an engine can be planned, in every layout.
func TestEngines(t *testing.T) {
	files, err := filepath.Glob("../spec/testdata/engines/*-config-*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		for _, layout := range []func() (*cgroups.Layout, cgroups.Location){unified, legacy, hybrid} {
			s, h := load(t, file), facts()
			h.Layout, h.Location = layout()
			if s.Linux != nil {
				for _, ns := range s.Linux.Namespaces {
					if ns.Path != "" {
						h.Joined = append(h.Joined, Joined{Flag: Flag(ns.Type)})
					}
				}
			}
			p, err := Create(s, h, options())
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			sane(t, p)
		}
	}
}

// A plan depends on nothing but its inputs, and leaves them as they are.
func TestPure(t *testing.T) {
	for name, change := range cases {
		s, h, o := load(t, "testdata/"+name+"/config.json"), facts(), options()
		change(h, o)
		same, env := load(t, "testdata/"+name+"/config.json"), len(o.Env)
		var first string
		for range 5 {
			p, err := Create(s, h, o)
			if err != nil {
				t.Fatal(err)
			}
			if got := text(p); first == "" {
				first = got
			} else if got != first {
				t.Errorf("%s: planned again it differs: %s", name, differ(first, got))
			}
		}
		if !reflect.DeepEqual(s, same) || len(o.Env) != env {
			t.Errorf("%s: the configuration or the options were changed: %q", name, o.Env)
		}
	}
}

func TestHookPlan(t *testing.T) {
	for _, name := range []string{"example", "userns", "no-mount-ns", "joined"} {
		s, h := load(t, "testdata/"+name+"/config.json"), facts()
		cases[name](h, options())
		p, at, err := StartContainerHook(s, h, &specs.Hook{Path: "/hook", Env: []string{"A=1"}})
		if err != nil {
			t.Fatal(err)
		}
		labels := strings.Join(p.Tape.Labels(), "\n")
		for _, want := range []string{"join namespaces of container", "clone process", "set user id", "set capabilities", "close descriptors", "exec /hook"} {
			if !strings.Contains(labels, want) {
				t.Errorf("%s: nothing is labelled %q", name, want)
			}
		}
		if got := strings.Contains(labels, "change root\n"); got != (name == "no-mount-ns") {
			t.Errorf("%s: changes its root: %v", name, got)
		}
		if !p.Orders.exec || at.Init == 0 || at.Root == 0 || at.Stdin == 0 || at.Output == 0 {
			t.Errorf("%s: orders %+v, slots %+v", name, p.Orders, at)
		}
		if strings.Index(labels, "close descriptors") > strings.Index(labels, "set user id") {
			t.Errorf("%s: descriptors are closed too late", name)
		}
	}
}

func TestText(t *testing.T) {
	for _, tt := range []struct {
		label string
		errno uint32
		want  string
	}{
		{"set hostname web", uint32(unix.EPERM), "set hostname web: operation not permitted"},
		{"wait for start", nsenter.ErrPeerGone, "wait for start: the process at the other end has died"},
		{"!exec: \"x\": executable file not found in $PATH", uint32(unix.ENOENT), "exec: \"x\": executable file not found in $PATH"},
		{"", uint32(unix.EIO), ": input/output error"},
	} {
		if got := Text(tt.label, tt.errno); got != tt.want {
			t.Errorf("Text(%q, %d) = %q, want %q", tt.label, tt.errno, got, tt.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct{ env, more, want []string }{
		{nil, nil, []string{}},
		{[]string{"A=1", "B=2"}, nil, []string{"A=1", "B=2"}},
		{[]string{"A=1", "B=2", "A=3"}, nil, []string{"A=3", "B=2"}},
		{[]string{"A=1"}, []string{"A=2", "C=3"}, []string{"A=2", "C=3"}},
		{[]string{"A=", "A"}, nil, []string{"A"}},
		{[]string{"A=x=y", "A=x=z"}, nil, []string{"A=x=z"}},
		{[]string{"", "=", "=x"}, nil, []string{"=x"}},
		{[]string{"a=1", "A=2"}, nil, []string{"a=1", "A=2"}},
	} {
		env := append(make([]string, 0, 20), tt.env...)
		got := Environment(env, tt.more)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("environment(%q, %q) = %q, want %q", tt.env, tt.more, got, tt.want)
		}
		if spare := env[:cap(env)][len(env)]; spare != "" {
			t.Errorf("environment wrote %q behind the configuration's", spare)
		}
	}
	if v, ok := lookup([]string{"A", "AB=1", "A=2", "A=3"}, "A"); v != "2" || !ok {
		t.Errorf("lookup = %q, %v, want 2", v, ok)
	}
}

func TestCapabilities(t *testing.T) {
	const kill, chown, admin = caps.Set(1) << unix.CAP_KILL, caps.Set(1) << unix.CAP_CHOWN, caps.Set(1) << unix.CAP_SYS_ADMIN
	k, c, a := "CAP_KILL", "CAP_CHOWN", "CAP_SYS_ADMIN"
	for _, tt := range []struct {
		in   *specs.LinuxCapabilities
		have caps.Set
		want Capabilities
	}{
		{nil, ^caps.Set(0), Capabilities{}},
		{&specs.LinuxCapabilities{}, ^caps.Set(0), Capabilities{}},
		{&specs.LinuxCapabilities{Bounding: []string{k, a}, Permitted: []string{k, a}, Effective: []string{k, a}}, kill, Capabilities{Bounding: kill, Permitted: kill, Effective: kill}},
		{&specs.LinuxCapabilities{Effective: []string{k, c}, Permitted: []string{k}}, ^caps.Set(0), Capabilities{Effective: kill, Permitted: kill}},
		{&specs.LinuxCapabilities{Ambient: []string{k, c}, Permitted: []string{k, c}, Inheritable: []string{c}}, ^caps.Set(0), Capabilities{Ambient: chown, Permitted: kill | chown, Inheritable: chown}},
		{&specs.LinuxCapabilities{Bounding: []string{"CAP_NOPE", k}}, ^caps.Set(0), Capabilities{Bounding: kill}},
	} {
		if got := capabilities(tt.in, tt.have); got != tt.want {
			t.Errorf("capabilities(%+v, %#x) = %+v, want %+v", tt.in, uint64(tt.have), got, tt.want)
		}
	}
	_ = admin
}
