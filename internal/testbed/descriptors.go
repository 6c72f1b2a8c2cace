package testbed

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Main runs a package's tests and ends the process, with an error if they leave a descriptor open. Last are calls of what
// is to be done afterwards.
func Main(m *testing.M, last ...func()) {
	// What whoever runs the tests has left open isn't ours to judge.
	_ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	if r, w, err := os.Pipe(); err == nil { // has the Go runtime open its poller now
		r.Close()
		w.Close()
	}
	before := Descriptors(os.Getpid())
	code := m.Run()
	var left map[string]string
	for end := time.Now().Add(Patience / 10); ; time.Sleep(time.Millisecond) { // a thread may still be ending
		left = More(before, Descriptors(os.Getpid()))
		if len(left) == 0 || time.Now().After(end) {
			break
		}
	}
	if len(left) > 0 {
		fmt.Fprintf(os.Stderr, "the tests have left descriptors open: %q\n", left)
		code = max(code, 1)
	}
	for _, f := range last {
		f()
	}
	os.Exit(code)
}

// Descriptors are those that a process has open, with what they lead to. It may be asked from any
// thread: another looks, that has the /proc of the process.
func Descriptors(pid int) map[string]string {
	found := make(chan map[string]string)
	go func() {
		dir := fmt.Sprintf("/proc/%d/fd/", pid)
		list, _ := os.ReadDir(dir)
		open := make(map[string]string)
		for _, e := range list {
			if to, err := os.Readlink(dir + e.Name()); err == nil { // not the one of this list
				open[e.Name()] = to
			}
		}
		found <- open
	}()
	return <-found
}

// Same returns what fails the test unless the process has the same descriptors open as now.
func Same(t testing.TB, pid int) (check func()) {
	t.Helper()
	before := settled(pid)
	return func() {
		t.Helper()
		after := Descriptors(pid)
		if left := More(before, after); len(left) > 0 {
			t.Errorf("left open: %q", left)
		}
		if gone := More(after, before); len(gone) > 0 {
			t.Errorf("closed: %q", gone)
		}
	}
}

// settled is Descriptors when nothing of an earlier test is being closed any more.
func settled(pid int) map[string]string {
	for end := time.Now().Add(Patience / 10); ; {
		open := Descriptors(pid)
		time.Sleep(2 * time.Millisecond)
		if maps.Equal(open, Descriptors(pid)) || time.Now().After(end) {
			return open
		}
	}
}

// More are those of after that before hasn't. What the testing package keeps open for a profile
// doesn't count.
func More(before, after map[string]string) map[string]string {
	left := maps.Clone(after)
	maps.DeleteFunc(left, func(fd, to string) bool { return before[fd] == to || profile(to) })
	return left
}

func profile(path string) bool {
	for _, name := range [...]string{"test.cpuprofile", "test.trace"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" && filepath.Base(path) == filepath.Base(f.Value.String()) {
			return true
		}
	}
	return false
}
