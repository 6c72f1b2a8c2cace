package proc

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSerial(t *testing.T) {
	own, err := Serial(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if own == 0 {
		t.Skip("pidfds of this kernel have no inode of their own (Linux 6.9)")
	}
	if again, err := Serial(os.Getpid()); again != own || err != nil {
		t.Errorf("Serial = %d, then %d, %v", own, again, err)
	}
	seen := map[uint64]bool{own: true}
	for range 20 {
		c := exec.Command("sleep", "60")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		n, err := Serial(c.Process.Pid)
		if err != nil || n == 0 || seen[n] {
			t.Errorf("Serial = %d, %v, which others have had", n, err)
		}
		seen[n] = true
		_ = c.Process.Kill()
		_ = c.Wait()
		if n, err := Serial(c.Process.Pid); err != unix.ESRCH { //nolint:errorlint // the very error
			t.Errorf("Serial of nobody = %d, %v", n, err)
		}
	}
}
