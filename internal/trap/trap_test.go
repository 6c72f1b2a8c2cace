package trap

import (
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

const copyEnv = "RUNG_TEST_TRAP" // set in a copy of the test

func TestMain(m *testing.M) {
	switch os.Getenv(copyEnv) {
	case "":
		testbed.Main(m)
	case "all":
		os.Exit(all())
	case "fault":
		os.Exit(fault())
	case "release":
		os.Exit(release())
	case "pipe":
		os.Exit(brokenPipe())
	}
}

// all sends itself every signal and tells by its exit status the first that
// wasn't read.
func all() int {
	fd, err := Catch()
	if err != nil {
		return 200
	}
	for sig := unix.Signal(1); sig <= last; sig++ {
		if !ours(sig) || sig == unix.SIGPIPE { // of which one of our own means something else
			continue
		}
		if err := unix.Kill(os.Getpid(), sig); err != nil {
			return 100 + int(sig)
		}
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for deadline := time.Now().Add(5 * time.Second); ; {
			n, err := unix.Poll(poll, 1000)
			if n > 0 && err == nil {
				break
			}
			if time.Now().After(deadline) {
				return int(sig)
			}
		}
		if got := Read(fd); got != sig {
			return int(sig)
		}
		if Read(fd) != 0 {
			return 202
		}
	}
	return 0
}

// fault makes a fault that the Go runtime has to see as before.
func fault() (status int) {
	if _, err := Catch(); err != nil {
		return 200
	}
	defer func() {
		if recover() != nil {
			status = 33
		}
	}()
	var p *int
	*p = 1
	return 0
}

// brokenPipe writes to a pipe that nobody reads and is then sent a SIGPIPE by somebody
// else. It returns how many of them were caught.
func brokenPipe() int {
	fd, err := Catch()
	if err != nil {
		return 200
	}
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		return 201
	}
	unix.Close(ends[0])
	if _, err := unix.Write(ends[1], []byte("x")); err != unix.EPIPE {
		return 202
	}
	if err := exec.Command("sh", "-c", "kill -PIPE $PPID").Run(); err != nil {
		return 203
	}
	caught := 0
	for sig := Read(fd); sig != 0; sig = Read(fd) {
		if sig == unix.SIGPIPE {
			caught++
		}
	}
	return caught
}

// A SIGPIPE counts if somebody else has sent it.
func TestBrokenPipe(t *testing.T) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("os/signal doesn't tell who has sent a signal")
	}
	if got := runCopy(t, "pipe"); got != 1 {
		t.Errorf("%d caught, want 1 (from 200 on what brokenPipe says)", got)
	}
}

func runCopy(t *testing.T, what string, prefix ...string) int {
	t.Helper()
	args := append(prefix, os.Args[0])
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Env = append(os.Environ(), copyEnv+"="+what)
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	if len(out) > 0 {
		t.Logf("%s", out)
	}
	return c.ProcessState.ExitCode()
}

// Every signal arrives once, whatever our caller ignored.
func TestAll(t *testing.T) {
	if got := runCopy(t, "all"); got != 0 {
		t.Errorf("exit status %d: that signal, or from 200 on what all says", got)
	}
	if got := runCopy(t, "all", "sh", "-c", `trap "" HUP INT TERM CHLD; exec "$0"`); got != 0 {
		t.Errorf("with ignored signals: exit status %d", got)
	}
}

// A nil pointer is still a Go panic.
func TestFault(t *testing.T) {
	if got := runCopy(t, "fault"); got != 33 {
		t.Errorf("exit status %d, want 33", got)
	}
}

// release catches signals for two at once, and lets itself be ended by one when neither does any more.
func release() int {
	signal.Ignore(unix.SIGHUP)
	for range 2 {
		if _, err := Catch(); err != nil {
			return 200
		}
	}
	Release()
	_ = unix.Kill(os.Getpid(), unix.SIGTERM) // still caught
	time.Sleep(50 * time.Millisecond)
	Release()
	fd, err := Catch()
	if err != nil || Read(fd) != 0 {
		return 201 // that of before
	}
	Release()
	_ = unix.Kill(os.Getpid(), unix.SIGHUP) // still ignored
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, unix.SIGUSR1)
	_ = unix.Kill(os.Getpid(), unix.SIGUSR1)
	select {
	case <-ask:
	case <-time.After(5 * time.Second):
		return 202
	}
	_ = unix.Kill(os.Getpid(), unix.SIGTERM)
	time.Sleep(5 * time.Second)
	return 203
}

// Signals that nobody catches any more do what they did before.
func TestRelease(t *testing.T) {
	if got := runCopy(t, "release"); got != -1 {
		t.Errorf("exit status %d, want death by SIGTERM (from 200 on what release says)", got)
	}
}
