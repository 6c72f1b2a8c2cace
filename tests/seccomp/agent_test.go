package seccomp

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// The kernel's struct seccomp_notif and struct seccomp_notif_resp, and the calls
// that take them.
type (
	notif struct {
		id         uint64
		pid, flags uint32
		nr         int32
		arch       uint32
		ip         uint64
		args       [6]uint64
	}
	answer struct {
		id    uint64
		val   int64
		err   int32
		flags uint32
	}
)

const (
	notifRecv = 0xc0502100
	notifSend = 0xc0182101
	goOn      = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// An agent answers calls.
type agent struct {
	path   string
	listen *net.UnixListener
	answer func(*notif) answer // nil: never
	done   chan struct{}

	mu     sync.Mutex
	states []specs.ContainerProcessState
	calls  []int32

	serving sync.WaitGroup
}

// newAgent listens at a path that ordinary users can connect to.
func newAgent(t *testing.T, reply func(*notif) answer) *agent {
	t.Helper()
	a := &agent{path: harness.TempDir(t) + "/agent", answer: reply, done: make(chan struct{})}
	var err error
	if a.listen, err = net.ListenUnix("unix", &net.UnixAddr{Name: a.path, Net: "unix"}); err != nil {
		t.Fatal(err)
	}
	os.Chmod(a.path, 0o777)
	go a.accept(t)
	t.Cleanup(func() {
		a.listen.Close()
		<-a.done
		a.serving.Wait()
	})
	return a
}

func (a *agent) accept(t *testing.T) {
	defer close(a.done)
	for {
		c, err := a.listen.AcceptUnix()
		if err != nil {
			return
		}
		a.take(t, c)
		c.Close()
	}
}

// take reads the one message of a connection.
func (a *agent) take(t *testing.T, c *net.UnixConn) {
	c.SetDeadline(time.Now().Add(5 * time.Second))
	buf, oob := make([]byte, 65536), make([]byte, 256)
	n, oobn, _, _, err := c.ReadMsgUnix(buf, oob)
	if err != nil {
		return // the runtime only looked whether we are there
	}
	rest, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("agent: the connection doesn't end: %v", err)
	}
	text := append(buf[:n:n], rest...)
	var st specs.ContainerProcessState
	if err := json.Unmarshal(text, &st); err != nil {
		t.Errorf("agent: %v: %s", err, text)
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(msgs) != 1 {
		t.Errorf("agent: no descriptor: %v", err)
		return
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		t.Errorf("agent: descriptors %v: %v", fds, err)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.states = append(a.states, st)
	a.serving.Add(1)
	go a.serve(t, fds[0])
}

// serve answers until the last process with the filter has gone. The descriptor
// keeps its session keyring.
func (a *agent) serve(t *testing.T, fd int) {
	defer a.serving.Done()
	defer unix.Close(fd)
	for {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if a.answer == nil {
			p[0].Events = 0
		}
		if _, err := unix.Poll(p, 30_000); err == unix.EINTR {
			continue
		}
		if p[0].Revents&unix.POLLIN == 0 {
			return
		}
		var n notif
		if ioctl(fd, notifRecv, unsafe.Pointer(&n)) != nil {
			continue
		}
		a.mu.Lock()
		a.calls = append(a.calls, n.nr)
		a.mu.Unlock()
		r := a.answer(&n)
		r.id = n.id
		if err := ioctl(fd, notifSend, unsafe.Pointer(&r)); err != nil && !errors.Is(err, unix.ENOENT) {
			t.Errorf("agent: answer: %v", err)
		}
	}
}

func ioctl(fd int, op uintptr, p unsafe.Pointer) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), op, uintptr(p)); e != 0 {
		return e
	}
	return nil
}

// state is the one that came.
func (a *agent) state(t *testing.T) specs.ContainerProcessState {
	t.Helper()
	return a.all(t, 1)[0]
}

// all are the states that came, in order: as many as wanted. The runtime doesn't wait
// for us to read what it has sent, so some may still be on their way.
func (a *agent) all(t *testing.T, want int) []specs.ContainerProcessState {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for end := time.Now().Add(harness.Patience(harness.Never)); len(a.states) < want && time.Now().Before(end); {
		a.mu.Unlock()
		time.Sleep(time.Millisecond)
		a.mu.Lock()
	}
	if len(a.states) != want {
		t.Fatalf("agent got %d states, want %d", len(a.states), want)
	}
	return a.states
}

// count is how often a call was asked about.
func (a *agent) count(nr int32) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.calls {
		if c == nr {
			n++
		}
	}
	return n
}
