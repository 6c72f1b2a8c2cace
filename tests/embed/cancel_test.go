package embed

import (
	"context"
	"errors"
	"math/rand/v2"
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

// moments is how often each call is given up.
const moments = 50

// A tally counts what a program has.
type tally struct {
	descriptors, goroutines, children, mounts int
	open                                      string // the descriptors
}

// more tells whether there is more of something than before.
func (n tally) more(before tally) bool {
	return n.descriptors > before.descriptors || n.goroutines > before.goroutines || n.children > before.children || n.mounts > before.mounts
}

func count() (n tally) {
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		to, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		n.open += " " + to
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	n.children = len(harness.Children(os.Getpid()))
	n.descriptors, n.goroutines, n.mounts = len(fds), runtime.NumGoroutine(), strings.Count(string(mounts), "\n")
	return n
}

// settles waits until there is no more than before.
func settles(t *testing.T, before tally) {
	t.Helper()
	now := tally{}
	for range 100 {
		if now = count(); !now.more(before) {
			return
		}
		time.Sleep(20 * time.Millisecond) // goroutines end after what they were for
	}
	t.Errorf("left: %+v, before there were %+v", now, before)
}

// giveUp calls do with contexts that are canceled at random moments of what it takes otherwise, and a bit later, and says how often it was so.
// What do has got when it wasn't, it puts away itself.
func giveUp(t *testing.T, do func(ctx context.Context) error) {
	t.Helper()
	took := time.Hour
	for range 5 { // on a busy machine one may take much longer
		start := time.Now()
		if err := do(t.Context()); err != nil {
			t.Fatal(err)
		}
		took = min(took, time.Since(start))
	}
	before, canceled := count(), 0
	for range moments {
		ctx, cancel := context.WithCancel(t.Context())
		after := time.AfterFunc(time.Duration(rand.Int64N(int64(took*5/4))), cancel)
		switch err := do(ctx); {
		case errors.Is(err, context.Canceled):
			canceled++
		case err != nil:
			t.Errorf("given up: %v", err)
		}
		after.Stop()
		cancel()
	}
	settles(t, before)
	if t.Logf("%d of %d were given up, of what takes %v", canceled, moments, took); canceled < moments/10 {
		t.Errorf("only %d of %d were given up: it has shown nothing", canceled, moments)
	}
}

// Giving up leaves nothing, at whatever moment, and the error is the context's.
func TestCancelCreate(t *testing.T) {
	for name, edit := range map[string]harness.Edit{
		"host root": func(*specs.Spec) {}, "user namespace": harness.MappedRoot,
		"hooks": func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{}
			for _, list := range []*[]specs.Hook{&s.Hooks.CreateRuntime, &s.Hooks.CreateContainer} {
				*list = []specs.Hook{{Path: "/bin/sleep", Args: []string{"sleep", "0.01"}}}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, edit)
			b.Chown(t)
			r := runtimeOf(t, b)
			giveUp(t, func(ctx context.Context) error {
				c, err := r.Create(ctx, &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir, Stdin: strings.NewReader("x"), Stdout: new(strings.Builder)})
				if err == nil {
					return c.Delete(context.Background(), true)
				}
				if _, serr := os.Stat(b.Root + "/" + b.ID); serr == nil {
					t.Errorf("its state is left: %v", err)
				}
				return err
			})
		})
	}
}

// A process that doesn't run yet ends; one that does is there.
func TestCancelExec(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Args("/bin/sleep", "100"))
	c := running(t, b)
	giveUp(t, func(ctx context.Context) error {
		p, err := c.Exec(ctx, &libcontainer.ExecOptions{Args: []string{"/bin/sleep", "100"}, Stdout: new(strings.Builder)})
		if err == nil {
			err = p.Signal(unix.SIGKILL)
		}
		if err == nil {
			_, err = p.Wait(context.Background())
		}
		return err
	})
	pids, err := c.Processes()
	if err != nil || len(pids) != 1 {
		t.Errorf("processes %v, %v: want the init alone", pids, err)
	}
}

