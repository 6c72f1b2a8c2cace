package harness

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Receiver is a listening AF_UNIX stream socket to which the runtime connects
// and sends one descriptor: the peer of --console-socket and --pidfd-socket.
type Receiver struct {
	Path string
	fd   int
}

// Receive opens a receiver.
func Receive(t testing.TB) *Receiver {
	t.Helper()
	r := &Receiver{Path: TempDir(t) + "/s"}
	r.fd = bind(t, unix.SOCK_STREAM, r.Path)
	if err := unix.Listen(r.fd, 1); err != nil {
		t.Fatalf("receiver: %v", err)
	}
	return r
}

// bind makes a socket at a path, until the test ends.
func bind(t testing.TB, kind int, path string) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		t.Cleanup(func() { unix.Close(fd) })
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err != nil {
		t.Fatalf("make socket %s: %v", path, err)
	}
	return fd
}

// Accept waits ten seconds at most for the message, which must carry a text and
// exactly one descriptor, and for the end of the connection: nobody may hold it.
func (r *Receiver) Accept(t testing.TB) (f *os.File, text string) {
	t.Helper()
	ready(t, r.fd, "connection")
	conn, _, err := unix.Accept4(r.fd, unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	defer unix.Close(conn)
	ready(t, conn, "message")
	buf, oob := make([]byte, 4096), make([]byte, 256)
	n, oobn, _, _, err := unix.Recvmsg(conn, buf, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil || n == 0 {
		t.Fatalf("message of %d bytes: %v", n, err)
	}
	fds := rights(t, oob[:oobn])
	if len(fds) != 1 {
		t.Fatalf("message carries %d descriptors, want 1", len(fds))
	}
	ready(t, conn, "end of the connection")
	if n, err := unix.Read(conn, buf[n:]); n != 0 || err != nil {
		t.Errorf("after the message: %d bytes, %v, want the end", n, err)
	}
	f = os.NewFile(uintptr(fds[0]), string(buf[:n]))
	t.Cleanup(func() { f.Close() })
	return f, string(buf[:n])
}

func rights(t testing.TB, oob []byte) []int {
	t.Helper()
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fds...)
	}
	return all
}

func ready(t testing.TB, fd int, what string) {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for end := time.Now().Add(Patience(Never)); ; {
		n, err := unix.Poll(p, int(time.Until(end).Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("no %s in 10 s: %v", what, err)
		}
		return
	}
}

// A Notify is the service manager's end of NOTIFY_SOCKET.
type Notify struct {
	Path string
	fd   int
}

// ListenNotify opens a datagram socket for sd_notify messages.
func ListenNotify(t testing.TB) *Notify {
	t.Helper()
	n := &Notify{Path: TempDir(t) + "/n"}
	n.fd = bind(t, unix.SOCK_DGRAM, n.Path)
	return n
}

// next reads a message, for which it waits ten seconds at most, and returns its lines; descriptors that
// came along (BARRIER=1) are closed.
func (n *Notify) next(t testing.TB, what string) []string {
	t.Helper()
	ready(t, n.fd, what)
	buf, oob := make([]byte, 4096), make([]byte, 256)
	got, oobn, _, _, err := unix.Recvmsg(n.fd, buf, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range rights(t, oob[:oobn]) {
		unix.Close(fd)
	}
	return strings.Fields(string(buf[:got]))
}

// Until reads messages until one has the wanted line, and returns all lines.
func (n *Notify) Until(t testing.TB, line string) []string {
	t.Helper()
	var all []string
	for {
		for _, l := range n.next(t, fmt.Sprintf("%s after %q", line, all)) {
			all = append(all, l)
			if l == line {
				return all
			}
		}
	}
}

// UntilPrefix reads messages until one has a line that begins with prefix, and
// returns that.
func (n *Notify) UntilPrefix(t testing.TB, prefix string) string {
	t.Helper()
	for {
		for _, l := range n.next(t, prefix) {
			if strings.HasPrefix(l, prefix) {
				return l
			}
		}
	}
}
