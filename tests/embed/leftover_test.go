package embed

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// A context is no longer than it is in a container that is paused either.
func TestCancelPaused(t *testing.T) {
	c := running(t, harness.New(t, harness.Args("/bin/sleep", "100")))
	for name, ignore := range map[string]bool{"meanwhile": false, "before": true} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			before := count()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			pause := func() {
				if err := c.Pause(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if ignore {
				pause()
			}
			done := make(chan error, 1)
			go func() {
				_, err := c.Run(ctx, &libcontainer.ExecOptions{Args: []string{"/bin/sleep", "100"}, IgnorePaused: ignore, Stdout: new(bytes.Buffer)})
				done <- err
			}()
			harness.Until(t, "it is there", func() bool {
				pids, err := c.Processes()
				return err == nil && len(pids) > 1
			})
			if !ignore {
				pause()
			}
			cancel()
			select {
			case err := <-done:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("Run = %v", err)
				}
			case <-time.After(5 * time.Second):
				t.Error("Run doesn't return")
			}
			if err := c.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			settles(t, before)
		})
	}
}

// Nothing is left of a Run whose writer fails, unless it is to be kept.
func TestRunWriterFails(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Shell("echo hi; exit 3"))
	r := runtimeOf(t, b)
	before := count()
	for _, keep := range []bool{false, true} {
		status, err := r.Run(boundary(t), &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir, Stdout: failing{}}, Keep: keep})
		if !errors.Is(err, errFailing) || status != 3 {
			t.Errorf("Run = %v, %v", status, err)
		}
		s, serr := r.Container(b.ID).State()
		if keep && (serr != nil || s.Exit == nil || s.Exit.Status != 3) || !keep && !errors.Is(serr, libcontainer.ErrNotExist) {
			t.Errorf("keep %v: then State = %+v, %v", keep, s, serr)
		}
	}
	if err := r.Container(b.ID).Delete(t.Context(), false); err != nil {
		t.Error(err)
	}
	settles(t, before)
}

// Nothing is left either where the program ignores the ends of its children; the statuses are known where the kernel tells them by pidfds.
func TestStatusTaken(t *testing.T) {
	harness.Once(t)
	const script = "read go; echo hi; exit 3" // what ends before we have its pidfd is nobody's
	b := harness.New(t, harness.Shell(script))
	stays := running(t, b.Beside(t, harness.Args("/bin/sleep", "100")))
	r := runtimeOf(t, b)
	signal.Ignore(unix.SIGCHLD)
	defer func() { // Reset doesn't end Ignore for a signal that Go handles anyway
		c := make(chan os.Signal, 1)
		signal.Notify(c, unix.SIGCHLD)
		signal.Stop(c)
	}()
	in := func() *strings.Reader { return strings.NewReader("go\n") }
	told := func(what string, status libcontainer.ExitStatus, err error, out string) {
		t.Helper()
		if err != nil && !errors.Is(err, unix.ECHILD) || err == nil && status != 3 || out != "hi\n" {
			t.Errorf("%s = %v, %v: %q", what, status, err, out)
		}
	}
	for range 5 {
		var out strings.Builder
		status, err := r.Run(boundary(t), &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir, Stdin: in(), Stdout: &out}})
		told("Runtime.Run", status, err, out.String())
		if _, err := os.Stat(b.Root + "/" + b.ID); err == nil {
			t.Error("its state is left")
		}
		out.Reset()
		status, err = stays.Run(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/sh", "-c", script}, Stdin: in(), Stdout: &out})
		told("Container.Run", status, err, out.String())
		out.Reset()
		p, err := stays.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/sh", "-c", script}, Stdin: in(), Stdout: &out})
		if err != nil {
			t.Fatal(err)
		}
		status, err = p.Wait(boundary(t))
		told("Process.Wait", status, err, out.String())
	}
}

// Nothing is written any more when a Run whose context was done has returned.
func TestNothingWrittenAfterwards(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "100"))
	c := running(t, b)
	const script = "(while echo x; do sleep 0.01; done) & exit 3"
	before := count()
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		out := new(sink)
		status, err := c.Run(ctx, &libcontainer.ExecOptions{Args: []string{"/bin/sh", "-c", script}, Stdout: out, Stderr: out})
		out.returned.Store(true)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || out.Len() == 0 {
			t.Errorf("Run = %v, %v: %d bytes", status, err, out.Len())
		}
		time.Sleep(50 * time.Millisecond)
		if out.late.Load() {
			t.Error("it is written to after Run")
		}
	}
	settles(t, before)
}

// A sink notes whether something comes late.
type sink struct {
	bytes.Buffer
	returned, late atomic.Bool
}

func (s *sink) Write(p []byte) (int, error) {
	if s.returned.Load() {
		s.late.Store(true)
		return len(p), nil
	}
	return s.Buffer.Write(p)
}

// Who waits for a container that has been deleted is told when its output is complete.
func TestWaitDeleted(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Shell("echo hi; sleep 100"))
	out := &late{begun: make(chan struct{})}
	c := create(t, b, func(o *libcontainer.CreateOptions) { o.Stdout = out })
	if err := c.Start(boundary(t)); err != nil {
		t.Fatal(err)
	}
	<-out.begun
	if err := c.Delete(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a Wait that was given up: %v", err)
	}
	if _, err := c.Wait(boundary(t)); !errors.Is(err, libcontainer.ErrNotExist) || out.String() != "hi\n" {
		t.Errorf("Wait = %v: %q", err, out.String())
	}
}

// A late writer is slow, and says when it has begun.
type late struct {
	strings.Builder
	begun chan struct{}
}

func (s *late) Write(p []byte) (int, error) {
	close(s.begun)
	time.Sleep(500 * time.Millisecond)
	return s.Builder.Write(p)
}

// Whatever can't be done in a paused container, or a stopped one, is told by one error, in words of its own.
func TestPausedAndStopped(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Args("/bin/sleep", "100"))
	c := running(t, b)
	calls := map[string]func() error{
		"start": func() error { return c.Start(t.Context()) },
		"exec": func() error {
			return second(c.Exec(t.Context(), &libcontainer.ExecOptions{Args: []string{"/bin/true"}}))
		},
		"run": func() error {
			return second(c.Run(t.Context(), &libcontainer.ExecOptions{Args: []string{"/bin/true"}}))
		},
		"runin": func() error {
			return second(c.RunIn(t.Context(), &libcontainer.RunInOptions{Rootfs: b.Rootfs, Args: []string{"/bin/true"}}))
		},
	}
	if err := c.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, libcontainer.ErrPaused) || errors.Is(err, libcontainer.ErrStopped) {
			t.Errorf("%s of a paused container: %v", name, err)
		}
	}
	if err := c.Kill(unix.SIGKILL, false); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(boundary(t)); err != nil {
		t.Fatal(err)
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, libcontainer.ErrStopped) || errors.Is(err, libcontainer.ErrPaused) {
			t.Errorf("%s of a stopped container: %v", name, err)
		}
	}
}
