package lifecycle

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// counter is a container that writes without end, by two processes.
func counter(t *testing.T) *harness.Bundle {
	t.Helper()
	const loop = "while :; do echo >>/tmp/%s; sleep 0.01; done"
	return harness.New(t, writable, harness.Shell(fmt.Sprintf(loop+" & "+loop, "a", "b")))
}

func written(t *testing.T, b *harness.Bundle) [2]int64 {
	t.Helper()
	var size [2]int64
	for i, name := range []string{"a", "b"} {
		if st, err := os.Stat(b.Rootfs + "/tmp/" + name); err == nil {
			size[i] = st.Size()
		}
	}
	return size
}

// moves waits until both processes have written more.
func moves(t *testing.T, b *harness.Bundle, since [2]int64) {
	t.Helper()
	harness.Until(t, "both write", func() bool { now := written(t, b); return now[0] > since[0] && now[1] > since[1] })
}

// stands checks that nothing is written any more.
func stands(t *testing.T, b *harness.Bundle) {
	t.Helper()
	before := written(t, b)
	time.Sleep(100 * time.Millisecond) // that nothing is, nothing tells
	if now := written(t, b); now != before {
		t.Errorf("written while paused: %v, then %v", before, now)
	}
}

// All processes stop and go on, those of cgroups below too.
func TestPauseResume(t *testing.T) {
	b := counter(t)
	pid, _ := b.Create(t)
	b.Must(t, "start")
	moves(t, b, [2]int64{})
	for _, p := range psPIDs(t, b) {
		if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p)); p != pid && strings.TrimSpace(string(comm)) == "sh" {
			intoSub(t, b, "below", p)
		}
	}
	for range 3 {
		b.Must(t, "pause")
		if s := b.State(t); s.Status != "paused" || s.Pid != pid {
			t.Errorf("state = %+v, want paused, pid %d", s, pid)
		}
		stands(t, b)
		b.Run(t, "pause", b.ID).Fails(t, 1, "container not running")
		b.Run(t, "start", b.ID).Fails(t, 1, "cannot start a container in the paused state")
		b.Run(t, "delete", b.ID).Fails(t, 1, "that is not stopped: paused")
		stands(t, b)
		b.Must(t, "resume")
		if s := b.State(t); s.Status != specs.StateRunning {
			t.Errorf("state = %+v, want running", s)
		}
		moves(t, b, written(t, b))
		b.Run(t, "resume", b.ID).Fails(t, 1, "container not paused")
	}
	b.Must(t, "pause")
	b.End(t, pid)
}

// A container that is paused before its start waits for start when resumed.
func TestPauseCreated(t *testing.T) {
	b := harness.New(t, harness.Shell("exit 3"))
	pid, _ := b.Create(t)
	b.Must(t, "pause")
	b.Run(t, "start", b.ID).Fails(t, 1, "cannot start a container in the paused state")
	b.Must(t, "resume")
	if s := b.State(t); s.Status != specs.StateCreated {
		t.Errorf("state = %+v, want created", s)
	}
	b.Must(t, "start")
	if ws := harness.Wait(t, pid); ws.ExitStatus() != 3 {
		t.Errorf("wait status = %x, want exit code 3", ws)
	}
	b.WaitStatus(t, specs.StateStopped)
	b.Run(t, "pause", b.ID).Fails(t, 1, "container not running")
	b.Run(t, "resume", b.ID).Fails(t, 1, "container not paused")
	b.Must(t, "delete")
}

// A signal waits for resume, but SIGKILL doesn't.
func TestKillPaused(t *testing.T) {
	b := harness.New(t, harness.Shell("trap 'exit 5' TERM; echo ready; while :; do sleep 0.02; done"))
	pid, r := b.Create(t)
	b.Must(t, "start")
	ready(t, r)
	b.Must(t, "pause")
	b.Must(t, "kill", "TERM")
	time.Sleep(50 * time.Millisecond) // that it waits, nothing tells
	if s := b.State(t); s.Status != "paused" {
		t.Errorf("after SIGTERM: %s, want paused", s.Status)
	}
	b.Must(t, "resume")
	if ws := harness.Wait(t, pid); ws.ExitStatus() != 5 {
		t.Errorf("wait status = %x, want exit code 5", ws)
	}
	b.Must(t, "delete")

	for _, args := range [][]string{{"KILL"}, {"--all", "KILL"}} {
		pid, r = b.Create(t)
		b.Must(t, "start")
		ready(t, r)
		b.Must(t, "pause")
		k := b.Run(t, append(append([]string{"kill"}, args[:len(args)-1]...), b.ID, args[len(args)-1])...)
		k.Silent(t)
		if ws := harness.Wait(t, pid); ws.Signal() != unix.SIGKILL {
			t.Errorf("wait status = %x, want SIGKILL", ws)
		}
		b.WaitStatus(t, specs.StateStopped)
		b.Must(t, "delete")
	}
}

// ready waits for the first word that a container writes.
func ready(t *testing.T, r *harness.Result) {
	t.Helper()
	harness.Until(t, "the container says something", func() bool { return r.Reread(t) != "" })
}