// Who gives up waiting changes nothing.
func TestCancelWait(t *testing.T) {
	b := harness.New(t, harness.Args("/bin/sleep", "100"))
	c := running(t, b)
	p, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/sleep", "100"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, wait := range map[string]func(context.Context) (libcontainer.ExitStatus, error){"container": c.Wait, "process": p.Wait} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			before := count()
			for range moments {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Duration(rand.Int64N(int64(time.Millisecond))), cancel)
				if _, err := wait(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("a wait that was given up: %v", err)
				}
			}
			settles(t, before)
		})
	}
	if err := p.Signal(unix.SIGTERM); err != nil {
		t.Error(err)
	}
	if status, err := p.Wait(boundary(t)); status != 128+15 || err != nil {
		t.Errorf("Wait = %v, %v", status, err)
	}
	if err := c.Kill(unix.SIGKILL, false); err != nil {
		t.Error(err)
	}
	if status, err := c.Wait(boundary(t)); status != 128+9 || err != nil {
		t.Errorf("Wait = %v, %v", status, err)
	}
}

// Start can't be taken back: the container is killed.
func TestCancelStart(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Args("/bin/sleep", "100"), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/sleep", Args: []string{"sleep", "0.01"}}}, Poststart: []specs.Hook{{Path: "/bin/sleep", Args: []string{"sleep", "0.01"}}}}
	})
	r := runtimeOf(t, b)
	giveUp(t, func(ctx context.Context) error {
		c, err := r.Create(context.Background(), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir})
		if err != nil {
			return err
		}
		err = c.Start(ctx)
		s, serr := c.State()
		// A context that was done before has nothing begun.
		if serr != nil || (err == nil) != (s.Status == specs.StateRunning) || err != nil && strings.Contains(err.Error(), "killed") != (s.Status == specs.StateStopped) {
			t.Errorf("Start: %v; then it is %+v, %v", err, s, serr)
		}
		if derr := c.Delete(context.Background(), true); err == nil {
			err = derr
		}
		return err
	})
}

// A run is no longer than its context.
func TestCancelRun(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Args("/bin/sleep", "0.02"))
	r := runtimeOf(t, b)
	giveUp(t, func(ctx context.Context) error {
		_, err := r.Run(ctx, &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir, Stdout: new(strings.Builder)}})
		if _, serr := os.Stat(b.Root + "/" + b.ID); serr == nil {
			t.Errorf("its state is left: %v", err)
		}
		return err
	})
	stays := harness.New(t, harness.Args("/bin/sleep", "100"))
	c := running(t, stays)
	giveUp(t, func(ctx context.Context) error {
		_, err := c.Run(ctx, &libcontainer.ExecOptions{Args: []string{"/bin/sleep", "0.02"}, Stdout: new(strings.Builder)})
		return err
	})
}

// What hangs is given up at once.
func TestCancelHangs(t *testing.T) {
	harness.Once(t)
	hang := []specs.Hook{{Path: "/bin/sleep", Args: []string{"sleep", "100"}}}
	for name, hooks := range map[string]specs.Hooks{
		"createRuntime": {CreateRuntime: hang}, "createContainer": {CreateContainer: hang}, "startContainer": {StartContainer: hang}, "poststart": {Poststart: hang},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, harness.Args("/bin/sleep", "100"), func(s *specs.Spec) { s.Hooks = &hooks })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			start := time.Now()
			time.AfterFunc(300*time.Millisecond, cancel) // longer than it takes to come there
			_, err := runtimeOf(t, b).Run(ctx, &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir}})
			if took := time.Since(start); !errors.Is(err, context.Canceled) || took > 5*time.Second {
				t.Errorf("Run = %v after %v", err, took)
			}
			if _, err := os.Stat(b.Root + "/" + b.ID); err == nil {
				t.Error("its state is left")
			}
		})
	}
}
