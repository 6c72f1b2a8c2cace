package embed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// boundary bounds what a test waits for.
func boundary(t *testing.T) context.Context {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(end)
	return ctx
}

// runtimeOf is the runtime of a bundle's state directory.
func runtimeOf(t *testing.T, b *harness.Bundle) *libcontainer.Runtime {
	t.Helper()
	harness.NeedRung(t, "its package")
	return &libcontainer.Runtime{Root: b.Root}
}

// create makes a container of a bundle that is deleted at the test's end.
func create(t *testing.T, b *harness.Bundle, edit func(*libcontainer.CreateOptions)) *libcontainer.Container {
	t.Helper()
	o := &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir}
	if edit != nil {
		edit(o)
	}
	c, err := runtimeOf(t, b).Create(boundary(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Delete(context.Background(), true); err != nil {
			t.Error(err)
		}
	})
	return c
}

func running(t *testing.T, b *harness.Bundle) *libcontainer.Container {
	t.Helper()
	c := create(t, b, nil)
	if err := c.Start(boundary(t)); err != nil {
		t.Fatal(err)
	}
	return c
}

// A container's streams are those that Create was given, whatever they are.
func TestStreams(t *testing.T) {
	const script = "cat; echo problem >&2; exit 3"
	b := harness.New(t, harness.Shell(script))
	for name, same := range map[string]bool{"two writers": false, "one writer": true} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			var out, problems bytes.Buffer
			errs := &problems
			if same {
				errs = &out
			}
			text := strings.Repeat("0123456789abcdef", 64<<10) // more than pipes hold
			c := create(t, b, func(o *libcontainer.CreateOptions) { o.Stdin, o.Stdout, o.Stderr = strings.NewReader(text), &out, errs })
			if err := c.Start(boundary(t)); err != nil {
				t.Fatal(err)
			}
			if status, err := c.Wait(boundary(t)); err != nil || status != 3 || status.Success() || status.String() != "exit status 3" {
				t.Errorf("Wait = %v, %v", status, err)
			}
			want, wrong := text, "problem\n"
			if same {
				want, wrong = text+"problem\n", ""
			}
			if out.String() != want || problems.String() != wrong {
				t.Errorf("%d bytes of output, %q", out.Len(), problems.String())
			}
			if status, err := c.Wait(boundary(t)); err != nil || status != 3 {
				t.Errorf("the second Wait = %v, %v", status, err)
			}
		})
	}
}

// A file is passed as it is, also one that is another stream of ours; nothing is /dev/null.
func TestFiles(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Args("/bin/ls", "-l", "/proc/self/fd/"))
	file := filepath.Join(b.Dir, "out")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ours, err := os.Readlink("/proc/self/fd/0")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		in   io.Reader
		err  io.Writer
		want []string
	}{
		{nil, nil, []string{"0 -> /dev/null", "1 -> " + file, "2 -> /dev/null"}},
		{f, f, []string{"0 -> " + file, "1 -> " + file, "2 -> " + file}},
		{nil, os.Stdin, []string{"0 -> /dev/null", "1 -> " + file, "2 -> " + ours}},
	} {
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		status, err := runtimeOf(t, b).Run(boundary(t), &libcontainer.RunOptions{
			CreateOptions: libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir, Stdin: tt.in, Stdout: f, Stderr: tt.err},
		})
		text, _ := os.ReadFile(file)
		if err != nil || status != 0 {
			t.Errorf("Run = %v, %v: %s", status, err, text)
		}
		for _, want := range tt.want {
			if !strings.Contains(string(text), want+"\n") {
				t.Errorf("want %s of\n%s", want, text)
			}
		}
	}
	f.Close()
	_, err = runtimeOf(t, b).Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir, Stdout: f})
	if !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed file: %v", err)
	}
	_, err = runtimeOf(t, b).Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir, Stdout: io.Discard, Detach: true})
	if err == nil || !strings.Contains(err.Error(), "files") {
		t.Errorf("a writer without anybody to copy: %v", err)
	}
}

