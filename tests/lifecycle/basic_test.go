package lifecycle

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

func TestRunExitCodes(t *testing.T) {
	for _, c := range []struct {
		script string
		want   int
	}{
		{"exit 0", 0},
		{"exit 3", 3},
		{"exit 255", 255},
	} {
		b := harness.New(t, harness.Shell(c.script))
		if r := b.Container(t, "run"); r.Code != c.want || r.Stderr != "" {
			t.Errorf("%s: want %d: %v", c.script, c.want, r)
		}
	}
}

func TestLifecycle(t *testing.T) {
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	pid, _ := b.Create(t)
	s := b.State(t)
	if s.Status != specs.StateCreated || s.Pid != pid || s.ID != b.ID || s.Bundle != b.Dir {
		t.Errorf("state = %+v, want created, pid %d, bundle %s", s, pid, b.Dir)
	}
	b.Must(t, "start")
	if s := b.State(t); s.Status != specs.StateRunning || s.Pid != pid {
		t.Errorf("state = %+v, want running, pid %d", s, pid)
	}
	b.Must(t, "kill", "KILL")
	if ws := harness.Wait(t, pid); !ws.Signaled() || ws.Signal() != unix.SIGKILL {
		t.Errorf("wait status = %x, want killed by SIGKILL", ws)
	}
	b.WaitStatus(t, specs.StateStopped)
	b.Must(t, "delete")
	b.Run(t, "state", b.ID).Fails(t, 1, "does not exist")
}

func TestRunKilled(t *testing.T) {
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	p := b.Cmd("run").Start(t)
	b.WaitStarted(t)
	b.Must(t, "kill", "KILL")
	if r := p.Wait(t); r.Code != 137 {
		t.Errorf("want 137: %v", r)
	}
}
