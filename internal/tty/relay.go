package tty

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/containerd/console"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/nap"
)

// A Relay connects streams, such as our own stdin and stdout, with a container's terminal.
type Relay struct {
	in     io.Reader // may be nil, as out
	out    io.Writer
	master *os.File
	own    console.Console // our terminal, if in is one
	begun  bool
	awaits bool          // the writer is waited for, however long it takes, and its error told
	done   chan struct{} // closed when all output is written
	moved  atomic.Int64  // bytes of output written
	busy   atomic.Bool   // the writer is at work
	err    error         // of the writer, once done
}

// NewRelay makes a relay of a terminal's master, to which it copies in, and that to out. It owns the descriptor.
//
// Who reads a file, such as our own terminal, may have stopped to read, and isn't waited for by [Relay.Drain]. Another writer is the program's own.
func NewRelay(master int, in io.Reader, out io.Writer) (*Relay, error) {
	// Non-blocking, so that reading it doesn't hold a thread and Close ends it.
	if err := unix.SetNonblock(master, true); err != nil {
		unix.Close(master)
		return nil, fmt.Errorf("set terminal non-blocking: %w", err)
	}
	// In raw mode our own terminal still turns "\n" into "\r\n"; the container's
	// must not do it too.
	if err := console.ClearONLCR(uintptr(master)); err != nil {
		unix.Close(master)
		return nil, fmt.Errorf("set up terminal: %w", err)
	}
	r := &Relay{in: in, out: out, master: os.NewFile(uintptr(master), "terminal"), done: make(chan struct{})}
	_, file := out.(*os.File)
	r.awaits = !file
	if f, ok := in.(*os.File); ok {
		if own, err := console.ConsoleFromFile(f); err == nil {
			r.own = own
			r.Resize()
		}
	}
	return r, nil
}

// Start begins to relay, with our own terminal in raw mode.
func (r *Relay) Start() error {
	if r.own != nil {
		if err := r.own.SetRaw(); err != nil {
			return fmt.Errorf("set terminal to raw mode: %w", err)
		}
	}
	// Neither may end before we do.
	if r.in == nil {
		r.in = bytes.NewReader(nil)
	}
	if r.out == nil {
		r.out = io.Discard
	}
	r.begun = true
	go Type(r.master, r.in, r.own == nil)
	go func() {
		defer close(r.done)
		r.err = r.output(r.out)
	}()
	return nil
}

// Type types what is read, on a terminal whose master is given, until that ends or the terminal's last user has gone. A terminal has no end: with end,
// for what isn't one itself, the character for that is typed at the end, as script(1) does, or who reads would wait for ever.
func Type(master *os.File, from io.Reader, end bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, werr := master.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			if end && errors.Is(err, io.EOF) {
				typeEnd(master)
			}
			return
		}
	}
}

// typeEnd types VEOF, see termios(3), whenever all has been read that was typed before: what has come to its end has no more for whoever reads next. Typed
// earlier it would be lost on a program that is about to take the terminal out of canonical mode, as shells do with a prompt: there it is a character like any
// other, so that who is in that mode gets one of them.
func typeEnd(master *os.File) {
	const longest = time.Second
	for pause, plain := time.Millisecond, false; ; pause = min(2*pause, longest) {
		end, canonical, err := awaited(master)
		if err != nil {
			return
		}
		if end != 0 && (canonical || !plain) {
			if _, err := master.Write([]byte{end}); err != nil {
				return
			}
			plain = plain || !canonical
		}
		time.Sleep(pause)
	}
}

// awaited is the character that stands for the end of what is typed, if all has been read that was, else 0; and whether it does so just
// now, in canonical mode. The error is for a terminal that nobody has any more, or one without such a character.
func awaited(master *os.File) (end byte, canonical bool, err error) {
	raw, err := master.SyscallConn()
	if err != nil {
		return 0, false, err
	}
	cerr := raw.Control(func(fd uintptr) {
		at := []unix.PollFd{{Fd: int32(fd)}}
		if _, err = fdio.Poll(at, time.Now()); err == nil && at[0].Revents&unix.POLLHUP != 0 {
			err = unix.EIO
		}
		if err != nil {
			return
		}
		// For a moment: as long as somebody has it the terminal doesn't end.
		peer, _, e := unix.Syscall(unix.SYS_IOCTL, fd, unix.TIOCGPTPEER, unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC)
		if e != 0 {
			err = e
			return
		}
		defer unix.Close(int(peer))
		var tio *unix.Termios
		if tio, err = unix.IoctlGetTermios(int(peer), unix.TCGETS); err != nil {
			return
		}
		if canonical = tio.Lflag&unix.ICANON != 0; tio.Cc[unix.VEOF] == 0 { // nothing stands for it
			err = unix.EINVAL
			return
		}
		var unread bool
		if unread, err = fdio.Await(int(peer), time.Now()); err == nil && !unread {
			end = tio.Cc[unix.VEOF]
		}
	})
	return end, canonical, cmp.Or(err, cerr)
}

// output copies until the terminal's last user has gone (EIO) or it is closed. What can't be written is read all the same: nobody waits for ever on
// a terminal that is full.
func (r *Relay) output(to io.Writer) (failed error) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.master.Read(buf)
		r.busy.Store(true)
		for b := buf[:n]; len(b) > 0 && failed == nil; {
			var m int
			if m, failed = to.Write(b); failed == nil && m <= 0 {
				failed = io.ErrShortWrite
			}
			m = min(max(m, 0), len(b))
			r.moved.Add(int64(m))
			b = b[m:]
		}
		r.busy.Store(false)
		if err != nil {
			return failed
		}
	}
}

// idle is how long Drain waits for what doesn't move.
const idle = time.Second

// Drain waits, after the container's end, until what it printed is written. A reader of a file that has stopped reading isn't waited for, nor is
// whoever still has the terminal and prints nothing; a writer is that isn't a file, until stopped has an error. The error is that one or the writer's.
func (r *Relay) Drain(stopped func() error) error {
	for last, at := int64(-1), time.Now(); !nap.Until(r.done, idle/10); {
		if r.awaits {
			if err := stopped(); err != nil {
				return err
			}
		}
		if now := r.moved.Load(); now != last || r.awaits && r.busy.Load() {
			last, at = now, time.Now()
		}
		if time.Since(at) < idle {
			continue
		}
		if !r.awaits {
			return nil
		}
		r.master.Close() // ends what reads it, and with that all use of the writer
		at = time.Now()
	}
	if r.awaits {
		return r.err
	}
	return nil
}

// Resize gives the container's terminal the size of ours.
func (r *Relay) Resize() {
	if r.own == nil {
		return
	}
	if ws, err := unix.IoctlGetWinsize(int(r.own.Fd()), unix.TIOCGWINSZ); err == nil && ws.Row|ws.Col != 0 {
		if raw, err := r.master.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { _ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, ws) })
		}
	}
}

// Close gives our own terminal its mode back.
func (r *Relay) Close() {
	if r.own != nil {
		_ = r.own.Reset()
	}
	r.master.Close()
	if r.begun && r.awaits {
		nap.Until(r.done, idle) // it is the caller's again, unless it is stuck
	}
}
