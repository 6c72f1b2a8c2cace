package embed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// tell says what is to be read from descriptors 3 and up, and then which ones a program has by then: those of its
// standard streams, n more, and the directory that it reads.
const tell = `n=$1 i=3; while [ $i -lt $((3 + n)) ]; do eval "cat <&$i"; i=$((i + 1)); done; exec ls /proc/self/fd`

// letters are n files, each with its own text, and what tell says of them.
func letters(t *testing.T, name string, n int) (files []*os.File, said string) {
	for i := range n {
		r, w, err := os.Pipe()
		if err != nil {
			t.Error(err)
			return files, ""
		}
		text := fmt.Sprintf("%s, %d\n", name, i)
		_, err = w.WriteString(text)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Error(err)
		}
		files, said = append(files, r), said+text
	}
	return files, said + tally3(n)
}

// tally3 is what ls says of the descriptors of a process that has n beside its standard streams.
func tally3(n int) (list string) {
	var names []string
	for i := range 3 + n + 1 {
		names = append(names, fmt.Sprint(i))
	}
	return strings.Join(slices.Sorted(slices.Values(names)), "\n") + "\n"
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// places are ways to make containers that differ in who has descriptors when.
var places = map[string]harness.Edit{
	"host root":                func(*specs.Spec) {},
	"user namespace":           harness.MappedRoot,
	"the host's pid namespace": harness.WithoutNS(specs.PIDNamespace), // a builder makes the calls of the steps
}

func inPlaces(t *testing.T, do func(t *testing.T, x *extra)) {
	harness.Once(t)
	for name, edit := range places {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, harness.Args("/bin/sleep", "600"), edit, ownCgroup)
			b.Chown(t)
			x := &extra{t: t, b: b, r: runtimeOf(t, b), stays: running(t, b)}
			before := count()
			do(t, x)
			settles(t, before)
		})
	}
}

// ExtraFiles are a process's from 3 on, whatever their numbers are in the program, and nobody else's: while files are opened and
// closed all the time, commands of the program's own have none of them.
func TestExtraFiles(t *testing.T) {
	harness.Share(t)
	inPlaces(t, func(t *testing.T, x *extra) {
		inherited, err := own()
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var noise, all sync.WaitGroup
		for range 2 {
			noise.Go(func() { x.commands(inherited, stop) })
		}
		for who := range 4 {
			all.Go(func() {
				for i, n := range []int{1, 5, 40} {
					x.both(fmt.Sprintf("%d-%d", who, i), n)
				}
			})
		}
		all.Wait()
		close(stop)
		noise.Wait()
	})
}

// What the package has open makes room for those of the process.
func TestExtraFilesRoom(t *testing.T) {
	inPlaces(t, func(t *testing.T, x *extra) {
		step := 1
		if testing.Short() {
			step = 4
		}
		for n := 0; n < 45; n += step {
			x.low = 100
			x.both(fmt.Sprint(n), n)
		}
	})
}

type extra struct {
	t     *testing.T
	b     *harness.Bundle
	r     *libcontainer.Runtime
	stays *libcontainer.Container
	low   int // so many numbers are free when it comes to files
}

// both makes a container and a process with n files.
func (x *extra) both(name string, n int) {
	x.create(x.b.ID+"-"+name, n)
	x.exec(x.b.ID+"-x"+name, n)
}

// letters are those of the package's function, numbered above so many that are free.
func (x *extra) letters(name string, n int) ([]*os.File, string) {
	for range x.low {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			x.t.Error(err)
		}
		defer unix.Close(fd)
	}
	return letters(x.t, name, n)
}

// inheritance is what a command of the program's has of descriptors: each one's number, and what it is of.
type inheritance string

func own() (inheritance, error) {
	out, err := exec.Command("find", "/proc/self/fd", "-mindepth", "1", "-printf", `%f %l\n`).Output()
	return inheritance(out), err
}

func (i inheritance) numbers() (n []string) {
	for line := range strings.Lines(string(i)) {
		number, _, _ := strings.Cut(line, " ")
		n = append(n, number)
	}
	return n
}

// commands opens files and runs commands that have the descriptors that they had before.
func (x *extra) commands(before inheritance, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		f, err := os.Open("/proc")
		if err != nil {
			x.t.Error(err)
			return
		}
		now, err := own()
		f.Close()
		// It may have fewer: os/exec takes the number above a command's streams for a while, whoever had it.
		was := before.numbers()
		if err != nil || slices.ContainsFunc(now.numbers(), func(n string) bool { return !slices.Contains(was, n) }) {
			x.t.Errorf("a command of ours had, before,\n%sand now (%v):\n%s", before, err, now)
			return
		}
	}
}

