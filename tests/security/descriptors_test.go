package security

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// beside makes a container that runs, for others to join its namespaces.
func beside(t *testing.T, edits ...harness.Edit) (b *harness.Bundle, ns func(kind string) string) {
	t.Helper()
	b = harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "600")}, edits...)...)
	b.Chown(t)
	a := &attacker{Bundle: b}
	a.pid, a.out = b.Create(t)
	b.Must(t, "start")
	t.Cleanup(func() {
		b.Must(t, "delete", "--force")
		harness.Wait(t, a.pid)
	})
	return b, a.ns
}

// Between its birth and its program a process has open what can be taken from it by
// whoever shares its pid namespace and has CAP_SYS_PTRACE, which minds no dumpable flag.
// So at each system call nothing is there from which a path leads to the host. (In a pid namespace of its own a
// first process has its mounts open, for it attaches them itself; there is nobody who sees it.)
func TestBirthDescriptors(t *testing.T) {
	harness.NeedRung(t, "its own way to make containers")
	joined := func(edits []harness.Edit, kinds ...string) func(t *testing.T) []harness.Edit {
		return func(t *testing.T) (list []harness.Edit) {
			_, ns := beside(t, edits...)
			for _, kind := range kinds {
				file := kind
				if kind == "network" {
					file = "net"
				}
				list = append(list, harness.JoinNS(specs.LinuxNamespaceType(kind), ns(file)))
			}
			return list
		}
	}
	offsets := func(s *specs.Spec) {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
		s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 7}}
	}
	user := []harness.Edit{harness.MappedRoot}
	for _, c := range []struct {
		name  string
		edits []harness.Edit
		join  func(t *testing.T) []harness.Edit
	}{
		{"joined pid", nil, joined(nil, "pid")},
		{"joined pid and time offsets", []harness.Edit{offsets}, joined(nil, "pid")},
		{"joined pid, network, ipc, uts, cgroup", nil, joined(nil, "pid", "network", "ipc", "uts", "cgroup")},
		{"joined pid and time offsets in a user namespace", append([]harness.Edit{offsets, harness.DropMount("/proc")}, user...), joined(nil, "pid")},
		{"joined pid, user namespace", append([]harness.Edit{harness.DropMount("/proc")}, user...), joined(nil, "pid")},
		{"joined user and pid", nil, joined(user, "user", "pid")},
		{"joined user, pid and cgroup", nil, joined(user, "user", "pid", "cgroup")},
		{"joined pid, few mounts", []harness.Edit{func(s *specs.Spec) { s.Mounts = nil }}, joined(nil, "pid")},
		{"joined pid, terminal", []harness.Edit{func(s *specs.Spec) { s.Process.Terminal = true }}, joined(nil, "pid")},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			var d harness.Descriptors
			edits := append(c.edits[:len(c.edits):len(c.edits)], c.join(t)...)
			b := harness.New(t, edits...)
			b.Chown(t)
			if b.Spec.Process.Terminal {
				// A foreground run would relay a terminal that it hasn't got.
				call := b.Cmd("run", "--detach", "--console-socket", harness.Receive(t).Path)
				r := call.Follow(t, d.Look)
				r.Silent(t)
				b.Must(t, "delete", "--force")
				b.ReapAll(t)
			} else if r := b.Cmd("run").Follow(t, d.Look); r.Code != 0 || r.Stderr != "" {
				t.Errorf("%v", r)
			}
			d.Check(t, 1)
		})
	}
}

// The same of what an exec brings into a container.
func TestBirthDescriptorsExec(t *testing.T) {
	harness.NeedRung(t, "its own way into containers")
	for _, c := range []struct {
		name  string
		edits []harness.Edit
		flags []string
	}{
		{"host root", nil, nil},
		{"user 1000", nil, []string{"--user", "1000:1000"}},
		{"user namespace", []harness.Edit{harness.MappedRoot}, nil},
		{"host's mounts", []harness.Edit{harness.WithoutNS(specs.MountNamespace), func(s *specs.Spec) {
			s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Root.Readonly = nil, nil, nil, false
		}}, nil},
		{"oom score", []harness.Edit{func(s *specs.Spec) { s.Process.OOMScoreAdj = pointer(500) }}, nil},
		{"no limits", []harness.Edit{func(s *specs.Spec) { s.Process.Rlimits = nil }}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, _ := beside(t, c.edits...)
			var d harness.Descriptors
			args := append(append([]string{"--root", b.Root, "exec"}, c.flags...), b.ID, "/bin/true")
			r := (&harness.Cmd{Args: args}).Follow(t, d.Look)
			r.Silent(t)
			b.ReapAll(t)
			d.Check(t, 1)
		})
	}
}

func pointer[T any](v T) *T { return &v }
