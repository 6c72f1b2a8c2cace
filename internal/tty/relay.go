package tty

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/nap"
)

// A Relay connects streams, such as our own stdin and stdout, with a container's terminal.
type Relay struct {
	in     io.Reader // may be nil, as out
	out    io.Writer
	master *os.File
	own    *os.File // our terminal, if in is one
	back   func()   // gives it its mode back
	typing *Typing
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
	if err := clearONLCR(master); err != nil {
		unix.Close(master)
		return nil, fmt.Errorf("set up terminal: %w", err)
	}
	r := &Relay{in: in, out: out, master: os.NewFile(uintptr(master), "terminal"), done: make(chan struct{})}
	_, file := out.(*os.File)
	r.awaits = !file
	if f, ok := in.(*os.File); ok && IsFile(f) {
		r.own = f
		r.Resize()
	}
	return r, nil
}

// Start begins to relay, with our own terminal in raw mode.
func (r *Relay) Start() error {
	if r.own != nil {
		var err error
		if r.back, err = makeRaw(r.own); err != nil {
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
	r.typing = NewTyping(r.master, r.in, r.own == nil)
	go r.typing.Run()
	go func() {
		defer close(r.done)
		r.err = r.output(r.out)
	}()
	return nil
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

// Stop stops to read what would be typed, when there is nobody any more whom it would be for. The error is that of the reader, if it has failed before.
func (r *Relay) Stop() error {
	r.typing.Stop()
	return r.typing.Err()
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
	var ws *unix.Winsize
	err := control(r.own, func(fd int) (err error) {
		ws, err = unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		return err
	})
	if err == nil && ws.Row|ws.Col != 0 {
		_ = control(r.master, func(fd int) error { return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, ws) })
	}
}

// Close gives our own terminal its mode back.
func (r *Relay) Close() {
	r.typing.Stop()
	if r.back != nil {
		r.back()
	}
	r.master.Close()
	if r.begun && r.awaits {
		nap.Until(r.done, idle) // it is the caller's again, unless it is stuck
	}
}
