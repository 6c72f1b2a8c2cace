package tty

import (
	"cmp"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// A Typing types on a terminal what it reads, until that ends, the terminal's last user has gone, or it is stopped.
type Typing struct {
	master  *os.File
	from    io.Reader
	end     bool
	stopped chan struct{}

	mu     sync.Mutex
	source *source // nil: who reads can't be asked before
	over   bool
	err    error
}

// NewTyping is of a terminal whose master is given. A terminal has no end: with end, for what isn't one itself, the character for that is typed at the end, as
// script(1) does, or who reads would wait for ever.
//
// What poll(2) knows is read no more once it is stopped: the next input is the caller's again. Of any other reader the Read that is under way then takes what it gets.
func NewTyping(master *os.File, from io.Reader, end bool) *Typing {
	t := &Typing{master: master, from: from, end: end, stopped: make(chan struct{})}
	if f, ok := from.(*os.File); ok {
		t.source = newSource(f, master)
	}
	return t
}

// Run types.
func (t *Typing) Run() {
	defer t.Stop()
	defer t.source.close()
	buf := make([]byte, 32<<10)
	for {
		n, err := t.read(buf)
		if n > 0 && !t.isOver() {
			if _, werr := t.master.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			t.failed(err)
			if t.end && !errors.Is(err, errUnwanted) {
				t.typeEnd()
			}
			return
		}
	}
}

func (t *Typing) read(p []byte) (int, error) {
	if t.source != nil {
		return t.source.Read(p)
	}
	return t.from.Read(p)
}

// Stop stops it. It waits for nobody, and may be called any number of times.
func (t *Typing) Stop() {
	if t == nil {
		return
	}
	t.source.stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.over = true
		close(t.stopped)
	}
}

func (t *Typing) isOver() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over
}

// failed notes the error of a reader. That of a file isn't told, as it isn't where the file is passed as it is.
func (t *Typing) failed(err error) {
	if _, file := t.from.(*os.File); file || errors.Is(err, io.EOF) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.err = err
	}
}

// Err is why what is typed came to its end before its time.
func (t *Typing) Err() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// typeEnd types VEOF, see termios(3), whenever all has been read that was typed before: what has come to its end has no more for whoever reads next. Typed
// earlier it would be lost on a program that is about to take the terminal out of canonical mode, as shells do with a prompt: there it is a character like any
// other, so that who is in that mode gets one of them.
func (t *Typing) typeEnd() {
	const longest = time.Second
	for pause, plain := time.Millisecond, false; ; pause = min(2*pause, longest) {
		end, canonical, err := awaited(t.master)
		if err != nil {
			return
		}
		if end != 0 && (canonical || !plain) {
			if _, err := t.master.Write([]byte{end}); err != nil {
				return
			}
			plain = plain || !canonical
		}
		select {
		case <-t.stopped:
			return
		case <-time.After(pause):
		}
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
