package testbed

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const leaver = "RUNG_TEST_LEAVE" // set in a copy of the test that leaves a file open

func TestMain(m *testing.M) { Main(m) }

// Tests that leave a descriptor open fail, and are told which.
func TestLeft(t *testing.T) {
	if path := os.Getenv(leaver); path != "" {
		if _, err := unix.Open(path, unix.O_RDONLY, 0); err != nil {
			t.Fatal(err)
		}
		return
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLeft$")
	c.Env = append(os.Environ(), leaver+"=/etc/passwd")
	text, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "/etc/passwd") {
		t.Errorf("%v: %s, want a failure that names /etc/passwd", err, text)
	}
}

// What comes a moment later is waited for, and of a process that waits it is seen at what.
func TestWaits(t *testing.T) {
	c := exec.CommandContext(t.Context(), "sh", "-c", "read line")
	in, err := c.StdinPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	Blocked(t, c.Process.Pid, unix.SYS_READ)
	in.Close()
	_ = c.Wait()
	start := time.Now()
	Until(t, "some milliseconds have passed", func() bool { return time.Since(start) > 5*time.Millisecond })
}

// A namespace of a thread's own is no other's.
func TestTmpfs(t *testing.T) {
	inside := ""
	Tmpfs(t, 0, func(dir string) {
		inside = dir
		Tree(t, dir, "d/f", "l -> d", "p|")
		if text, err := os.ReadFile(dir + "/l/f"); string(text) != "d/f" {
			t.Errorf("read %q, %v", text, err)
		}
	})
	if list, err := os.ReadDir(inside); len(list) != 0 {
		t.Errorf("%v, %v outside, want nothing", list, err)
	}
}
