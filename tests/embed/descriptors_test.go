package embed

import (
	"errors"
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// What nobody has made inheritable, such as our own files, those of the Go runtime and those that the package opens, no container gets.
func TestPreserved(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	r := runtimeOf(t, b)
	c := running(t, b)
	f, err := os.Open("/proc")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := raw.Control(func(fd uintptr) { n = int(fd) - 2 }); err != nil {
		t.Fatal(err)
	}
	p := &specs.Process{Args: []string{"/bin/true"}, Cwd: "/"}
	for _, n := range []int{n, n + 100, -1} {
		other := libcontainer.CreateOptions{ID: b.ID + "-other", Bundle: b.Dir, PreserveFDs: n}
		made, createErr := r.Create(boundary(t), &other)
		if createErr == nil {
			t.Error(made.Delete(t.Context(), true))
		}
		_, runErr := r.Run(boundary(t), &libcontainer.RunOptions{CreateOptions: other})
		_, planErr := r.Plan(&other)
		run, execErr := c.Exec(boundary(t), &libcontainer.ExecOptions{Process: p, PreserveFDs: n})
		if execErr == nil {
			_, _ = run.Wait(boundary(t))
		}
		_, insideErr := c.Run(boundary(t), &libcontainer.ExecOptions{Process: p, PreserveFDs: n})
		for verb, err := range map[string]error{"Create": createErr, "Run": runErr, "Plan": planErr, "Exec": execErr, "Container.Run": insideErr} {
			if err == nil || n > 0 && !errors.Is(err, unix.EBADF) {
				t.Errorf("%s with PreserveFDs %d: %v", verb, n, err)
			}
		}
	}
}
