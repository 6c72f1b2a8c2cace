package tty

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

// seen reads what has been drawn.
func seen(t *testing.T, master int) string {
	t.Helper()
	buf := make([]byte, 64<<10)
	n := 0
	for there := []unix.PollFd{{Fd: int32(master), Events: unix.POLLIN}}; ; {
		if ready, err := unix.Poll(there, 0); ready == 0 || err != nil {
			break
		}
		m, err := unix.Read(master, buf[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	return string(buf[:n])
}

func mode(t *testing.T, fd int) unix.Termios {
	t.Helper()
	tio, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *tio
}

// A screen is drawn on, and the terminal is afterwards as it was.
func TestScreen(t *testing.T) {
	master, slave := pty(t)
	defer unix.Close(master)
	defer slave.Close()
	fd := int(slave.Fd())
	tio := mode(t, fd)
	tio.Lflag |= unix.ECHO | unix.ICANON | unix.ISIG
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &tio); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 3, Col: 20}); err != nil {
		t.Fatal(err)
	}
	s, err := OpenScreen(fd, fd)
	if err != nil {
		t.Fatal(err)
	}
	if w, h := s.Size(); w != 20 || h != 3 {
		t.Errorf("%d columns, %d lines", w, h)
	}
	if got := mode(t, fd).Lflag & (unix.ECHO | unix.ICANON | unix.ISIG); got != unix.ISIG {
		t.Errorf("local modes %#x", got)
	}
	if err := s.Draw([]string{"one", "two"}, func(i int) bool { return i == 1 }, -1); err != nil {
		t.Fatal(err)
	}
	want := enter + "\x1b[H\x1b[2Kone\r\n\x1b[2K\x1b[7mtwo\x1b[0m\r\n\x1b[J"
	if got := seen(t, master); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s.Close()
	s.Close()
	if got := seen(t, master); !strings.HasPrefix(got, leave) {
		t.Errorf("%q, want %q", got, leave)
	}
	if mode(t, fd) != tio {
		t.Error("the terminal isn't as it was")
	}
}

// A terminal that takes nothing doesn't hold who is told to end.
func TestScreenHeld(t *testing.T) {
	master, slave := pty(t)
	defer unix.Close(master)
	defer slave.Close()
	s, err := OpenScreen(int(slave.Fd()), int(slave.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	var signal [2]int
	if err := unix.Pipe2(signal[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(signal[0])
	defer unix.Close(signal[1])
	if _, err := unix.Write(signal[1], []byte{0}); err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 10000)
	start := time.Now()
	for range 100 { // a terminal holds some 4 or 64 KiB
		if err := s.Draw([]string{line}, func(int) bool { return false }, signal[0]); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Another job's terminal isn't ours, and what isn't our terminal at all is nobody's.
func TestIs(t *testing.T) {
	master, slave := pty(t)
	defer unix.Close(master)
	defer slave.Close()
	if !Is(int(slave.Fd())) || Is(testbed.Open(t, "/dev/null")) {
		t.Error("a terminal is one, and nothing else is")
	}
	if !Foreground(int(slave.Fd())) {
		t.Error("a terminal that controls nobody is another job's")
	}
}
