package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/caps"
)

const filterLabel = "install seccomp filter"

// filtered is the example with a profile.
func filtered(t *testing.T, nnp bool, profile *specs.LinuxSeccomp) *specs.Spec {
	t.Helper()
	s := load(t, "testdata/example/config.json")
	s.Process.NoNewPrivileges = nnp
	s.Linux.Seccomp = profile
	return s
}

func asking() *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow, ListenerPath: "/agent",
		Syscalls: []specs.LinuxSyscall{{Names: []string{"mount"}, Action: specs.ActNotify}},
	}
}

// labels are those of a tape's entries that have one.
func labels(p *Plan) []string {
	return slices.DeleteFunc(slices.Clone(p.Tape.Labels()), func(l string) bool { return l == "" })
}

// TestFilterIsLast has nothing between the filter and the execve.
func TestFilterIsLast(t *testing.T) {
	for _, nnp := range []bool{true, false} {
		p, err := Create(filtered(t, nnp, &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}), facts(), options())
		if err != nil {
			t.Fatal(err)
		}
		l := labels(p)
		if at := slices.Index(l, filterLabel); at != len(l)-2 || !strings.HasPrefix(l[at+1], "exec ") || slices.Index(l, "wait for start") > at {
			t.Errorf("no_new_privs %v: %q", nnp, l[len(l)-6:])
		}
		if p.Slots.Listener != 0 {
			t.Errorf("a listener without an agent")
		}
	}
	if p, err := Create(filtered(t, true, &specs.LinuxSeccomp{}), facts(), options()); err != nil || slices.Contains(labels(p), filterLabel) {
		t.Errorf("a filter that nobody asked for: %v", err)
	}
}

// TestNotifyOrder has the agent served before anything else is asked.
func TestNotifyOrder(t *testing.T) {
	for _, rootless := range []bool{false, true} {
		h := facts()
		s := filtered(t, true, asking())
		if rootless {
			s = load(t, "testdata/rootless-one/config.json")
			s.Linux.Seccomp = asking()
			ordinary(h, 1000)
		}
		p, err := Create(s, h, options())
		if err != nil {
			t.Fatal(err)
		}
		l := labels(p)
		at := slices.Index(l, filterLabel)
		want := []string{filterLabel, "report seccomp listener to runtime", "wait for seccomp agent", "close seccomp listener"}
		if rootless {
			want = append(want, "become dumpable")
		}
		want = append(want, "report to runtime")
		if at < 0 || !slices.Equal(l[at:at+len(want)], want) || slices.Index(l[at+1:], filterLabel) >= 0 {
			t.Errorf("%q", l)
		}
		if p.Slots.Listener == 0 || p.SendListener != rootless {
			t.Errorf("listener %d, sent %v", p.Slots.Listener, p.SendListener)
		}
	}
}

// TestFilterRight gives CAP_SYS_ADMIN for as long as it takes, and only then.
func TestFilterRight(t *testing.T) {
	for _, nnp := range []bool{true, false} {
		p := &planner{spec: filtered(t, nnp, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}), host: facts()}
		if err := p.seccomp(); err != nil {
			t.Fatal(err)
		}
		set := p.forFilter(Capabilities{Bounding: 1, Effective: 1, Permitted: 1, Inheritable: 1, Ambient: 1})
		admin := caps.Set(1 << unix.CAP_SYS_ADMIN)
		if nnp {
			admin = 0
		}
		if set != (Capabilities{Bounding: 1, Effective: 1 | admin, Permitted: 1 | admin, Inheritable: 1, Ambient: 1}) {
			t.Errorf("no_new_privs %v: %+v", nnp, set)
		}
	}
}

func TestFilterErrors(t *testing.T) {
	weak := facts()
	weak.Permitted = 1 << unix.CAP_CHOWN
	if _, err := Create(filtered(t, false, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}), weak, options()); err == nil || !strings.Contains(err.Error(), "linux.seccomp: takes process.noNewPrivileges") {
		t.Errorf("without CAP_SYS_ADMIN: %v", err)
	}
	if _, err := Create(filtered(t, true, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}), weak, options()); err != nil {
		t.Errorf("with no_new_privs: %v", err)
	}
	send := asking()
	send.Syscalls[0].Names = []string{"sendmsg"}
	s := load(t, "testdata/rootless-one/config.json")
	s.Linux.Seccomp = send
	h := facts()
	ordinary(h, 1000)
	if _, err := Create(s, h, options()); err == nil || !strings.Contains(err.Error(), "sendmsg") {
		t.Errorf("rootless: %v", err)
	}
}

// TestHookFilter has hooks filtered as the container's process is. An agent gets
// the filter's descriptor before the program runs.
func TestHookFilter(t *testing.T) {
	for _, test := range []struct {
		nnp     bool
		profile *specs.LinuxSeccomp
		want    bool
	}{
		{false, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, true},
		{true, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, true},
		{false, nil, false},
	} {
		p, _, err := StartContainerHook(filtered(t, test.nnp, test.profile), facts(), &specs.Hook{Path: "/bin/hook"})
		if err != nil {
			t.Fatal(err)
		}
		l := labels(p)
		if got := l[len(l)-2] == filterLabel; got != test.want {
			t.Errorf("no_new_privs %v: %q", test.nnp, l[len(l)-3:])
		}
	}
	p, at, err := StartContainerHook(filtered(t, false, asking()), facts(), &specs.Hook{Path: "/bin/hook"})
	if err != nil {
		t.Fatal(err)
	}
	l := labels(p)
	filter, wait := slices.Index(l, filterLabel), slices.Index(l, "wait for seccomp agent")
	if at.Control == 0 || p.Slots.Listener == 0 || filter < 0 || wait < filter || wait > len(l)-2 {
		t.Errorf("with an agent: control %d, listener %d, %q", at.Control, p.Slots.Listener, l)
	}
}
