package lifecycle

import (
	"os"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// prompt is how long a verb may take that waits for nobody. Who waits for a lock in
// vain gives up after ten seconds.
const prompt = 5 * time.Second

// quick calls a verb that nothing may hold up.
func quick(t *testing.T, b *harness.Bundle, args ...string) {
	t.Helper()
	r := b.Run(t, args...)
	r.Silent(t)
	if r.Elapsed > prompt {
		t.Errorf("took %v: %v", r.Elapsed, r)
	}
}

// While a foreground run waits for its container, that is anybody's to change.
func TestForegroundUnlocked(t *testing.T) {
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	p := b.Cmd("run").Start(t)
	b.WaitStarted(t)
	quick(t, b, "pause", b.ID)
	quick(t, b, "resume", b.ID)
	if harness.HasController("pids") {
		quick(t, b, "update", "--pids-limit", "20", b.ID)
	}
	quick(t, b, "exec", b.ID, "/bin/true")
	quick(t, b, "kill", b.ID, "KILL")
	if r := p.Wait(t); r.Code != 137 || r.Stderr != "" {
		t.Errorf("want exit code 137: %v", r)
	}
}

// A container that is deleted, or that has another of its name by then, is none of
// run's to delete when it ends.
func TestForegroundDeleted(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	p := b.Cmd("run").Start(t)
	b.WaitStarted(t)
	quick(t, b, "delete", "--force", b.ID)
	pid, _ := b.Create(t)
	if r := p.Wait(t); r.Code != 137 || r.Stderr != "" {
		t.Errorf("want exit code 137: %v", r)
	}
	if got := b.State(t); got.Pid != pid || got.Status != "created" {
		t.Errorf("state = %+v, want the second container, process %d", got, pid)
	}
	b.Must(t, "delete", "--force")
}

// Nor does a start hold anybody up that waits for a container to be ready.
func TestNotifyUnlocked(t *testing.T) {
	for _, verb := range []string{"start", "run"} {
		t.Run(verb, func(t *testing.T) {
			n := harness.ListenNotify(t)
			env := append(os.Environ(), "NOTIFY_SOCKET="+n.Path)
			b := harness.New(t, harness.Args("/bin/sleep", "60"))
			var p *harness.Proc
			if verb == "run" {
				c := b.Cmd("run")
				c.Env = env
				p = c.Start(t)
			} else {
				c := b.Cmd("create")
				c.Env = env
				b.CreateBy(t, c)
				c = &harness.Cmd{Args: []string{"--root", b.Root, "start", b.ID}, Env: env}
				p = c.Start(t)
			}
			b.WaitStarted(t)
			quick(t, b, "pause", b.ID)
			quick(t, b, "resume", b.ID)
			quick(t, b, "delete", "--force", b.ID)
			if r := p.Wait(t); verb == "start" && r.Code != 0 || verb == "run" && r.Code != 137 {
				t.Errorf("after the container's end: %v", r)
			}
		})
	}
}

// A slow hook holds up nobody who deletes the container. The four wait together.
func TestHookUnlocked(t *testing.T) {
	harness.Once(t)
	var all []*slowHook
	for _, verb := range []string{"start", "run"} {
		for _, name := range []string{"poststart", "startContainer"} {
			all = append(all, newSlowHook(t, verb, name))
		}
	}
	for _, h := range all {
		h.begin(t)
	}
	for _, h := range all {
		quick(t, h.Bundle, "delete", "--force", h.ID)
	}
	for _, h := range all {
		if r := h.proc.Wait(t); h.name == "startContainer" && r.Code == 0 {
			t.Errorf("%s: its hook was killed: %v", h.verb, r)
		}
		if h.created > 0 {
			harness.Wait(t, h.created)
		}
	}
}

// A slowHook is a container whose start takes as long as its hook sleeps.
type slowHook struct {
	*harness.Bundle
	verb, name string
	begun      string // exists when the hook runs
	created    int    // the first process, if it is ours to wait for
	proc       *harness.Proc
}

func newSlowHook(t *testing.T, verb, name string) *slowHook {
	b := harness.New(t, writable, harness.Args("/bin/sleep", "60"))
	h := &slowHook{Bundle: b, verb: verb, name: name, begun: b.Dir + "/begun"}
	file := h.begun
	if name == "startContainer" {
		h.begun, file = b.Rootfs+"/begun", "/begun"
	}
	hooks := []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", ">" + file + "; exec sleep 7"}}}
	b.Spec.Hooks = &specs.Hooks{StartContainer: hooks}
	if name == "poststart" {
		b.Spec.Hooks = &specs.Hooks{Poststart: hooks}
	}
	b.Save(t)
	return h
}

// begin returns when the hook runs.
func (h *slowHook) begin(t *testing.T) {
	c := h.Cmd("run")
	if h.verb == "start" {
		h.created, _ = h.Create(t)
		c = &harness.Cmd{Args: []string{"--root", h.Root, "start", h.ID}}
	}
	h.proc = c.Start(t)
	harness.UntilFile(t, h.begun)
}

// A detached exec into a paused container returns: its process runs the program when
// the container is resumed.
func TestExecPausedDetached(t *testing.T) {
	b, pid := running(t, writable)
	b.Must(t, "pause")
	file := b.Dir + "/exec.pid"
	quick(t, b, "exec", "--ignore-paused", "--detach", "--pid-file", file, b.ID, "/bin/touch", "/came")
	if _, err := os.Stat(b.Rootfs + "/came"); err == nil {
		t.Error("a program ran in a paused container")
	}
	b.Must(t, "resume")
	ws := harness.Wait(t, harness.PID(t, file))
	if _, err := os.Stat(b.Rootfs + "/came"); err != nil || ws != 0 {
		t.Errorf("after the resume: %v, status %#x", err, ws)
	}
	b.End(t, pid)
}
