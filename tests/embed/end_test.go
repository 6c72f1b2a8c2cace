package embed

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// Who waits hears how an init has ended that another call deletes, and reaps, meanwhile.
func TestWaitDuringDelete(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	for range rounds {
		c, err := runtimeOf(t, b).Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(boundary(t)); err != nil {
			t.Fatal(err)
		}
		status := make(chan libcontainer.ExitStatus)
		for range 3 {
			go func() {
				s, err := c.Wait(boundary(t))
				if err != nil {
					t.Error(err)
				}
				status <- s
			}()
		}
		time.Sleep(20 * time.Millisecond) // they wait
		if err := c.Delete(boundary(t), true); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if s := <-status; s != 128+9 {
				t.Errorf("Wait = %v", s)
			}
		}
	}
}

// Keep is for a pidfd of the init, and for nothing else.
func TestKeepPidfd(t *testing.T) {
	harness.Once(t)
	c := running(t, harness.New(t, harness.Args("/bin/sleep", "600")))
	own, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(own)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for name, fd := range map[string]int{"none": -1, "closed": 1 << 20, "another's": own, "a pipe": int(r.Fd())} {
		ctx, end := context.WithTimeout(t.Context(), 2*time.Second)
		if _, err := c.Keep(ctx, fd); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		end()
	}
	pidfd := pidfdOf(t, c)
	if err := c.Kill(unix.SIGKILL, false); err != nil {
		t.Fatal(err)
	}
	if status, err := c.Keep(boundary(t), pidfd); status != 128+9 || err != nil {
		t.Errorf("Keep = %v, %v", status, err)
	}
	if _, err := c.Stats(); !errors.Is(err, libcontainer.ErrNotRunning) {
		t.Errorf("Stats of what has ended: %v", err)
	}
}

// A Debug that panics leaves nothing, whenever it does.
func TestPanickingDebug(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/true"))
	r := runtimeOf(t, b)
	run := func() (err error, panicked bool) {
		defer func() { panicked = recover() != nil }()
		_, err = r.Run(boundary(t), &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir}})
		return err, false
	}
	if err, _ := run(); err != nil {
		t.Fatal(err)
	}
	before := count()
	for at := 1; ; at++ {
		told := 0
		r = runtimeOf(t, b)
		r.Debug = func(string, ...any) {
			if told++; told == at {
				panic("of the caller's")
			}
		}
		err, panicked := run()
		if err != nil {
			t.Fatal(err)
		}
		if !panicked {
			t.Logf("it was told %d times", told)
			break
		}
	}
	settles(t, before)
}

// pidfdOf is a pidfd of a container's init, as long as the test runs.
func pidfdOf(t *testing.T, c *libcontainer.Container) int {
	t.Helper()
	s, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(s.PID, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pidfd) })
	return pidfd
}
