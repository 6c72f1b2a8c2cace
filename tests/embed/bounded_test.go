package embed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// changes are all methods that change a container, or wait, beside those that make one.
func changes(r *libcontainer.Runtime, c *libcontainer.Container, pidfd int) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Delete":        func(ctx context.Context) error { return c.Delete(ctx, false) },
		"Pause":         c.Pause,
		"Resume":        c.Resume,
		"Update":        func(ctx context.Context) error { return c.Update(ctx, nil) },
		"UpdateSchemas": func(ctx context.Context) error { return c.UpdateSchemas(ctx, "", "") },
		"AddMount":      func(ctx context.Context) error { return c.AddMount(ctx, specs.Mount{}) },
		"RemoveMount":   func(ctx context.Context) error { return c.RemoveMount(ctx, "/x") },
		"AddDevice":     func(ctx context.Context) error { return c.AddDevice(ctx, specs.LinuxDevice{}, "r") },
		"RemoveDevice":  func(ctx context.Context) error { return c.RemoveDevice(ctx, "/x") },
		"Checkpoint":    func(ctx context.Context) error { return c.Checkpoint(ctx, nil) },
		"Start":         c.Start,
		"CheckCheckpoint": func(ctx context.Context) error {
			_, err := c.CheckCheckpoint(ctx, nil)
			return err
		},
		"Keep": func(ctx context.Context) error { return second(c.Keep(ctx, pidfd)) },
		"Wait": func(ctx context.Context) error { return second(c.Wait(ctx)) },
		"GC":   func(ctx context.Context) error { return second(r.GC(ctx, &libcontainer.GCOptions{Apply: true})) },
	}
}

// What a context is done for isn't begun.
func TestDoneBefore(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "100"))
	r, c := runtimeOf(t, b), create(t, b, nil)
	done, end := context.WithCancel(t.Context())
	end()
	var none context.Context
	for name, call := range changes(r, c, -1) {
		if err := call(done); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if err := call(none); err == nil || !strings.Contains(err.Error(), "the context is nil") {
			t.Errorf("%s without a context: %v", name, err)
		}
	}
	if s, err := c.State(); err != nil || s.Status != specs.StateCreated {
		t.Errorf("State = %+v, %v", s, err)
	}
}

// Nobody waits longer for another call that changes the container than he wants to.
func TestDoneBehindAnother(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "100"), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/sleep", Args: []string{"sleep", "100"}}}}
	})
	r, c := runtimeOf(t, b), create(t, b, nil)
	pidfd := pidfdOf(t, c)
	ctx, end := context.WithCancel(t.Context())
	started := make(chan error)
	go func() { started <- c.Start(ctx) }()
	harness.Until(t, "the hook runs", func() bool {
		pids, err := c.Processes()
		return err == nil && len(pids) == 2
	})
	calls := changes(r, c, pidfd)
	for _, never := range []string{"GC", "CheckCheckpoint"} { // which wait for no lock
		delete(calls, never)
	}
	for name, call := range calls {
		soon, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
		begin := time.Now()
		if err := call(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		stop()
	}
	end()
	if err := <-started; !errors.Is(err, context.Canceled) {
		t.Errorf("Start: %v", err)
	}
}

// A delete that is given up has ended the hook that ran; the next one runs that, and those after it.
func TestCancelDelete(t *testing.T) {
	harness.Once(t)
	dir := harness.TempDir(t)
	hook := func(n string) specs.Hook {
		return specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", "cd " + dir + "; echo begin " + n + " >>log; read x <go" + n + "; echo end " + n + " >>log"}}
	}
	b := harness.New(t, harness.Args("/bin/sleep", "100"), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{Poststop: []specs.Hook{hook("1"), hook("2")}}
	})
	c := create(t, b, nil)
	allow := func(n string) { // once there is who reads
		if err := os.WriteFile(filepath.Join(dir, "go"+n), []byte("x\n"), 0); err != nil {
			t.Error(err)
		}
	}
	for _, n := range []string{"1", "2"} {
		if err := unix.Mkfifo(filepath.Join(dir, "go"+n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := func() string {
		text, _ := os.ReadFile(filepath.Join(dir, "log"))
		return strings.Join(strings.Split(strings.TrimSpace(string(text)), "\n"), ", ")
	}
	before := count()
	ctx, end := context.WithCancel(t.Context())
	deleted := make(chan error)
	go func() { deleted <- c.Delete(ctx, true) }()
	allow("1")
	harness.Until(t, "the second hook runs", func() bool { return log() == "begin 1, end 1, begin 2" })
	end()
	if err := <-deleted; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "for another delete") {
		t.Errorf("Delete: %v", err)
	}
	settles(t, before)
	if s, err := c.State(); err != nil || s.Status != specs.StateStopped {
		t.Errorf("State = %+v, %v", s, err)
	}
	go allow("2")
	if err := c.Delete(t.Context(), false); err != nil {
		t.Error(err)
	}
	if got := log(); got != "begin 1, end 1, begin 2, begin 2, end 2" {
		t.Errorf("hooks: %s", got)
	}
}

// So it is of garbage that is collected.
func TestCancelGC(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Shell("exit 0"), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Path: "/bin/sleep", Args: []string{"sleep", "1"}}}}
	})
	r, c := runtimeOf(t, b), running(t, b)
	if _, err := c.Wait(boundary(t)); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer end()
	o := &libcontainer.GCOptions{Apply: true}
	o.Stopped = true
	if found, err := r.GC(ctx, o); !errors.Is(err, context.DeadlineExceeded) || len(found) != 1 || !errors.Is(found[0].Err, context.DeadlineExceeded) {
		t.Errorf("GC = %+v, %v", found, err)
	}
}
