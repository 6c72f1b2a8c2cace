package harness

import (
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Who has been killed is waited for, whenever he ends, and who lives isn't.
func TestReap(t *testing.T) {
	for range 100 {
		c := exec.Command("sleep", "60")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		Reap()
		if d := time.Since(start); d > time.Second {
			t.Errorf("took %v beside a child that lives", d)
		}
		if err := c.Process.Signal(unix.Signal(0)); err != nil {
			t.Fatalf("the living child is gone: %v", err)
		}
		c.Process.Kill()
		Reap()
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
			t.Fatalf("wait4 says %d, %v, want ECHILD", pid, err)
		}
		c.Process.Release()
	}
}