func (x *extra) create(id string, n int) {
	files, want := x.letters(id, n)
	defer closeAll(files)
	s, p := *x.b.Spec, *x.b.Spec.Process
	s.Process, p.Args = &p, []string{"/bin/sh", "-c", tell, "sh", fmt.Sprint(n)}
	var out bytes.Buffer
	c, err := x.r.Create(x.t.Context(), &libcontainer.CreateOptions{ID: id, Bundle: x.b.Dir, Spec: &s, Stdout: &out, Stderr: &out, ExtraFiles: files})
	if err != nil {
		x.t.Errorf("create with %d: %v", n, err)
		return
	}
	defer func() {
		if err := c.Delete(context.Background(), true); err != nil {
			x.t.Error(err)
		}
	}()
	closeAll(files) // the container has its own
	err = c.Start(x.t.Context())
	if err == nil {
		_, err = c.Wait(x.t.Context())
	}
	if err != nil || out.String() != want {
		x.t.Errorf("container with %d: %v, %q, want %q", n, err, out.String(), want)
	}
}

func (x *extra) exec(name string, n int) {
	files, want := x.letters(name, n)
	defer closeAll(files)
	var out bytes.Buffer
	p, err := x.stays.Exec(x.t.Context(), &libcontainer.ExecOptions{
		Process: &specs.Process{Args: []string{"/bin/sh", "-c", tell, "sh", fmt.Sprint(n)}, Cwd: "/", Env: []string{"PATH=/bin"}},
		Stdout:  &out, Stderr: &out, ExtraFiles: files,
	})
	if err != nil {
		x.t.Errorf("exec with %d: %v", n, err)
		return
	}
	closeAll(files)
	if status, err := p.Wait(x.t.Context()); status != 0 || err != nil || out.String() != want {
		x.t.Errorf("process with %d: %v, %v, %q, want %q", n, status, err, out.String(), want)
	}
}

// The numbers that files have in the program mean nothing: they may be each other's, those of standard streams, or one of several.
func TestExtraFilesOrder(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	c := running(t, b)
	files, _ := letters(t, "letter", 4)
	defer closeAll(files)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	var out bytes.Buffer
	status, err := c.Run(boundary(t), &libcontainer.ExecOptions{
		Args: []string{"/bin/sh", "-c", "cat <&3; cat <&4; cat <&5; cat <&6; exec >&8 <&7"}, Stdin: null, Stdout: &out,
		ExtraFiles: []*os.File{files[3], files[2], files[1], files[0], os.Stdin, os.Stderr, os.Stderr},
	})
	if want := "letter, 3\nletter, 2\nletter, 1\nletter, 0\n"; status != 0 || err != nil || out.String() != want {
		t.Errorf("%v, %v, %q, want %q", status, err, out.String(), want)
	}
}

// What isn't a file, or is asked for twice, is an error before anything is made.
func TestExtraFilesRefused(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	r, c := runtimeOf(t, b), running(t, b)
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	before := count()
	for name, tt := range map[string]struct {
		files    []*os.File
		preserve int
		want     error
	}{
		"nil":    {[]*os.File{os.Stdin, nil}, 0, os.ErrInvalid},
		"closed": {[]*os.File{os.Stdin, closed}, 0, os.ErrClosed},
		"twice":  {[]*os.File{os.Stdin}, 1, nil},
	} {
		o := libcontainer.CreateOptions{ID: b.ID + "-other", Bundle: b.Dir, ExtraFiles: tt.files, PreserveFDs: tt.preserve}
		_, createErr := r.Create(boundary(t), &o)
		_, runErr := r.Run(boundary(t), &libcontainer.RunOptions{CreateOptions: o})
		_, planErr := r.Plan(&o)
		_, execErr := c.Exec(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/true"}, ExtraFiles: tt.files, PreserveFDs: tt.preserve})
		for verb, err := range map[string]error{"Create": createErr, "Run": runErr, "Plan": planErr, "Exec": execErr} {
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), "ExtraFiles") {
				t.Errorf("%s, %s: %v", name, verb, err)
			}
		}
	}
	settles(t, before)
}

// A pipe of which the container has an end is over when that is closed: no process of the package's way keeps it.
func TestExtraFilesEnd(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Shell("exec sleep 600 3>&-"))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := create(t, b, func(o *libcontainer.CreateOptions) { o.ExtraFiles = []*os.File{w} })
	w.Close()
	if err := c.Start(boundary(t)); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); err != nil || len(text) > 0 {
		t.Errorf("%q, %v", text, err)
	}
}
