package lifecycle

import (
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A created container whose first process is sent what ends processes has stopped; one
// that is sent what doesn't hasn't.
func TestKillCreated(t *testing.T) {
	for name, edit := range map[string]harness.Edit{
		"host root": func(*specs.Spec) {}, "user namespace": harness.MappedRoot, "host's pids": harness.WithoutNS(specs.PIDNamespace),
	} {
		for sig, ends := range map[string]bool{"TERM": true, "HUP": true, "INT": true, "KILL": true, "WINCH": false, "CHLD": false, "CONT": false} {
			t.Run(name+" "+sig, func(t *testing.T) {
				harness.Share(t)
				b := harness.New(t, harness.Args("/bin/sleep", "60"), edit)
				b.Chown(t)
				pid, _ := b.Create(t)
				b.Must(t, "kill", sig)
				if ends {
					harness.Wait(t, pid)
					b.WaitStatus(t, specs.StateStopped)
				} else {
					time.Sleep(20 * time.Millisecond) // that nothing comes of it, nothing tells
					b.WaitStatus(t, specs.StateCreated)
				}
				b.Must(t, "delete", "--force")
				b.ReapAll(t)
			})
		}
	}
}

// A SIGPIPE that a foreground run is sent is for its container, like any other signal.
func TestForegroundPipe(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell("trap 'exit 44' PIPE; echo >/ready; while :; do usleep 10000; done"), writable)
	cmd := b.Cmd("run")
	cmd.Timeout = 5 * time.Second
	p := cmd.Start(t)
	trapped(t, b)
	if err := p.Process.Signal(unix.SIGPIPE); err != nil {
		t.Fatal(err)
	}
	if r := p.Wait(t); r.Code != 44 {
		t.Errorf("want exit code 44: %v", r)
	}
}