// A writer that fails is what Wait says; the container isn't held up.
func TestWriterFails(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell("yes; exit 4"))
	c := create(t, b, func(o *libcontainer.CreateOptions) { o.Stdout = failing{} })
	if err := c.Start(boundary(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(boundary(t)); !errors.Is(err, errFailing) {
		t.Errorf("Wait = %v", err)
	}
}

var errFailing = errors.New("it is full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFailing }

// A terminal is a value, of a container's init and of a process.
func TestTerminal(t *testing.T) {
	harness.Share(t)
	const script = "stty size; read x; stty size; echo got $x"
	b := harness.New(t, harness.Shell(script), func(s *specs.Spec) {
		s.Process.Terminal, s.Process.ConsoleSize = true, &specs.Box{Width: 80, Height: 24}
	})
	talk := func(t *testing.T, tty *libcontainer.Terminal) {
		t.Helper()
		if tty == nil {
			t.Fatal("no terminal")
		}
		defer tty.Close()
		got := make(chan string)
		printed := make(chan struct{}, 1)
		go func() {
			var all strings.Builder
			buf := make([]byte, 1000)
			for {
				n, err := tty.Read(buf)
				all.Write(buf[:n])
				if strings.Contains(all.String(), "\n") {
					select {
					case printed <- struct{}{}:
					default:
					}
				}
				if err != nil {
					if !errors.Is(err, io.EOF) {
						t.Errorf("read: %v", err)
					}
					got <- all.String()
					return
				}
			}
		}()
		<-printed
		if err := tty.Resize(132, 43); err != nil {
			t.Error(err)
		}
		if _, err := tty.Write([]byte("keys\n")); err != nil {
			t.Error(err)
		}
		if text := <-got; !strings.HasPrefix(text, "24 80") || !strings.Contains(text, "43 132") || !strings.Contains(text, "got keys") {
			t.Errorf("the terminal had %q", text)
		}
	}
	t.Run("container", func(t *testing.T) {
		c := create(t, b, nil)
		if err := c.Start(boundary(t)); err != nil {
			t.Fatal(err)
		}
		talk(t, c.Terminal())
		if status, err := c.Wait(boundary(t)); status != 0 || err != nil {
			t.Errorf("Wait = %v, %v", status, err)
		}
	})
	stays := b.Beside(t, harness.Args("/bin/sleep", "100"))
	c := running(t, stays)
	process := &specs.Process{Terminal: true, ConsoleSize: &specs.Box{Width: 80, Height: 24}, Cwd: "/", Args: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/bin"}}
	t.Run("process", func(t *testing.T) {
		p, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Process: process})
		if err != nil {
			t.Fatal(err)
		}
		talk(t, p.Terminal())
		if status, err := p.Wait(boundary(t)); status != 0 || err != nil {
			t.Errorf("Wait = %v, %v", status, err)
		}
	})
	t.Run("streams", func(t *testing.T) {
		var out bytes.Buffer
		p, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Process: process, Stdin: strings.NewReader("keys\n"), Stdout: &out})
		if err != nil {
			t.Fatal(err)
		}
		if status, err := p.Wait(boundary(t)); status != 0 || err != nil || !strings.Contains(out.String(), "got keys") {
			t.Errorf("Wait = %v, %v: %q", status, err, out.String())
		}
		if err := p.Resize(1, 1); err == nil {
			t.Error("a terminal that is closed is resized")
		}
	})
	t.Run("end", func(t *testing.T) {
		count := *process
		count.Args = []string{"/bin/sh", "-c", "stty -echo; wc -c"}
		for _, in := range []string{"", "three\n", "half"} {
			var out bytes.Buffer
			p, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Process: &count, Stdin: strings.NewReader(in), Stdout: &out})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(boundary(t)); err != nil {
				t.Errorf("who counts %q hears of no end: %v", in, err)
				_ = p.Signal(unix.SIGKILL)
				_ = second(p.Wait(boundary(t)))
			}
			if in == "" { // of a Run that has no stdin nobody can type
				if _, err := c.Run(boundary(t), &libcontainer.ExecOptions{Process: &count}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	t.Run("run", func(t *testing.T) {
		var out bytes.Buffer
		status, err := c.Run(boundary(t), &libcontainer.ExecOptions{Process: process, Stdin: strings.NewReader("keys\n"), Stdout: &out})
		if status != 0 || err != nil || !strings.Contains(out.String(), "got keys") {
			t.Errorf("Run = %v, %v: %q", status, err, out.String())
		}
	})
}

// A process is signalled, and waited for by as many as like.
func TestProcess(t *testing.T) {
	harness.Share(t)
	c := running(t, harness.New(t, harness.Args("/bin/sleep", "100")))
	p, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/sleep", "100"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(p.PID(), 0); err != nil || p.Terminal() != nil || p.Resize(1, 1) == nil {
		t.Errorf("process %d, terminal %v: %v", p.PID(), p.Terminal(), err)
	}
	short, end := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer end()
	if _, err := p.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait that was given up: %v", err)
	}
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			ctx := boundary(t)
			if i == 0 {
				ctx = context.Background()
			}
			if status, err := p.Wait(ctx); err != nil || status != 128+15 {
				t.Errorf("Wait = %v, %v", status, err)
			}
		})
	}
	if err := p.Signal(unix.SIGTERM); err != nil {
		t.Error(err)
	}
	all.Wait()
	if err := p.Signal(unix.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal to the dead: %v", err)
	}
	if err := unix.Kill(p.PID(), 0); err != unix.ESRCH {
		t.Errorf("it isn't reaped: %v", err)
	}
	if status, err := p.Wait(boundary(t)); err != nil || status != 128+15 {
		t.Errorf("Wait afterwards = %v, %v", status, err)
	}
}

