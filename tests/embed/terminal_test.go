package embed

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// A slow writer takes its time for all that it is given. It locks nothing: the race detector sees who uses it still.
type slow struct {
	each time.Duration
	text strings.Builder
}

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(s.each)
	return s.text.Write(p)
}

var errFull = errors.New("the writer is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// foregrounds are both ways to run a script with a terminal and wait for it.
func foregrounds(t *testing.T, script string) map[string]func(context.Context, *libcontainer.CreateOptions) (libcontainer.ExitStatus, error) {
	t.Helper()
	b := harness.New(t, harness.Shell(script), func(s *specs.Spec) { s.Process.Terminal = true })
	stays := running(t, harness.New(t, harness.Args("/bin/sleep", "600")))
	t.Cleanup(func() { _ = runtimeOf(t, b).Container(b.ID).Delete(context.Background(), true) })
	return map[string]func(context.Context, *libcontainer.CreateOptions) (libcontainer.ExitStatus, error){
		"Runtime.Run": func(ctx context.Context, o *libcontainer.CreateOptions) (libcontainer.ExitStatus, error) {
			o.ID, o.Bundle = b.ID, b.Dir
			return runtimeOf(t, b).Run(ctx, &libcontainer.RunOptions{CreateOptions: *o})
		},
		"Container.Run": func(ctx context.Context, o *libcontainer.CreateOptions) (libcontainer.ExitStatus, error) {
			return stays.Run(ctx, &libcontainer.ExecOptions{Args: []string{"/bin/sh", "-c", script}, Terminal: true, Stdin: o.Stdin, Stdout: o.Stdout})
		},
	}
}

// Whoever relays a terminal to a writer waits for that, however slow it is.
func TestTerminalSlowWriter(t *testing.T) {
	harness.Once(t)
	for name, run := range foregrounds(t, "echo one; sleep 0.2; echo two; sleep 0.2; echo three; exit 3") {
		t.Run(name, func(t *testing.T) {
			out := &slow{each: 1500 * time.Millisecond}
			status, err := run(boundary(t), &libcontainer.CreateOptions{Stdout: out})
			if text := out.text.String(); status != 3 || err != nil || !strings.Contains(text, "one") || !strings.Contains(text, "three") {
				t.Errorf("Run = %v, %v: %q", status, err, text)
			}
		})
	}
}

// A writer that fails is an error, and stops nobody who prints more than a terminal holds.
func TestTerminalFailingWriter(t *testing.T) {
	harness.Once(t)
	for name, run := range foregrounds(t, "i=0; while [ $i -lt 5000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done; exit 3") {
		t.Run(name, func(t *testing.T) {
			status, err := run(boundary(t), &libcontainer.CreateOptions{Stdout: full{}})
			if status != 3 || !errors.Is(err, errFull) {
				t.Errorf("Run = %v, %v", status, err)
			}
		})
	}
}

// A context ends the wait for a writer.
func TestTerminalStuckWriter(t *testing.T) {
	harness.Once(t)
	for name, run := range foregrounds(t, "echo one") {
		t.Run(name, func(t *testing.T) {
			ctx, end := context.WithTimeout(t.Context(), 2*time.Second)
			defer end()
			start := time.Now()
			_, err := run(ctx, &libcontainer.CreateOptions{Stdout: &slow{each: 6 * time.Second}})
			if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
				t.Errorf("after %v: %v", took, err)
			}
		})
	}
}
