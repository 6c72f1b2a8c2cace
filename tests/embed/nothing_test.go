package embed

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// What isn't given is an error, or says nothing, and never a panic.
func TestNothingGiven(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	r, c, ctx := runtimeOf(t, b), running(t, b), boundary(t)
	var zero libcontainer.Container
	var none context.Context
	exec := &libcontainer.ExecOptions{Args: []string{"/bin/true"}}
	p, err := c.Exec(ctx, exec)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Create":                 second(r.Create(ctx, nil)),
		"Run":                    second(r.Run(ctx, nil)),
		"Plan":                   second(r.Plan(nil)),
		"Exec":                   second(c.Exec(ctx, nil)),
		"Container.Run":          second(c.Run(ctx, nil)),
		"RunIn":                  second(c.RunIn(ctx, nil)),
		"zero State":             second(zero.State()),
		"zero Exec":              second(zero.Exec(ctx, exec)),
		"zero Wait":              second(zero.Wait(ctx)),
		"zero Delete":            zero.Delete(t.Context(), true),
		"zero Update":            zero.Update(t.Context(), nil),
		"zero Start":             zero.Start(ctx),
		"zero Process":           second(new(libcontainer.Process).Wait(ctx)),
		"Create without context": second(r.Create(none, &libcontainer.CreateOptions{ID: b.ID + "-2", Bundle: b.Dir})),
		"Exec without context":   second(c.Exec(none, exec)),
		"Wait without context":   second(c.Wait(none)),
		"Load without context":   second(r.Load(none, b.ID)),
		"Process.Wait":           second(p.Wait(none)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for range c.Events(none, time.Second) {
		break
	}
	if err := c.Update(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if _, err := r.GC(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if _, err := create(t, harness.New(t), nil).CheckCheckpoint(t.Context(), nil); !errors.Is(err, libcontainer.ErrNotRunning) {
		t.Errorf("CheckCheckpoint of what isn't started: %v", err)
	}
	if _, err := p.Wait(ctx); err != nil {
		t.Error(err)
	}
}

// A state directory is the same one wherever the program goes.
func TestRelativeRoot(t *testing.T) {
	harness.Once(t)
	b := harness.New(t)
	for _, root := range []string{"", "run", "./run"} {
		r := runtimeOf(t, b)
		r.Root = root
		_, err := r.Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir})
		_, _, list := r.List(boundary(t))
		for _, err := range []error{err, second(r.Load(boundary(t), b.ID)), list} {
			if err == nil || !strings.Contains(err.Error(), "Runtime.Root") {
				t.Errorf("Root %q: %v", root, err)
			}
		}
	}
}

// Paths of what is added are absolute.
func TestRelativePaths(t *testing.T) {
	harness.Once(t)
	c := running(t, harness.New(t, harness.Args("/bin/sleep", "600")))
	null := specs.LinuxDevice{Type: "c", Major: 1, Minor: 3}
	relative, odd := null, null
	relative.Path, odd.Path = "dev/x", "/dev/x"
	for name, err := range map[string]error{
		"mount":  c.AddMount(t.Context(), specs.Mount{Source: "/etc", Destination: "tmp", Options: []string{"bind"}}),
		"source": c.AddMount(t.Context(), specs.Mount{Destination: "/tmp", Options: []string{"bind"}}),
		"device": c.AddDevice(t.Context(), relative, "rw"),
		"access": c.AddDevice(t.Context(), odd, "q"),
	} {
		if e, ok := errors.AsType[*libcontainer.ConfigError](err); !ok || e.Findings[0].Field == "" || e.Error() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the kernel refuses has a name, also where that isn't a step of its own.
func TestStepNamed(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Source: "/no/such", Type: "bind", Options: []string{"bind"}})
	})
	_, err := runtimeOf(t, b).Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir})
	if e, ok := errors.AsType[*libcontainer.StepError](err); !ok || !strings.Contains(e.Step, "/no/such") || strings.Contains(e.Step, "no such file") {
		t.Errorf("%#v", err)
	}
}
