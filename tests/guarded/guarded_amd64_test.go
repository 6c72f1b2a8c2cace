package guarded

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// through runs a verb of the runtime with its players stepped through.
func through(t *testing.T, s *stepper, b *harness.Bundle, verb ...string) string {
	t.Helper()
	out, err := os.CreateTemp(b.Dir, "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	argv := append([]string{harness.Runtime(), "--root", b.Root}, verb...)
	if err := s.follow(argv, os.Environ(), out, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The player touches what is its own and nothing else, whatever it is to make.
func TestAccesses(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "steps through rung's player")
	many := func(s *specs.Spec) {
		for i := range 20 {
			s.Mounts = append(s.Mounts, specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: fmt.Sprintf("/tmp/%d", i)})
		}
	}
	for _, c := range []struct {
		name  string
		edits []harness.Edit
	}{
		{"example", nil},
		{"user namespace", []harness.Edit{harness.MappedRoot}},
		{"many mounts", []harness.Edit{harness.AddMount(specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/tmp"}), many}},
		{"joined pid namespace", []harness.Edit{harness.JoinNS(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", os.Getpid()))}},
		{"no namespaces", []harness.Edit{func(s *specs.Spec) {
			s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}}
			s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Hostname = nil, nil, nil, ""
		}}},
		{"refused program", []harness.Edit{harness.Args("/bin/nosuch")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.edits != nil && c.name != "user namespace" {
				t.Skip("some of it is enough for a short test")
			}
			b := harness.New(t, c.edits...)
			b.Chown(t)
			var s stepper
			text := through(t, &s, b, "run", "--bundle", b.Dir, b.ID)
			if s.status.ExitStatus() != 0 != (c.name == "refused program") {
				t.Fatalf("status %#x: %s", *s.status, text)
			}
			judge(t, &s)
		})
	}
	t.Run("exec", func(t *testing.T) {
		b := harness.New(t, harness.Args("/bin/sleep", "600"))
		b.Running(t)
		var s stepper
		if text := through(t, &s, b, "exec", b.ID, "/bin/true"); s.status.ExitStatus() != 0 {
			t.Fatalf("status %#x: %s", *s.status, text)
		}
		judge(t, &s)
	})
}

func judge(t *testing.T, s *stepper) {
	t.Helper()
	t.Logf("%d programs, %d instructions, accesses: %v", s.programs, s.steps, s.touched)
	if s.programs == 0 || s.touched["arena"] < 5000 || s.touched["record"] < 100 {
		t.Error("too few to prove anything")
	}
	for _, what := range slices.Sorted(maps.Keys(s.wrong)) {
		t.Error(what)
	}
}

// Of an arena that is taken to be half as long the check sees what lies behind.
func TestCheckSees(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "steps through rung's player")
	b := harness.New(t)
	s := stepper{half: true}
	if text := through(t, &s, b, "run", "--bundle", b.Dir, b.ID); s.status.ExitStatus() != 0 {
		t.Fatalf("status %#x: %s", *s.status, text)
	}
	if len(s.wrong) == 0 {
		t.Error("accesses to the other half aren't seen")
	}
}
