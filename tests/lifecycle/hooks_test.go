package lifecycle

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// hook appends its name to dir/order and keeps its standard input in dir/name.
func hook(dir, name string) specs.Hook {
	return specs.Hook{
		Path: "/bin/sh", Args: []string{"sh", "-c", fmt.Sprintf(`echo %[2]s >>%[1]s/order; cat >%[1]s/%[2]s`, dir, name)},
		Env: []string{"PATH=/usr/bin:/bin"},
	}
}

func hooked(t *testing.T, dir string) harness.Edit {
	return func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{
			Prestart:        []specs.Hook{hook(dir, "prestart")},
			CreateRuntime:   []specs.Hook{hook(dir, "createRuntime"), hook(dir, "createRuntime2")},
			CreateContainer: []specs.Hook{hook(dir, "createContainer")},
			StartContainer:  []specs.Hook{hook("/hooks", "startContainer")},
			Poststart:       []specs.Hook{hook(dir, "poststart")},
			Poststop:        []specs.Hook{hook(dir, "poststop")},
		}
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/hooks", Type: "bind", Source: dir, Options: []string{"bind"}})
	}
}

func order(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(dir + "/order")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Fields(string(data))
}

func TestHooks(t *testing.T) {
	harness.Share(t)
	dir := harness.TempDir(t)
	b := harness.New(t, harness.Args("/bin/sh", "-c", "echo program >>/hooks/order; sleep 60"), hooked(t, dir), func(s *specs.Spec) {
		s.Annotations = map[string]string{"org.example.a": "b"}
	})
	pid, _ := b.Create(t)
	created := []string{"prestart", "createRuntime", "createRuntime2", "createContainer"}
	if got := order(t, dir); !slices.Equal(got, created) {
		t.Errorf("after create: %v, want %v", got, created)
	}
	b.Must(t, "start")
	harness.Until(t, "seven have run", func() bool { return len(order(t, dir)) >= 7 })
	got := order(t, dir)
	slices.Sort(got[min(5, len(got)):]) // the program and poststart may come in any order
	if want := append(slices.Clone(created), "startContainer", "poststart", "program"); !slices.Equal(got, want) {
		t.Errorf("after start: %v, want %v", got, want)
	}
	b.End(t, pid)
	if got := order(t, dir); len(got) == 0 || got[len(got)-1] != "poststop" {
		t.Errorf("after delete: %v, want poststop last", got)
	}
	for name, want := range map[string]specs.ContainerState{
		"prestart": specs.StateCreating, "createRuntime": specs.StateCreating,
		"createContainer": specs.StateCreating, "startContainer": specs.StateCreated, "poststart": specs.StateRunning, "poststop": specs.StateStopped,
	} {
		checkHookState(t, b, dir, name, want, pid)
	}
}

// checkHookState compares what a hook got on its standard input.
func checkHookState(t *testing.T, b *harness.Bundle, dir, name string, want specs.ContainerState, pid int) {
	t.Helper()
	data, err := os.ReadFile(dir + "/" + name)
	if err != nil {
		t.Error(err)
		return
	}
	var s specs.State
	if err := json.Unmarshal(data, &s); err != nil {
		t.Errorf("%s: %v: %q", name, err, data)
		return
	}
	if s.ID != b.ID || s.Bundle != b.Dir || s.Annotations["org.example.a"] != "b" || s.Version == "" {
		t.Errorf("%s: state %s, want id, bundle, annotations and version", name, data)
	}
	if harness.IsRung() && s.Status != want {
		t.Errorf("%s: status %s, want %s", name, s.Status, want)
	}
	if name != "poststop" && name != "startContainer" && s.Pid != pid {
		t.Errorf("%s: pid %d, want %d", name, s.Pid, pid)
	}
}

func TestHookEnvironment(t *testing.T) {
	harness.Share(t)
	dir := harness.TempDir(t)
	b := harness.New(t, func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{
			{Path: "/usr/bin/env", Args: []string{"env"}, Env: []string{"ONLY=this"}},
			{Path: "/bin/sh", Args: []string{"zero", "-c", "echo $0 >" + dir + "/args; readlink /proc/$$/ns/mnt >" + dir + "/ns"}},
		}}
	})
	b.Container(t, "run").Silent(t)
	for file, want := range map[string]string{"args": "zero\n", "ns": ns(t, "self", "mnt") + "\n"} {
		if got, _ := os.ReadFile(dir + "/" + file); string(got) != want {
			t.Errorf("%s = %q, want %q", file, got, want)
		}
	}
}

// A hook that fails ends the container, after create's with an error, and the
// error has what the hook had to say.
func TestHookFailures(t *testing.T) {
	harness.Share(t)
	bad := []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "echo so bad >&2; exit 7"}}}
	for name, hooks := range map[string]*specs.Hooks{
		"prestart": {Prestart: bad}, "createRuntime": {CreateRuntime: bad}, "createContainer": {CreateContainer: bad}, "startContainer": {StartContainer: bad},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, func(s *specs.Spec) { s.Hooks = hooks })
			r := b.Container(t, "run")
			r.Fails(t, 1, "so bad")
			if !strings.Contains(r.Stderr, "exit status 7") {
				t.Errorf("want exit status 7: %v", r)
			}
			b.Run(t, "state", b.ID).Fails(t, 1, "does not exist")
		})
	}
	t.Run("poststop", func(t *testing.T) {
		b := harness.New(t, func(s *specs.Spec) { s.Hooks = &specs.Hooks{Poststop: bad} })
		if r := b.Container(t, "run"); r.Code != 0 {
			t.Errorf("want success, with a warning: %v", r)
		}
	})
	t.Run("missing", func(t *testing.T) {
		b := harness.New(t, func(s *specs.Spec) { s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/no/such/hook"}}} })
		b.Container(t, "run").Fails(t, 1, "no such file or directory")
	})
}

func TestHookTimeout(t *testing.T) {
	harness.Once(t)
	for name, script := range map[string]string{
		"itself":         "exec sleep 62",
		"and background": "sleep 2.5 & exec sleep 62", // a child that keeps its descriptors doesn't prolong it
	} {
		t.Run(name, func(t *testing.T) {
			if name == "and background" {
				harness.NeedRung(t, "a timeout that doesn't wait for a hook's children")
			}
			second := 1
			b := harness.New(t, func(s *specs.Spec) {
				s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Timeout: &second}}}
			})
			r := b.Container(t, "run")
			r.Fails(t, 1, "")
			if r.Elapsed < time.Second || r.Elapsed > 2*time.Second {
				t.Errorf("took %v, want a second", r.Elapsed)
			}
			if name == "and background" {
				harness.Until(t, "the child ends", func() bool { return b.ReapAll(t) > 0 }) // or it is taken for residue
			}
		})
	}
}
