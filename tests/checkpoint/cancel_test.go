package checkpoint

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// api is the trial's state, for a program that embeds the library.
func (x *trial) api() *libcontainer.Runtime { return &libcontainer.Runtime{Root: x.Root} }

func (x *trial) options() libcontainer.CRIUOptions {
	return libcontainer.CRIUOptions{Images: x.images(), Work: x.images() + ".work"}
}

// dumpBy dumps the container, until a context is done.
func (x *trial) dumpBy(ctx context.Context) error {
	return x.api().Container(x.ID).Checkpoint(ctx, &libcontainer.CheckpointOptions{CRIUOptions: x.options(), StatusFD: -1})
}

// restoreBy makes the container again, with nothing for its standard streams, until a context is done.
func (x *trial) restoreBy(ctx context.Context) error {
	o := &libcontainer.RestoreOptions{CRIUOptions: x.options()}
	o.ID, o.Bundle, o.PidFile, o.Detach = x.ID, x.Dir, x.Dir+"/pid", true
	_, err := x.api().Restore(ctx, o)
	return err
}

// What waits for a CRIU that does nothing is over when its context is.
func TestCancelWait(t *testing.T) {
	harness.Once(t)
	x := plain(t)
	dir := harness.TempDir(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, dir+"/criu"); err != nil { // no script: its path isn't to be seen where CRIU is
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	over := func(what string, f func(context.Context) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := f(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want %v", what, err, context.DeadlineExceeded)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: it took %v", what, took)
		}
	}
	over("checkpoint", x.dumpBy)
	x.lives(t)
	x.End(t, x.pid)
	if err := os.WriteFile(x.images()+"/inventory.img", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(x.images()+"/descriptors.json", []byte(`["/dev/null","/dev/null","/dev/null"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	over("restore", x.restoreBy)
	x.nothing(t)
}

// A dump whose context ends in the middle leaves the container as it was, and a restore nothing.
func TestCancelAny(t *testing.T) {
	need(t)
	x := begun(t)
	const rounds = 12
	cut := map[bool]int{}
	for range rounds {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.Int64N(int64(whole))))
		err := x.dumpBy(ctx)
		cancel()
		cut[err != nil]++
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("checkpoint: %v", err)
			}
			x.lives(t)
			if err := x.dumpBy(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		os.Remove(x.Dir + "/pid")
		ctx, cancel = context.WithTimeout(t.Context(), time.Duration(rand.Int64N(int64(whole))))
		err = x.restoreBy(ctx)
		cancel()
		cut[err != nil]++
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("restore: %v", err)
			}
			x.nothing(t)
			if err := x.restoreBy(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		x.pid = harness.PID(t, x.Dir+"/pid")
		if err := caught(func() { x.goesOn(1) }); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("of %d calls %d were cut short", 2*rounds, cut[true])
	if cut[true] == 0 || cut[false] == 0 {
		t.Errorf("all calls ended alike: %v", cut)
	}
}

// whole is longer than most dumps and restores take.
const whole = 3 * time.Second
