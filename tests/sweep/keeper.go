package sweep

import (
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A keeper listens on a socket and keeps the descriptors that it is sent: the peer of --console-socket, and a seccomp
// agent.
type keeper struct {
	path   string
	listen *net.UnixListener
	done   chan struct{}
	mu     sync.Mutex
	fds    []int
}

func keep(t *testing.T) *keeper {
	t.Helper()
	k := &keeper{path: harness.TempDir(t) + "/s", done: make(chan struct{})}
	var err error
	if k.listen, err = net.ListenUnix("unix", &net.UnixAddr{Name: k.path, Net: "unix"}); err != nil {
		t.Fatal(err)
	}
	go k.accept()
	t.Cleanup(func() {
		k.listen.Close()
		<-k.done
		k.drop()
	})
	return k
}

func (k *keeper) accept() {
	defer close(k.done)
	for {
		c, err := k.listen.AcceptUnix()
		if err != nil {
			return
		}
		k.take(c)
		c.Close()
	}
}

func (k *keeper) take(c *net.UnixConn) {
	_ = c.SetDeadline(time.Now().Add(longest))
	buf, oob := make([]byte, 65536), make([]byte, 256)
	for {
		n, oobn, _, _, err := c.ReadMsgUnix(buf, oob)
		messages, _ := unix.ParseSocketControlMessage(oob[:oobn])
		for _, m := range messages {
			fds, _ := unix.ParseUnixRights(&m)
			k.mu.Lock()
			k.fds = append(k.fds, fds...)
			k.mu.Unlock()
		}
		if n == 0 || err != nil {
			return
		}
	}
}

// drop closes what was kept.
func (k *keeper) drop() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, fd := range k.fds {
		unix.Close(fd)
	}
	k.fds = nil
}

// A terminal is one whose slave a call has as standard streams, and whose output nobody wants.
type terminal struct {
	slave *os.File
	modes unix.Termios
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	master, slave := harness.OpenPTY(t)
	go func() {
		buf := make([]byte, 4096)
		for {
			if _, err := master.File.Read(buf); err != nil {
				return
			}
		}
	}()
	p := &terminal{slave: slave}
	p.modes, _ = p.now()
	return p
}

func (p *terminal) now() (unix.Termios, error) {
	modes, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		return unix.Termios{}, err
	}
	return *modes, nil
}

// changed tells whether the modes are others, and sets them back.
func (p *terminal) changed() bool {
	now, err := p.now()
	if err == nil && now == p.modes {
		return false
	}
	_ = unix.IoctlSetTermios(int(p.slave.Fd()), unix.TCSETS, &p.modes)
	return true
}