// Who waits late is told all the same, as long as the container isn't deleted.
func TestWaitLate(t *testing.T) {
	harness.Share(t)
	c := running(t, harness.New(t, harness.Shell("exit 9")))
	harness.Until(t, "it has stopped", func() bool {
		s, err := c.State()
		return err == nil && s.Status == specs.StateStopped
	})
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if status, err := c.Wait(boundary(t)); status != 9 || err != nil {
				t.Errorf("Wait = %v, %v", status, err)
			}
		})
	}
	all.Wait()
	if s, err := c.State(); err != nil || s.Exit == nil || s.Exit.Status != 9 {
		t.Errorf("State = %+v, %v", s, err)
	}
}

// A configuration needn't be in a file.
func TestSpecValue(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell("echo $HELLO"))
	b.Spec.Process.Env = append(b.Spec.Process.Env, "HELLO=world <&>")
	b.Spec.Root.Path = b.Rootfs
	var out strings.Builder
	status, err := runtimeOf(t, b).Run(boundary(t), &libcontainer.RunOptions{
		CreateOptions: libcontainer.CreateOptions{ID: b.ID, Spec: b.Spec, Stdout: &out},
	})
	if status != 0 || err != nil || out.String() != "world <&>\n" {
		t.Errorf("Run = %v, %v: %q", status, err, out.String())
	}
}

// A handle is of the container that it was made for.
func TestHandle(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Args("/bin/sleep", "100"))
	r := runtimeOf(t, b)
	if _, err := r.Load(boundary(t), b.ID); !errors.Is(err, libcontainer.ErrNotExist) {
		t.Errorf("Load of nothing: %v", err)
	}
	first := running(t, b)
	loaded, err := r.Load(boundary(t), b.ID)
	if err != nil || loaded.ID() != b.ID {
		t.Fatal(err)
	}
	if err := first.Delete(t.Context(), false); !errors.Is(err, libcontainer.ErrRunning) {
		t.Errorf("delete of what runs: %v", err)
	}
	if err := loaded.Delete(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	second := running(t, b)
	for _, h := range []*libcontainer.Container{first, loaded} {
		_, serr := h.State()
		_, werr := h.Wait(boundary(t))
		for _, err := range []error{serr, werr, h.Kill(unix.SIGKILL, true), h.Pause(t.Context()), h.Delete(t.Context(), false)} {
			if !errors.Is(err, libcontainer.ErrNotExist) {
				t.Errorf("of another container: %v", err)
			}
		}
		if err := h.Delete(t.Context(), true); err != nil {
			t.Errorf("delete --force of what is gone: %v", err)
		}
	}
	for _, h := range []*libcontainer.Container{second, r.Container(b.ID)} {
		if s, err := h.State(); err != nil || s.Status != specs.StateRunning {
			t.Errorf("State = %+v, %v", s, err)
		}
	}
}

