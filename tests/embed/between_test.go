package embed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// rounds is how often somebody comes between.
const rounds = 40

// meanwhile makes the call, with what comes between it at some moment of what it takes otherwise; the first is never disturbed.
func meanwhile(t *testing.T, call func() error, between func()) error {
	t.Helper()
	done := make(chan struct{})
	took := max(lastTook, time.Millisecond)
	go func() {
		defer close(done)
		time.Sleep(time.Duration(rand.Int64N(int64(took))))
		between()
	}()
	start := time.Now()
	err := call()
	if err == nil {
		lastTook = time.Since(start)
	}
	<-done
	return err
}

// lastTook is how long the last call took that nobody disturbed.
var lastTook time.Duration

// A container that somebody ends or deletes while it is made or started, or while a process is made in it, is a documented error, and no guess.
func TestKilledBetween(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	r := runtimeOf(t, b)
	t.Cleanup(func() { _ = r.Container(b.ID).Delete(context.Background(), true) })
	made := func() *libcontainer.Container {
		c, err := r.Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	remove := func() {
		if err := r.Container(b.ID).Delete(boundary(t), true); err != nil {
			t.Error(err)
		}
	}
	for name, tt := range map[string]struct {
		before func() *libcontainer.Container
		call   func(*libcontainer.Container) error
	}{
		"Start": {made, func(c *libcontainer.Container) error { return c.Start(boundary(t)) }},
		"Exec": {func() *libcontainer.Container {
			c := made()
			if err := c.Start(boundary(t)); err != nil {
				t.Fatal(err)
			}
			return c
		}, func(c *libcontainer.Container) error {
			_, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/sleep", "600"}})
			return err
		}},
	} {
		for how, between := range map[string]func(*libcontainer.Container){
			"killed":  func(c *libcontainer.Container) { _ = c.Kill(unix.SIGKILL, false) },
			"deleted": func(*libcontainer.Container) { remove() },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				seen := map[string]int{}
				for range rounds {
					c := tt.before()
					err := meanwhile(t, func() error { return tt.call(c) }, func() { between(c) })
					if err != nil && !errors.Is(err, libcontainer.ErrStopped) && (how == "killed" || !errors.Is(err, libcontainer.ErrNotExist)) {
						t.Error(err)
					}
					seen[fmt.Sprint(err)]++
					remove()
				}
				t.Log(seen)
			})
		}
	}
}

// Who deletes by id what is being made is told of as that by Create and Run, which leave nothing.
func TestDeletedWhileMade(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/true"))
	r := runtimeOf(t, b)
	for name, call := range map[string]func() error{
		"Create": func() error {
			_, err := r.Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir})
			return err
		},
		"Run": func() error {
			_, err := r.Run(boundary(t), &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			between := 0
			for range rounds {
				over := make(chan struct{})
				gone := make(chan error)
				go func() {
					for { // until there is a record, with the first process still on its way
						if _, err := os.Stat(b.Root + "/" + b.ID + "/state.json"); err == nil {
							break
						}
						select {
						case <-over:
							gone <- nil
							return
						default:
						}
					}
					gone <- r.Container(b.ID).Delete(boundary(t), true)
				}()
				err := call()
				close(over)
				if derr := <-gone; derr != nil {
					t.Error(derr)
				}
				if err != nil {
					between++
				}
				if err != nil && (!errors.Is(err, libcontainer.ErrNotExist) || strings.Contains(err.Error(), "signal")) {
					t.Errorf("%v", err)
				}
				if err := r.Container(b.ID).Delete(boundary(t), true); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("it came between %d times of %d", between, rounds)
		})
	}
}
