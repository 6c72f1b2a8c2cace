package thread_test

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
	"github.com/rung-oci/rung/internal/thread"
	"github.com/rung-oci/rung/internal/trap"
)

const copyEnv = "RUNG_TEST_THREAD" // set in a copy of the test

func TestMain(m *testing.M) {
	if os.Getenv(copyEnv) != "" {
		runtime.UnlockOSThread() // what testbed keeps is what is to be offered
	}
	switch os.Getenv(copyEnv) {
	case "offered":
		os.Exit(offered())
	case "signalled":
		os.Exit(signalled())
	case "polled":
		os.Exit(polled())
	}
	testbed.Main(m)
}

// offered offers the main thread, as the only one that runs anything, to Own. It
// returns 0 if that took another.
func offered() int {
	runtime.GOMAXPROCS(1)
	first := make(chan bool)
	go func() { first <- unix.Gettid() == unix.Getpid() }()
	if !<-first {
		return 3 // the main thread isn't offered: this test tests nothing
	}
	mine := make(chan bool)
	go thread.Own(func() { mine <- unix.Gettid() == unix.Getpid() })
	if <-mine {
		return 4
	}
	return 0
}

// signalled sends such a thread a signal of the process. It returns 0 if it was caught.
func signalled() int {
	fd, err := trap.Catch()
	if err != nil {
		return 3
	}
	sent := make(chan error)
	go thread.Own(func() {
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGTERM)
		}
		sent <- err
	})
	if err := <-sent; err != nil {
		return 4
	}
	for {
		switch trap.Read(fd) {
		case unix.SIGTERM:
			return 0
		case 0:
			return 5
		}
	}
}

// polled has such a thread collect garbage, whose end polls, while the poller is in
// use. It returns 0 if the program survives.
func polled() int {
	r, w, err := os.Pipe()
	if err != nil {
		return 3
	}
	defer w.Close()
	go r.Read(make([]byte, 1))
	sent := make(chan error)
	go thread.Own(func() {
		err := unix.Unshare(unix.CLONE_FS)
		for range 50 {
			runtime.GC()
		}
		sent <- err
	})
	if <-sent != nil {
		return 4
	}
	return 0
}

// A panic on the other thread is the caller's, and nothing else is lost on the way.
func TestDo(t *testing.T) {
	if err := thread.Do(func() error { return unix.EXDEV }); !errors.Is(err, unix.EXDEV) {
		t.Errorf("Do = %v", err)
	}
	defer func() {
		p, ok := recover().(*thread.Panic)
		if !ok || p.Error() != "fault" || !strings.Contains(string(p.Stack), "TestDo") {
			t.Errorf("panic %v", p)
		}
	}()
	_ = thread.Do(func() error { panic("fault") })
	t.Error("Do has returned")
}

// A thread of one's own is never the process's main thread, to which the kernel gives the process's
// signals, a signal that it gets all the same isn't lost, and the Go runtime may poll on it.
func TestOwnThread(t *testing.T) {
	for _, what := range []string{"offered", "signalled", "polled"} {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), copyEnv+"="+what)
		if text, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v, want exit code 0: %s", what, err, text)
		}
	}
}
