package fdio

import (
	"bytes"
	"errors"
	"os"
	"os/signal"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func pipe(t *testing.T) (r, w Own) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w = New(p[0]), New(p[1])
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}

func TestOwn(t *testing.T) {
	var none Own
	if none.Open() || none.FD() != -1 {
		t.Errorf("the zero value is %d", none.FD())
	}
	none.Close() // and nothing happens
	if o := New(-5); o.Open() || o.FD() != -1 {
		t.Errorf("none is %d", o.FD())
	}
	r, w := pipe(t)
	n := r.FD()
	if !r.Open() || !isOpen(n) {
		t.Fatal("a pipe's end is closed")
	}
	r.Close()
	if r.Open() || isOpen(n) {
		t.Error("still open after Close")
	}
	other, err := unix.Dup(w.FD()) // probably the same number
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	r.Close()
	if !isOpen(other) {
		t.Error("the second Close has closed another's descriptor")
	}
	m := w.Take()
	defer unix.Close(m)
	if w.Close(); w.Open() || !isOpen(m) {
		t.Error("closed what was taken")
	}
}

func TestReadAll(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 1000)
	file := t.TempDir() + "/f"
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ size, limit, want int }{{0, 1 << 20, 10000}, {10000, 1 << 20, 10000}, {1 << 30, 4000, 4000}, {5, 9999, 9999}, {0, 0, 0}} {
		f, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadAll(f, c.size, c.limit)
		unix.Close(f)
		if err != nil || !bytes.Equal(got, text[:c.want]) {
			t.Errorf("%+v: %d bytes, %v", c, len(got), err)
		}
	}
	if _, err := ReadAll(-1, 0, 1); !errors.Is(err, unix.EBADF) {
		t.Errorf("no descriptor: %v", err)
	}
}

// interrupted has this thread interrupted by signals all the time.
func interrupted(t *testing.T) {
	t.Helper()
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGUSR1)
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				_ = unix.Kill(unix.Getpid(), unix.SIGUSR1)
			}
		}
	}()
	t.Cleanup(func() { close(done); <-gone; signal.Stop(c) })
}

func TestPoll(t *testing.T) {
	interrupted(t)
	r, w := pipe(t)
	start := time.Now()
	if seen, err := Await(r.FD(), start.Add(100*time.Millisecond)); seen || err != nil || time.Since(start) < 100*time.Millisecond {
		t.Errorf("nothing to be seen: %v, %v after %v", seen, err, time.Since(start))
	}
	if seen, err := Await(r.FD(), start); seen || err != nil {
		t.Errorf("a deadline that has passed: %v, %v", seen, err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _, _ = Write(w.FD(), []byte("x")) })
	if seen, err := Await(r.FD(), time.Time{}); !seen || err != nil {
		t.Errorf("without a deadline: %v, %v", seen, err)
	}
	if n, err := Read(r.FD(), make([]byte, 5)); n != 1 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	w.Close()
	if seen, err := Await(r.FD(), time.Time{}); !seen || err != nil {
		t.Errorf("at the end: %v, %v", seen, err)
	}
}
