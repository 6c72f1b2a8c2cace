package harness

import (
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// Busy has n processes take the processors until the test ends: what depends on who
// is quicker then goes otherwise than on a quiet machine.
func Busy(t testing.TB, n int) {
	t.Helper()
	for range n {
		c := exec.Command("sh", "-c", "while :; do :; done")
		c.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			c.Process.Kill()
			c.Wait()
		})
	}
}
