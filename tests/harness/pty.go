package harness

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A PTY is the master of a pseudoterminal.
type PTY struct {
	File *os.File
	seen strings.Builder
}

// Console waits for the terminal that the runtime sends.
func (r *Receiver) Console(t testing.TB) *PTY {
	t.Helper()
	f, _ := r.Accept(t)
	return newPTY(t, f)
}

func newPTY(t testing.TB, f *os.File) *PTY {
	t.Helper()
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		t.Fatalf("this is no terminal: %v", err)
	}
	return &PTY{File: f}
}

// OpenPTY makes a pseudoterminal of the host; the slave is for [Cmd.Stdin].
func OpenPTY(t testing.TB) (*PTY, *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		// This host's /dev/ptmx may not belong to its /dev/pts.
		fd, err = unix.Open("/dev/pts/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		t.Skipf("no pseudoterminals here: %v", err)
	}
	master := os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		t.Fatal(errno)
	}
	slave := os.NewFile(peer, "pty")
	t.Cleanup(func() { slave.Close() })
	return newPTY(t, master), slave
}

// Resize sets the size, which sends SIGWINCH to the foreground processes.
func (p *PTY) Resize(t testing.TB, rows, cols uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(p.File.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}); err != nil {
		t.Fatal(err)
	}
}

// Size returns rows and columns.
func (p *PTY) Size(t testing.TB) (rows, cols uint16) {
	t.Helper()
	ws, err := unix.IoctlGetWinsize(int(p.File.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		t.Fatal(err)
	}
	return ws.Row, ws.Col
}

// Type writes keys.
func (p *PTY) Type(t testing.TB, keys string) {
	t.Helper()
	if _, err := p.File.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// Until reads until the output, all of it since the beginning, contains text,
// ten seconds at most, and returns the output.
func (p *PTY) Until(t testing.TB, text string) string {
	t.Helper()
	for end := time.Now().Add(Patience(Never)); !strings.Contains(p.seen.String(), text); {
		more, err := p.read(time.Until(end))
		if err != nil || !more {
			t.Fatalf("terminal: %v without %q: %q", err, text, p.seen.String())
		}
	}
	return p.seen.String()
}

// More reads for a while, and returns the output since the beginning.
func (p *PTY) More(t testing.TB, while time.Duration) string {
	t.Helper()
	for end := time.Now().Add(while); time.Now().Before(end); {
		if more, err := p.read(time.Until(end)); err != nil || !more {
			break
		}
	}
	return p.seen.String()
}

// All reads until nobody has the slave open any more, and returns the output.
func (p *PTY) All(t testing.TB) string {
	t.Helper()
	for end := time.Now().Add(Patience(Never)); ; {
		more, err := p.read(time.Until(end))
		if err != nil {
			t.Fatalf("terminal: %v: %q", err, p.seen.String())
		}
		if !more {
			return p.seen.String()
		}
	}
}

// read adds what is there to p.seen; more is false at the end: EIO of a pty.
func (p *PTY) read(wait time.Duration) (more bool, err error) {
	fd := int(p.File.Fd())
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, max(0, int(wait.Milliseconds())))
	if err == unix.EINTR {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, errors.New("no output in time")
	}
	buf := make([]byte, 4096)
	n, err = unix.Read(fd, buf)
	if err == unix.EIO || (err == nil && n == 0) {
		return false, nil
	}
	if err == nil {
		p.seen.Write(buf[:n])
	}
	return true, err
}
