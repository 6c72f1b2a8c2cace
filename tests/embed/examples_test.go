package embed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// inExample is a go command in the module of an example, which is nobody's part.
func inExample(ctx context.Context, t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	harness.NeedRung(t, "its package")
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("builds examples: ", err)
	}
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir, c.Env = filepath.Join("..", "..", "examples", name), append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	return c
}

// example vets and builds an example.
func example(t *testing.T, name string) (program string) {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), 5*time.Minute)
	defer end()
	program = harness.TempDir(t) + "/" + name
	for _, args := range [][]string{{"vet", "./..."}, append(append([]string{"build"}, buildFlags...), "-o", program, ".")} {
		if out, err := inExample(ctx, t, name, args...).CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
	files, err := filepath.Glob("../../examples/" + name + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err != nil || bytes.Count(text, []byte("\n")) >= 80 {
			t.Errorf("%s: %v, or 80 lines or more", f, err)
		}
	}
	return program
}

// clean tells what an example that had a directory for temporary files has left there, and in cgroups.
func clean(t *testing.T, tmp, id string) {
	t.Helper()
	if left, err := os.ReadDir(tmp + "/rung-examples"); err != nil || slices.ContainsFunc(left, func(e os.DirEntry) bool { return e.Name() == id }) {
		t.Errorf("state left: %v, %v", left, err)
	}
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		if left, _ := filepath.Glob(pattern + id); len(left) > 0 {
			t.Errorf("cgroups left: %v", left)
		}
	}
}

func TestExampleRun(t *testing.T) {
	harness.Once(t)
	program, b, tmp := example(t, "run"), harness.New(t), harness.TempDir(t)
	for _, tt := range []struct {
		args     []string
		code     int
		out, err string
	}{
		{[]string{b.Rootfs, "sh", "-c", "cat; hostname; exit 5"}, 5, "typed\nrung\n", ""},
		// Nothing of the program's is open: neither its cgroup's files, which the Go runtime keeps where no godebug line says otherwise, nor a state directory.
		{[]string{b.Rootfs, "ls", "/proc/self/fd"}, 0, "0\n1\n2\n3\n", ""}, // the last one is that of this directory
		{[]string{b.Rootfs, "no-such"}, 1, "", "executable file not found"},
		{[]string{"/no/such", "sh"}, 1, "", "root.path: "},
		{nil, 1, "", "usage: "},
	} {
		ctx, end := context.WithTimeout(t.Context(), time.Minute)
		c := exec.CommandContext(ctx, program, tt.args...)
		var out, errs bytes.Buffer
		c.Stdin, c.Stdout, c.Stderr, c.Env = strings.NewReader("typed\n"), &out, &errs, append(os.Environ(), "TMPDIR="+tmp)
		err := c.Run()
		end()
		if c.ProcessState == nil || c.ProcessState.ExitCode() != tt.code || out.String() != tt.out || !strings.Contains(errs.String(), tt.err) {
			t.Errorf("%v: %v, %q, %q", tt.args, err, out.String(), errs.String())
		} else {
			clean(t, tmp, fmt.Sprintf("run-%d", c.Process.Pid))
		}
	}
}

func TestExampleSupervise(t *testing.T) {
	harness.Once(t)
	program, b, tmp := example(t, "supervise"), harness.New(t), harness.TempDir(t)
	for name, tt := range map[string]struct{ check, script, want string }{
		"ends":   {"true", "echo up; exit 7", "run 2: exit status 7, error: <nil>"},
		"fails":  {"false", "echo up; exec sleep 100", "run 2: exit status 137, error: <nil>"},
		"hangs":  {"sleep 100", "echo up; exec sleep 100", "run 1: exit status 137, error: <nil>"},
		"passes": {"ps | grep -q sleep", "echo up; exec sleep 3; exit 8", "run 1: exit status 0, error: <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said lines
			c := exec.CommandContext(t.Context(), program, b.Rootfs, tt.check, "sh", "-c", tt.script)
			c.Stdout, c.Stderr, c.Env = &said, &said, append(os.Environ(), "TMPDIR="+tmp)
			c.Cancel = func() error { return c.Process.Signal(unix.SIGTERM) } // its container ends with it
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { // a failure leaves nothing to the tests that follow
				if c.ProcessState == nil {
					_ = c.Cancel()
					_ = c.Wait()
				}
			}()
			harness.Until(t, tt.want, func() bool { return strings.Contains(said.String(), tt.want) })
			if err := c.Process.Signal(unix.SIGTERM); err != nil {
				t.Error(err)
			}
			if err := c.Wait(); err != nil || !strings.Contains(said.String(), "up\n") {
				t.Errorf("%v, %q", err, said.String())
			}
			clean(t, tmp, fmt.Sprintf("supervise-%d", c.Process.Pid))
		})
	}
}

// lines is a buffer that is read while it is written.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func TestExampleGoTest(t *testing.T) {
	harness.Once(t)
	b := harness.New(t)
	ctx, end := context.WithTimeout(t.Context(), 5*time.Minute)
	defer end()
	c := inExample(ctx, t, "gotest", append(append([]string{"test"}, buildFlags...), "-count=1", "-v", ".")...)
	c.Env = append(c.Env, "ROOTFS="+b.Rootfs)
	out, err := c.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok || err != nil || bytes.Count(out, []byte("--- PASS: TestRun/")) != 5 {
		t.Errorf("%v %v\n%s", exit, err, out)
	}
	if out, err := inExample(ctx, t, "gotest", "vet", ".").CombinedOutput(); err != nil {
		t.Errorf("vet: %v\n%s", err, out)
	}
}
