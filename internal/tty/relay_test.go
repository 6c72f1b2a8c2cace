package tty

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// pty makes a pair in raw mode.
func pty(t *testing.T) (master int, slave *os.File) {
	t.Helper()
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	fd, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if e != 0 {
		t.Fatal(e)
	}
	slave = os.NewFile(fd, "slave")
	tio, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	tio.Lflag &^= unix.ECHO | unix.ICANON
	tio.Oflag &^= unix.OPOST
	if err := unix.IoctlSetTermios(int(fd), unix.TCSETS, tio); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// swap puts pipes in the place of stdin and stdout.
func swap(t *testing.T) (in, out *os.File) {
	t.Helper()
	oldIn, oldOut := os.Stdin, os.Stdout
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdin, os.Stdout = inR, outW
	t.Cleanup(func() {
		os.Stdin, os.Stdout = oldIn, oldOut
		for _, f := range []*os.File{inR, inW, outR, outW} {
			f.Close()
		}
	})
	return inW, outR
}

func TestRelay(t *testing.T) {
	in, out := swap(t)
	master, slave := pty(t)
	r, err := NewRelay(master, os.Stdin, os.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	r.Resize() // our stdin is no terminal: nothing happens
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.WriteString("to the container"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := slave.Read(buf); string(buf[:n]) != "to the container" {
		t.Errorf("the container read %q, %v", buf[:n], err)
	}
	text := strings.Repeat("0123456789abcdef", 4096) // 64 KiB: as much as the pipe holds
	go func() {
		_, _ = slave.WriteString(text)
		slave.Close()
	}()
	var got strings.Builder
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 4096)
		for got.Len() < len(text) {
			n, err := out.Read(b)
			got.Write(b[:n])
			if err != nil {
				return
			}
		}
	}()
	start := time.Now()
	if err := r.Drain(func() error { return nil }); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("Drain took %v", took)
	}
	<-done
	if got.String() != text {
		t.Errorf("%d bytes came, want %d", got.Len(), len(text))
	}
	r.Close()
}

// A reader that has stopped reading isn't waited for.
func TestDrainGivesUp(t *testing.T) {
	swap(t)
	master, slave := pty(t)
	defer slave.Close()
	r, err := NewRelay(master, os.Stdin, os.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	if err := slave.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		go func() { _, _ = slave.WriteString(strings.Repeat("x", 1<<18)) }()
	} else {
		_, _ = slave.WriteString(strings.Repeat("x", 1<<18))
	}
	start := time.Now()
	if err := r.Drain(func() error { return nil }); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took < idle/2 || took > 4*idle {
		t.Errorf("Drain took %v, want about %v", took, 2*idle)
	}
	r.Close()
}

// canonical puts a terminal into canonical mode, and returns what it had before.
func canonical(t *testing.T, slave *os.File) (before *unix.Termios) {
	t.Helper()
	before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	tio := *before
	tio.Lflag |= unix.ICANON
	if err := unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, &tio); err != nil {
		t.Fatal(err)
	}
	return before
}

// relaying starts a relay between our standard streams and a terminal.
func relaying(t *testing.T, master int) *Relay {
	t.Helper()
	r, err := NewRelay(master, os.Stdin, os.Stdout)
	if err == nil {
		err = r.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The end of our stdin, which a pipe has, is one for who reads the container's terminal.
func TestRelayEnd(t *testing.T) {
	for _, text := range []string{"", "a line\n", "a line\nand half", "half"} {
		in, _ := swap(t)
		master, slave := pty(t)
		canonical(t, slave)
		r := relaying(t, master)
		if _, err := in.WriteString(text); err != nil {
			t.Fatal(err)
		}
		in.Close()
		timer := time.AfterFunc(10*time.Second, func() { unix.Close(int(slave.Fd())) })
		got, err := io.ReadAll(slave)
		if !timer.Stop() || string(got) != text || err != nil {
			t.Errorf("%q: the container read %q, %v", text, got, err)
		}
		slave.Close()
		r.Close()
	}
}

// A shell takes its terminal out of canonical mode for a prompt. An end that was typed before is a NUL then: one more is typed, and only one.
// (Whoever isn't given a processor between his look at the mode and his writing types one to whom it meant nothing: not each time.)
func TestRelayEndPrompt(t *testing.T) {
	const want = "\x00\x04"
	var got string
	for range 3 {
		if got = prompted(t); got == want {
			return
		}
	}
	t.Errorf("the prompt had %q, want the lost end and another one", got)
}

// prompted is what a prompt reads whose terminal's input came to its end before it.
func prompted(t *testing.T) string {
	t.Helper()
	in, _ := swap(t)
	master, slave := pty(t)
	defer slave.Close()
	raw := canonical(t, slave)
	defer relaying(t, master).Close()
	in.Close() // and nothing else is typed
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if typed, err := fdio.Await(int(slave.Fd()), time.Now()); typed || err != nil || time.Now().After(end) {
			break // it is the end
		}
	}
	if err := unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, raw); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for quiet := 0; quiet < 2; {
		more, err := fdio.Await(int(slave.Fd()), time.Now().Add(time.Second+time.Second/2)) // longer than it is looked after
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			quiet++
			continue
		}
		buf := make([]byte, 10)
		n, err := slave.Read(buf)
		if got = append(got, buf[:n]...); err != nil || len(got) > 10 {
			t.Fatalf("read %q, %v", got, err)
		}
	}
	return string(got)
}
