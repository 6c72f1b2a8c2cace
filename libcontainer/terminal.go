package libcontainer

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A Terminal is the outer end of a process's terminal: what is written to it is typed, what is read from it was printed. Its methods may be called
// at once from several goroutines.
type Terminal struct{ file *os.File }

// newTerminal owns the descriptor.
func newTerminal(master int) (*Terminal, error) {
	// So that reading it holds no thread, and Close ends it.
	if err := unix.SetNonblock(master, true); err != nil {
		unix.Close(master)
		return nil, fmt.Errorf("set terminal non-blocking: %w", err)
	}
	return &Terminal{os.NewFile(uintptr(master), "terminal")}, nil
}

// Read reads what was printed. It is [io.EOF] when nobody has the other end any more.
func (t *Terminal) Read(p []byte) (n int, err error) {
	n, err = t.file.Read(p)
	if errors.Is(err, unix.EIO) {
		err = io.EOF
	}
	return n, err
}

// Write types.
func (t *Terminal) Write(p []byte) (n int, err error) { return t.file.Write(p) }

// Resize sets the size in characters. Who has the terminal in the foreground is told by a SIGWINCH.
func (t *Terminal) Resize(columns, rows uint16) error {
	raw, err := t.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("resize terminal: %w", err)
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
	})
	if err == nil {
		err = set
	}
	if err != nil {
		return fmt.Errorf("resize terminal: %w", err)
	}
	return nil
}

// Close closes it: its processes are hung up on. It does so by itself where its output is copied, at the end of that.
func (t *Terminal) Close() error { return t.file.Close() }