// Errors have the types that are documented.
func TestErrors(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Args("/bin/sleep", "100"))
	r := runtimeOf(t, b)
	c := running(t, b)
	creates := func(edit func(*specs.Spec)) error {
		other := harness.New(t, edit)
		_, err := r.Create(boundary(t), &libcontainer.CreateOptions{ID: other.ID, Bundle: other.Dir})
		return err
	}
	for _, tt := range []struct {
		err, want error
	}{
		{c.Start(boundary(t)), libcontainer.ErrRunning},
		{c.Resume(t.Context()), libcontainer.ErrNotPaused},
		{second(r.Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir})), libcontainer.ErrExist},
		{second(r.Create(boundary(t), &libcontainer.CreateOptions{ID: "../x", Bundle: b.Dir})), libcontainer.ErrInvalidID},
		{second(r.Container("h24-none").State()), libcontainer.ErrNotExist},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%v, want %v", tt.err, tt.want)
		}
	}
	config, ok := errors.AsType[*libcontainer.ConfigError](creates(func(s *specs.Spec) { s.Process.Cwd, s.Hostname = "not/absolute", strings.Repeat("x", 100) }))
	if !ok || len(config.Findings) != 2 || config.Findings[0].Field == "" || config.Findings[0].Problem == "" {
		t.Errorf("a configuration with two problems: %+v", config)
	}
	err := creates(func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "no-such-fs", Source: "none"})
	})
	step, ok := errors.AsType[*libcontainer.StepError](err)
	if !ok || step.Errno != unix.ENODEV || !errors.Is(err, syscall.ENODEV) || !strings.Contains(step.Step, "/mnt") {
		t.Errorf("a mount that can't be made: %+v, %v", step, err)
	}
	_, err = c.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/no/such"}})
	if exec, ok := errors.AsType[*libcontainer.ExecError](err); !ok || exec.Errno != unix.ENOENT {
		t.Errorf("a program that isn't there: %v", err)
	}
	_, err = c.Run(boundary(t), &libcontainer.ExecOptions{Args: []string{"/etc/passwd"}})
	if exec, ok := errors.AsType[*libcontainer.ExecError](err); !ok || exec.Errno != unix.EACCES {
		t.Errorf("a program that isn't one: %v", err)
	}
	if err := c.Kill(unix.SIGKILL, false); err != nil {
		t.Error(err)
	}
	if _, err := c.Wait(boundary(t)); err != nil {
		t.Error(err)
	}
	if _, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/true"}}); !errors.Is(err, libcontainer.ErrStopped) {
		t.Errorf("exec in what has ended: %v", err)
	}
	if err := c.Start(boundary(t)); !errors.Is(err, libcontainer.ErrStopped) {
		t.Errorf("start of what has ended: %v", err)
	}
	if err := c.Delete(t.Context(), false); err != nil { // or others' guards find its remains
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

// Events come until the container ends, or nobody wants them any more.
func TestEvents(t *testing.T) {
	b := harness.New(t, harness.Args("/bin/sleep", "100"))
	c := running(t, b)
	n := 0
	for e, err := range c.Events(boundary(t), 5*time.Millisecond) {
		if err != nil || e.Stats == nil || e.Stats.CgroupStats == nil {
			t.Fatalf("event %+v, %v", e, err)
		}
		if n++; n == 3 {
			break
		}
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var last error
	for _, err := range c.Events(ctx, 5*time.Millisecond) {
		last = err
		end()
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("the last event is %v", last)
	}
	for e, err := range c.Events(boundary(t), 5*time.Millisecond) {
		if err != nil {
			t.Fatalf("event %+v, %v", e, err)
		}
		if err := c.Kill(unix.SIGKILL, false); err != nil && !errors.Is(err, libcontainer.ErrNotRunning) {
			t.Error(err)
		}
	}
	for _, err := range c.Events(boundary(t), 0) {
		if err == nil {
			t.Error("an interval of 0")
		}
	}
	states, problems, err := runtimeOf(t, b).List(boundary(t))
	if err != nil || len(problems) > 0 || len(states) != 1 || states[0].ID != c.ID() {
		t.Errorf("List = %v, %v, %v", states, problems, err)
	}
}

// Everything may be called at once: what is in another's way says so by an error that is documented.
func TestTogether(t *testing.T) {
	b := harness.New(t, harness.Args("/bin/sleep", "100"))
	c := running(t, b)
	r := runtimeOf(t, b)
	limit := new(specs.LinuxResources)
	if harness.HasController("pids") {
		limit.Pids = &specs.LinuxPids{Limit: new(int64(1000))}
	}
	before := count()
	var all sync.WaitGroup
	for name, call := range map[string]func() error{
		"state":  func() error { return second(c.State()) },
		"load":   func() error { return second(r.Load(boundary(t), b.ID)) },
		"pause":  func() error { return c.Pause(t.Context()) },
		"resume": func() error { return c.Resume(t.Context()) },
		"update": func() error { return c.Update(t.Context(), limit) },
		"stats":  func() error { return second(c.Stats()) },
		"ps":     func() error { return second(c.Processes()) },
		"start":  func() error { return c.Start(boundary(t)) },
		"create": func() error {
			return second(r.Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir}))
		},
		"list": func() error {
			_, problems, err := r.List(boundary(t))
			return errors.Join(append(problems, err)...)
		},
		"run": func() error {
			return second(c.Run(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/true"}}))
		},
		"exec": func() error {
			p, err := c.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/true"}, IgnorePaused: true})
			if err == nil {
				defer func() { _ = second(p.Wait(boundary(t))) }()
				err = c.Kill(0, false)
			}
			return err
		},
	} {
		for range 2 {
			all.Go(func() {
				for range 20 {
					err := call()
					known := false
					for _, e := range []error{
						libcontainer.ErrRunning, libcontainer.ErrNotRunning, libcontainer.ErrNotPaused, libcontainer.ErrExist,
						libcontainer.ErrPaused, libcontainer.ErrBusy,
					} {
						known = known || errors.Is(err, e)
					}
					if err != nil && !known && !strings.Contains(err.Error(), "paused") {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		}
	}
	done := make(chan struct{})
	go func() { // whoever waits for a process of a paused container has it go on
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				_ = c.Resume(t.Context())
			}
		}
	}()
	all.Wait()
	close(done)
	if err := c.Resume(t.Context()); err != nil && !errors.Is(err, libcontainer.ErrNotPaused) {
		t.Error(err)
	}
	settles(t, before)
}
