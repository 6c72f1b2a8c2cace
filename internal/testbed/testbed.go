// Package testbed is what tests stand on that ask the kernel: threads with namespaces that end
// with them, files, children, and that nothing of it is left. Only tests import it.
package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Patience is for what takes no time where all is well.
const Patience = time.Minute

// The main goroutine keeps the main thread: what a test does to its own thread then never hits the
// one that stands for the process.
func init() { runtime.LockOSThread() }

// Thread runs f on a thread that ends with it, in new namespaces of the kinds that flags have. Its
// mounts, if they are its own, are nobody's peers.
func Thread(t testing.TB, flags int, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
		err := unix.Unshare(unix.CLONE_FS | flags)
		if err == nil && flags&unix.CLONE_NEWNS != 0 {
			err = unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, "")
		}
		if err != nil {
			t.Errorf("make namespaces (needs root): %v", err)
			return
		}
		f()
	}()
	select {
	case <-done:
	case <-time.After(3 * Patience):
		t.Fatal("test hangs")
	}
}

// Tmpfs is Thread with a mount namespace, in which dir is a new directory on a tmpfs.
func Tmpfs(t testing.TB, flags int, f func(dir string)) {
	t.Helper()
	dir := t.TempDir()
	Thread(t, flags|unix.CLONE_NEWNS, func() {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			t.Errorf("mount a tmpfs: %v", err)
			return
		}
		f(dir)
	})
}

// Tree makes files below dir: "d/" a directory, "f" a file that holds its name, "l -> target" a
// link, "p|" a FIFO.
func Tree(t testing.TB, dir string, entries ...string) {
	t.Helper()
	for _, e := range entries {
		name, target, link := strings.Cut(e, " -> ")
		path := filepath.Join(dir, strings.TrimSuffix(name, "|"))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case err != nil:
		case link:
			err = os.Symlink(target, path)
		case strings.HasSuffix(e, "/"):
			err = os.MkdirAll(path, 0o755)
		case strings.HasSuffix(e, "|"):
			err = unix.Mkfifo(path, 0o644)
		default:
			err = os.WriteFile(path, []byte(e), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Open opens a path to look at, until the test ends.
func Open(t testing.TB, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// Memory is a file of no file system's, until the test ends.
func Memory(t testing.TB, data []byte) int {
	t.Helper()
	fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if _, err := unix.Pwrite(fd, data, 0); err != nil {
		t.Fatal(err)
	}
	return fd
}

// Mounted is the line of a mountinfo for the last mount at path.
func Mounted(mountinfo []byte, path string) (line string) {
	for l := range strings.Lines(string(mountinfo)) {
		if f := strings.Fields(l); len(f) > 5 && f[4] == path {
			line = strings.TrimSuffix(l, "\n")
		}
	}
	return line
}

// Await waits for the end of a child, which is killed if it takes too long.
func Await(t testing.TB, pid int) (ws unix.WaitStatus) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatalf("wait for %d: %v", pid, err)
	}
	defer unix.Close(fd)
	if !Readable(fd) {
		t.Errorf("process %d doesn't end", pid)
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
	for err = unix.EINTR; err == unix.EINTR; {
		_, err = unix.Wait4(pid, &ws, unix.WALL, nil)
	}
	if err != nil {
		t.Errorf("wait for %d: %v", pid, err)
	}
	return ws
}

// Readable waits until a descriptor has something to read, as a pidfd has when its process ends.
func Readable(fd int) bool {
	for end := time.Now().Add(Patience); ; {
		left := max(time.Until(end).Milliseconds(), 0)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left))
		if err != unix.EINTR || left == 0 {
			return n == 1
		}
	}
}

// Until waits for what nothing tells of but a look at it.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timeout: %s", what)
		}
	}
}

// Blocked waits until a process sleeps in a system call.
func Blocked(t testing.TB, pid, call int) {
	t.Helper()
	Until(t, fmt.Sprintf("process %d is in system call %d", pid, call), func() bool {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
		return strings.HasPrefix(string(text), fmt.Sprintf("%d ", call))
	})
}
