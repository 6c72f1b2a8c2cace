package embed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// A process that nobody has waited for keeps nothing from its end, and its status is kept for who waits late.
func TestUnwaited(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "100"))
	for name, detach := range map[string]bool{"attached": false, "detached": true} {
		t.Run(name, func(t *testing.T) {
			before := count()
			c := create(t, b.Beside(t, harness.Args("/bin/sleep", "100")), nil)
			if err := c.Start(boundary(t)); err != nil {
				t.Fatal(err)
			}
			lives, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/sleep", "100"}, Detach: detach})
			if err != nil {
				t.Fatal(err)
			}
			ended, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/sh", "-c", "exit 5"}, Detach: detach})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/true"}, Detach: detach}); err != nil { // and is forgotten
				t.Fatal(err)
			}
			runtime.GC()
			harness.Until(t, "the end of what exits with 5", func() bool {
				stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", ended.PID()))
				return err != nil || strings.Contains(string(stat), ") Z ")
			})
			if err := c.Kill(unix.SIGKILL, false); err != nil {
				t.Fatal(err)
			}
			if status, err := c.Wait(boundary(t)); status != 128+9 || err != nil {
				t.Errorf("the container's Wait = %v, %v", status, err)
			}
			if s, err := c.State(); err != nil || s.Status != specs.StateStopped {
				t.Errorf("State = %+v, %v", s, err)
			}
			if err := c.Delete(t.Context(), false); err != nil {
				t.Error(err)
			}
			settles(t, before)
			for p, want := range map[*libcontainer.Process]libcontainer.ExitStatus{lives: 128 + 9, ended: 5} {
				if status, err := p.Wait(boundary(t)); status != want || err != nil {
					t.Errorf("Wait = %v, %v, want %v", status, err, want)
				}
			}
		})
	}
}

// A Run isn't held up by what another has executed beside it and left.
func TestUnwaitedBesideRun(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Shell("while [ ! -e /dev/go ]; do sleep 0.02; done; exit 4"))
	r := runtimeOf(t, b)
	go func() {
		for t.Context().Err() == nil {
			if c, err := r.Load(t.Context(), b.ID); err == nil {
				if s, err := c.State(); err == nil && s.Status == specs.StateRunning {
					_, err = c.Exec(t.Context(), &libcontainer.ExecOptions{Args: []string{"/bin/touch", "/dev/go"}})
					if err != nil {
						t.Error(err)
					}
					return
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	status, err := r.Run(boundary(t), &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir}})
	if status != 4 || err != nil {
		t.Errorf("Run = %v, %v", status, err)
	}
	if _, err := r.Container(b.ID).State(); !errors.Is(err, libcontainer.ErrNotExist) {
		t.Errorf("afterwards: %v", err)
	}
}

// The Waits of many who are given up and of a process that ends don't lose each other.
func TestUnwaitedMany(t *testing.T) {
	harness.Once(t)
	c := running(t, harness.New(t, harness.Args("/bin/sleep", "100")))
	before := count()
	for i := range 40 {
		p, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/sh", "-c", "exit 6"}})
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			continue
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, _ = p.Wait(gone)
		if status, err := p.Wait(boundary(t)); status != 6 || err != nil {
			t.Errorf("Wait = %v, %v", status, err)
		}
	}
	settles(t, before)
}
