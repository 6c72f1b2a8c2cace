package libcontainer

import (
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
)

// What a CRIU waits for is a sign of its life: a child that is busy as long as it is, another program that isn't for a while.
func TestWatch(t *testing.T) {
	host, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(host.FD)
	begin := func(script string, children int) *watch {
		cmd := exec.Command("sh", "-c", script)
		cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Kill(-cmd.Process.Pid, unix.SIGKILL); cmd.Wait() })
		w := &watch{host: host, pid: cmd.Process.Pid}
		for end := time.Now().Add(10 * time.Second); len(w.family()) != 1+children; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: processes %v", script, w.family())
			}
		}
		return w
	}
	busy := begin("(while :; do :; done) & wait", 1)
	from := busy.computed()
	for end := time.Now().Add(10 * time.Second); busy.computed() == from; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a busy child is no sign of life")
		}
	}
	waits := begin("sleep 1000 & wait", 1)
	waits.settle(t)
	for range programLooks {
		waits.computed()
	}
	if before := waits.computed(); waits.computed() != before {
		t.Error("a program that does nothing is a sign of life for ever")
	}
	idle := begin("kill -STOP $$", 0)
	idle.settle(t)
	if before := idle.computed(); idle.computed() != before {
		t.Error("what does nothing is alive")
	}
	if len(idle.looks) > 0 {
		t.Errorf("it is a program of its own: %v", idle.looks)
	}
}

// settle waits until the processes wait.
func (w *watch) settle(t *testing.T) {
	t.Helper()
	time.Sleep(200 * time.Millisecond)
	if before := w.read(nil); len(w.family()) > 1 && w.read(nil) == before {
		t.Error("a program that has been started is no sign of life")
	}
}
