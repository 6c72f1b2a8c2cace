package lifecycle

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A foreground run hands signals on from the moment on which the program runs:
// none may end the runtime instead and leave its container behind.
func TestForegroundSignals(t *testing.T) {
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM, unix.SIGCONT} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			harness.Share(t)
			name := strings.TrimPrefix(unix.SignalName(sig), "SIG")
			b := harness.New(t, harness.Shell("trap 'exit 44' "+name+"; echo >/ready; while :; do usleep 10000; done"), writable)
			cmd := b.Cmd("run")
			cmd.Timeout = 5 * time.Second
			p := cmd.Start(t)
			trapped(t, b)
			if err := p.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if r := p.Wait(t); r.Code != 44 {
				t.Errorf("want exit code 44, the container's answer to %s: %v", name, r)
			}
		})
	}
}

// trapped waits until the container's process has set its traps: a signal that comes
// before has no effect on the first process of a pid namespace, and ends another.
func trapped(t *testing.T, b *harness.Bundle) {
	t.Helper()
	harness.UntilFile(t, b.Rootfs+"/ready")
}

// A caller that ignores SIGINT, as a script's background job does, has asked for
// nothing on behalf of the container.
func TestForegroundIgnoredInterrupt(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell("trap 'exit 44' INT; echo >/ready; while :; do usleep 10000; done"), writable)
	cmd := b.Cmd("run")
	cmd.Via, cmd.Timeout = sh("trap '' INT"), 5*time.Second
	p := cmd.Start(t)
	trapped(t, b)
	if err := p.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	if r := p.Wait(t); r.Code != 44 {
		t.Errorf("want exit code 44: %v", r)
	}
}

// What a container without a pid namespace leaves to a foreground run is reaped.
func TestForegroundOrphans(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell("(sleep 0.1 &) ; sleep 0.5; exit 3"))
	if r := b.Container(t, "run"); r.Code != 3 {
		t.Errorf("want exit code 3: %v", r)
	}
}

// Output is complete when run returns, however much there is.
func TestForegroundOutput(t *testing.T) {
	const want = 3_000_000
	for name, edits := range map[string][]harness.Edit{"files": nil, "terminal": {terminal(0, 0)}} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, append([]harness.Edit{harness.Shell("head -c 3000000 /dev/zero | tr '\\0' x")}, edits...)...)
			r := b.Container(t, "run")
			if got := strings.Count(r.Stdout, "x"); got != want || r.Code != 0 {
				t.Errorf("exit code %d and %d bytes, want 0 and %d", r.Code, got, want)
			}
		})
	}
}
