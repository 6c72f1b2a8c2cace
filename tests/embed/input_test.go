package embed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// inputs are files that poll(2) knows, each with what writes to it.
func inputs(t *testing.T) map[string][2]*os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b := os.NewFile(uintptr(pair[0]), "a"), os.NewFile(uintptr(pair[1]), "b")
	t.Cleanup(func() {
		for _, f := range []*os.File{r, w, a, b} {
			f.Close()
		}
	})
	master, slave := harness.OpenPTY(t)
	return map[string][2]*os.File{"terminal": {slave, master.File}, "pipe": {r, w}, "socket": {a, b}}
}

// terminals are all ways to run a script with a terminal that has a Stdin, to its end.
func terminals(t *testing.T, script string) map[string]func(context.Context, *libcontainer.CreateOptions) (libcontainer.ExitStatus, error) {
	t.Helper()
	all := foregrounds(t, script)
	stays := running(t, harness.New(t, harness.Args("/bin/sleep", "600")))
	all["Exec"] = func(ctx context.Context, o *libcontainer.CreateOptions) (libcontainer.ExitStatus, error) {
		p, err := stays.Exec(ctx, &libcontainer.ExecOptions{Args: []string{"/bin/sh", "-c", script}, Terminal: true, Stdin: o.Stdin, Stdout: o.Stdout})
		if err != nil {
			return 0, err
		}
		return p.Wait(ctx)
	}
	b := harness.New(t, harness.Shell(script), func(s *specs.Spec) { s.Process.Terminal = true })
	all["Create"] = func(ctx context.Context, o *libcontainer.CreateOptions) (libcontainer.ExitStatus, error) {
		o.ID, o.Bundle = b.ID, b.Dir
		c, err := runtimeOf(t, b).Create(ctx, o)
		if err != nil {
			return 0, err
		}
		defer c.Delete(context.Background(), true)
		if err := c.Start(ctx); err != nil {
			return 0, err
		}
		return c.Wait(ctx)
	}
	return all
}

// What is typed after the end is the caller's to read.
func TestInputAfterTheEnd(t *testing.T) {
	harness.Once(t)
	for how, run := range terminals(t, "exit 3") {
		for kind, file := range inputs(t) {
			t.Run(how+" "+kind, func(t *testing.T) {
				before := count()
				for range 3 {
					if status, err := run(boundary(t), &libcontainer.CreateOptions{Stdin: file[0], Stdout: new(bytes.Buffer)}); status != 3 || err != nil {
						t.Fatalf("%v, %v", status, err)
					}
				}
				if _, err := file[1].WriteString("mine\n"); err != nil {
					t.Fatal(err)
				}
				got := make(chan string, 1)
				go func() {
					buf := make([]byte, 100)
					n, _ := file[0].Read(buf)
					got <- string(buf[:n])
				}()
				select {
				case text := <-got:
					if text != "mine\n" {
						t.Errorf("read %q", text)
					}
				case <-time.After(5 * time.Second):
					t.Error("somebody else has read it")
				}
				settles(t, before)
			})
		}
	}
}

// What is typed meanwhile is typed there, in one run after the other.
func TestInputMeanwhile(t *testing.T) {
	harness.Once(t)
	for how, run := range terminals(t, "echo ready; read x; echo got $x.") {
		for kind, file := range inputs(t) {
			t.Run(how+" "+kind, func(t *testing.T) {
				before := count()
				for _, word := range []string{"one", "two"} {
					out := &prompted{typed: func() { _, _ = file[1].WriteString(word + "\r") }}
					if status, err := run(boundary(t), &libcontainer.CreateOptions{Stdin: file[0], Stdout: out}); status != 0 || err != nil || !strings.Contains(out.text.String(), "got "+word+".") {
						t.Errorf("%v, %v: %q", status, err, out.text.String())
					}
				}
				settles(t, before)
			})
		}
	}
}

// A prompted writer has an answer to what is written first.
type prompted struct {
	text  strings.Builder
	typed func()
}

func (p *prompted) Write(b []byte) (int, error) {
	if p.text.Len() == 0 {
		p.typed()
	}
	return p.text.Write(b)
}

var errBroken = errors.New("the reader is broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// endless is always there for more.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A reader that fails is an error, with the status of who has read what came before; one whose text nobody wants isn't.
func TestFailingReader(t *testing.T) {
	harness.Once(t)
	failing := func() io.Reader { return io.MultiReader(strings.NewReader("half\n"), broken{}) }
	for how, run := range terminals(t, "read x; cat; exit 3") {
		t.Run(how+" with a terminal", func(t *testing.T) {
			if status, err := run(boundary(t), &libcontainer.CreateOptions{Stdin: failing()}); status != 3 || !errors.Is(err, errBroken) {
				t.Errorf("%v, %v", status, err)
			}
		})
	}
	stays := running(t, harness.New(t, harness.Args("/bin/sleep", "600")))
	for how, run := range map[string]func(t *testing.T, script string, in io.Reader) (libcontainer.ExitStatus, error){
		"Runtime.Run": func(t *testing.T, script string, in io.Reader) (libcontainer.ExitStatus, error) {
			b := harness.New(t, harness.Shell(script))
			return runtimeOf(t, b).Run(boundary(t), &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir, Stdin: in}})
		},
		"Container.Run": func(t *testing.T, script string, in io.Reader) (libcontainer.ExitStatus, error) {
			return stays.Run(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/sh", "-c", script}, Stdin: in})
		},
		"Create": func(t *testing.T, script string, in io.Reader) (libcontainer.ExitStatus, error) {
			c := create(t, harness.New(t, harness.Shell(script)), func(o *libcontainer.CreateOptions) { o.Stdin = in })
			if err := c.Start(boundary(t)); err != nil {
				return 0, err
			}
			return c.Wait(boundary(t))
		},
	} {
		t.Run(how, func(t *testing.T) {
			if status, err := run(t, "cat; exit 3", failing()); status != 3 || !errors.Is(err, errBroken) {
				t.Errorf("%v, %v", status, err)
			}
		})
		t.Run(how+" unread", func(t *testing.T) {
			if status, err := run(t, "exit 4", endless{}); status != 4 || err != nil {
				t.Errorf("%v, %v", status, err)
			}
		})
	}
}

// A terminal that several are run from at once has the mode of before when the last has ended.
func TestTerminalOfSeveral(t *testing.T) {
	harness.Once(t)
	c := running(t, harness.New(t, harness.Args("/bin/sleep", "600")))
	_, slave := harness.OpenPTY(t)
	mode := func() unix.Termios {
		tio, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		return *tio
	}
	before := mode()
	ends := make(chan error)
	run := func(script string, out io.Writer) {
		_, err := c.Run(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/sh", "-c", script}, Terminal: true, Stdin: slave, Stdout: out})
		ends <- err
	}
	first, second := make(chan struct{}), make(chan struct{})
	go run("echo; sleep 0.5", &prompted{typed: func() { close(first) }})
	<-first
	go run("echo; sleep 2", &prompted{typed: func() { close(second) }})
	<-second
	if err := <-ends; err != nil {
		t.Error(err)
	}
	if mode() == before {
		t.Error("the second has lost raw mode with the first's end")
	}
	if err := <-ends; err != nil {
		t.Error(err)
	}
	if mode() != before {
		t.Errorf("the mode is %+v, it was %+v", mode(), before)
	}
}
