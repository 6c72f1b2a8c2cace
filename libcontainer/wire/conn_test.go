package wire

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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

func TestMessages(t *testing.T) {
	a, b := pair(t)
	defer a.Close()
	defer b.Close()
	for k := HostHooks; k <= Go; k++ {
		if err := a.Send(k); err != nil {
			t.Fatal(err)
		}
	}
	for k := HostHooks; k <= Go; k++ { // one packet each, in order
		if got, fds, err := b.Recv(); got != k || fds != nil || err != nil {
			t.Errorf("Recv() = %d, %v, %v, want %d", got, fds, err, k)
		}
	}
}

func TestDescriptors(t *testing.T) {
	a, b := pair(t)
	defer a.Close()
	defer b.Close()
	for _, n := range []int{1, 2, maxFDs} {
		list := make([]int, n)
		for i := range list {
			list[i] = a.FD
		}
		if err := a.Send(Orders, list...); err != nil {
			t.Fatal(err)
		}
		k, fds, err := b.Recv()
		if k != Orders || len(fds) != n || err != nil {
			t.Fatalf("Recv() = %d, %d descriptors, %v, want %d", k, len(fds), err, n)
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
	if err := a.Send(Orders, -1); !errors.Is(err, unix.EBADF) {
		t.Errorf("Send of descriptor -1 = %v, want EBADF", err)
	}
}

func TestFailures(t *testing.T) {
	long := strings.Repeat("é", maxMessage)
	for _, tt := range []struct {
		f     *Failure
		text  string
		errno syscall.Errno
	}{
		{Fail("mount proc at /proc", unix.EPERM), "mount proc at /proc: operation not permitted", unix.EPERM},
		{Fail("mount x", fmt.Errorf("fsopen: %w", unix.ENODEV)), "mount x: fsopen: no such device", unix.ENODEV},
		{Fail("", fmt.Errorf("step: %w", unix.EIO)), "step: input/output error", unix.EIO},
		{Fail("step", errors.New("no number")), "step: no number", 0},
		{Fail("", unix.EIO), ": input/output error", unix.EIO},
		{&Failure{Step: long, Text: long, Errno: unix.EIO}, long[:maxMessage/4] + ": " + long[:maxMessage/2], unix.EIO},
	} {
		a, b := pair(t)
		if err := a.SendFailure(tt.f); err != nil {
			t.Fatalf("SendFailure: %v", err)
		}
		k, fds, err := b.Recv()
		var f *Failure
		if k != Failed || fds != nil || !errors.As(err, &f) || f.Error() != tt.text {
			t.Errorf("Recv() = %d, %v, %.100v, want %.100s", k, fds, err, tt.text)
		}
		if errors.Is(err, unix.EIO) != (tt.errno == unix.EIO) || tt.errno != 0 && !errors.Is(err, tt.errno) {
			t.Errorf("error number of %.100v = %v, want %v", err, f.Errno, tt.errno)
		}
		if tt.errno == 0 && f.Unwrap() != nil {
			t.Errorf("Unwrap() = %v, want nil", f.Unwrap())
		}
		a.Close()
		b.Close()
	}
}

// The end of the peer is the end of the connection, whatever was underway.
func TestPeerDeath(t *testing.T) {
	a, b := pair(t)
	if err := a.Send(Go); err != nil {
		t.Fatal(err)
	}
	a.Close()
	if k, _, err := b.Recv(); k != Go || err != nil {
		t.Errorf("Recv of what was sent before = %d, %v", k, err)
	}
	if _, _, err := b.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("Recv from the dead = %v, want EOF", err)
	}
	if err := b.Send(Go); !errors.Is(err, unix.EPIPE) { // and no SIGPIPE
		t.Errorf("Send to the dead = %v, want EPIPE", err)
	}
	b.Close()

	a, b = pair(t)
	if err := b.Send(Go); err != nil { // never read: the close resets the connection
		t.Fatal(err)
	}
	b2 := make(chan error, 1)
	a.Close()
	go func() { _, _, err := b.Recv(); b2 <- err }()
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

func TestAsk(t *testing.T) {
	for _, tt := range []struct {
		answer func(Conn)
		want   string
	}{
		{func(c Conn) { _ = c.Send(Go) }, ""},
		{func(c Conn) { _ = c.Send(Console) }, "unexpected answer 3"},
		{func(c Conn) { _ = c.SendFailure(&Failure{Step: "x", Errno: unix.EIO}) }, "x: input/output error"},
		{func(c Conn) { c.Close() }, "EOF"},
	} {
		a, b := pair(t)
		go func() {
			if k, _, err := b.Recv(); k != HostHooks || err != nil {
				t.Errorf("asked %d, %v", k, err)
			}
			tt.answer(b)
		}()
		got := ""
		if err := a.Ask(HostHooks); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("Ask() = %q, want %q", got, tt.want)
		}
		a.Close()
	}
}

// What doesn't have the form of a Failure is an error, not a panic.
func TestMalformedFailure(t *testing.T) {
	a, b := pair(t)
	defer a.Close()
	defer b.Close()
	for _, packet := range [][]byte{{byte(Failed)}, {byte(Failed), 200}, {byte(Failed), 1, 'x', 0xff}} {
		if err := a.send(packet, nil); err != nil {
			t.Fatal(err)
		}
		if k, _, err := b.Recv(); k != Failed || !errors.Is(err, ErrShort) {
			t.Errorf("Recv of %v = %d, %v, want %v", packet, k, err, ErrShort)
		}
	}
}
