package tty

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// listen makes a listening socket at path, however long that is.
func listen(t *testing.T, path string, backlog int) int {
	t.Helper()
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	name, done, err := short(path)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		t.Fatal(err)
	}
	return fd
}

// A descriptor arrives with its name, also at a path that no socket address
// holds.
func TestSend(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []int{0, 90, 200} {
		deep := filepath.Join(dir, strings.Repeat("d", n))
		if err := os.MkdirAll(deep, 0o755); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(deep, "socket")
		l := listen(t, path, 1)
		before := testbed.Descriptors(os.Getpid())
		fd, err := Connect(path)
		if err != nil {
			t.Fatalf("Connect to a path of %d bytes: %v", len(path), err)
		}
		made := testbed.More(before, testbed.Descriptors(os.Getpid()))
		if len(made) != 1 || !strings.HasPrefix(made[strconv.Itoa(fd)], "socket:") {
			t.Errorf("Connect made descriptor %d, and %v are new", fd, made)
		}
		if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
			t.Error("the descriptor isn't close-on-exec")
		}
		null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := Send(fd, null, "/dev/ptmx"); err != nil {
			t.Fatal(err)
		}
		unix.Close(null)
		conn, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		buf, oob := make([]byte, 100), make([]byte, 100)
		n, oobn, _, _, err := unix.Recvmsg(conn, buf, oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		if err != nil || string(buf[:n]) != "/dev/ptmx" {
			t.Errorf("received %q, %v", buf[:max(n, 0)], err)
		}
		msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
		if err != nil || len(msgs) != 1 {
			t.Fatalf("control messages %v, %v, want one", msgs, err)
		}
		fds, err := unix.ParseUnixRights(&msgs[0])
		if err != nil || len(fds) != 1 {
			t.Fatalf("descriptors %v, %v, want one", fds, err)
		}
		var st unix.Stat_t
		if err := unix.Fstat(fds[0], &st); err != nil || uint64(st.Rdev) != uint64(unix.Mkdev(1, 3)) {
			t.Errorf("received another file: %v", err)
		}
		unix.Close(fds[0])
		unix.Close(conn)
		if err := Send(fd, 0, "x"); !errors.Is(err, unix.EPIPE) { // and no SIGPIPE
			t.Errorf("Send to the dead = %v, want EPIPE", err)
		}
		unix.Close(fd)
	}
}

// Nothing is waited for, and the error names the path.
func TestConnectErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	full := dir + "/full"
	listen(t, full, 0)
	first, err := Connect(full)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(first)
	same := testbed.Same(t, os.Getpid())
	for path, want := range map[string]error{
		dir + "/nothing": unix.ENOENT, dir + "/file": unix.ECONNREFUSED, full: unix.EAGAIN,
		dir + "/no/" + strings.Repeat("x", 200): unix.ENOENT, dir + "/" + strings.Repeat("x", 250): unix.EINVAL, "": unix.EINVAL,
	} {
		start := time.Now()
		fd, err := Connect(path)
		if path == "" { // the empty name binds to nothing: the kernel's own error
			want = errors.Unwrap(err)
		}
		if fd != -1 || !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "connect to "+path+": ") {
			t.Errorf("Connect(%s) = %d, %v, want %v", path, fd, err, want)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("Connect(%s) took %v", path, took)
		}
	}
	same()
}
