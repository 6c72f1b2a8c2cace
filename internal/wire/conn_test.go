package wire

import (
	"errors"
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// pair makes a connection whose receives end after five seconds.
func pair(t testing.TB) (a, b Conn) {
	t.Helper()
	a, b, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Conn{a, b} {
		if err := unix.SetsockoptTimeval(c.FD, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
			t.Fatal(err)
		}
	}
	return a, b
}

func TestDescriptors(t *testing.T) {
	a, b := pair(t)
	defer a.Close()
	defer b.Close()
	for _, n := range []int{0, 1, 2, Batch, maxFDs} {
		list := make([]int, n)
		for i := range list {
			list[i] = a.FD
		}
		if err := a.Send(list...); err != nil {
			t.Fatal(err)
		}
		fds, err := b.Recv()
		if len(fds) != n || err != nil {
			t.Fatalf("Recv() = %d descriptors, %v, want %d", len(fds), err, n)
		}
		var want, got unix.Stat_t
		_ = unix.Fstat(a.FD, &want)
		for _, fd := range fds {
			if err := unix.Fstat(fd, &got); err != nil || got.Ino != want.Ino {
				t.Errorf("descriptor %d isn't what was sent: %v", fd, err)
			}
			if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("descriptor %d isn't close-on-exec", fd)
			}
			unix.Close(fd)
		}
	}
	if err := a.Send(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("Send of descriptor -1 = %v, want EBADF", err)
	}
}

// A message that is longer than one byte isn't ours, and what comes with it is closed.
func TestMalformed(t *testing.T) {
	a, b := pair(t)
	defer a.Close()
	defer b.Close()
	if err := unix.Sendmsg(a.FD, []byte("xx"), unix.UnixRights(a.FD), nil, 0); err != nil {
		t.Fatal(err)
	}
	before, _ := unix.Dup(0)
	unix.Close(before)
	if fds, err := b.Recv(); fds != nil || !errors.Is(err, ErrShort) {
		t.Errorf("Recv() = %v, %v, want %v", fds, err, ErrShort)
	}
	after, _ := unix.Dup(0)
	unix.Close(after)
	if after != before {
		t.Errorf("a descriptor stays open: the next one is %d, before %d", after, before)
	}
}

// The end of the peer is the end of the connection, whatever was underway.
func TestPeerDeath(t *testing.T) {
	a, b := pair(t)
	if err := a.Send(); err != nil {
		t.Fatal(err)
	}
	a.Close()
	if _, err := b.Recv(); err != nil {
		t.Errorf("Recv of what was sent before = %v", err)
	}
	if _, err := b.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("Recv from the dead = %v, want EOF", err)
	}
	if err := b.Send(); !errors.Is(err, unix.EPIPE) { // and no SIGPIPE
		t.Errorf("Send to the dead = %v, want EPIPE", err)
	}
	b.Close()

	a, b = pair(t)
	if err := b.Send(); err != nil { // never read: the close resets the connection
		t.Fatal(err)
	}
	b2 := make(chan error, 1)
	a.Close()
	go func() { _, err := b.Recv(); b2 <- err }()
	select {
	case err := <-b2:
		if !errors.Is(err, io.EOF) {
			t.Errorf("Recv after a reset = %v, want EOF", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Recv hangs after the peer's death")
	}
	b.Close()
}
