package libcontainer

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/tty"
)

// A Terminal is the outer end of a terminal: what is written is typed, what is read was printed. Several goroutines may use it at once.
type Terminal struct {
	file   *os.File
	typing *tty.Typing // what is copied to it, or nil
}

// newTerminal owns the descriptor.
func newTerminal(master int) (*Terminal, error) {
	// So that reading it holds no thread, and Close ends it.
	if err := unix.SetNonblock(master, true); err != nil {
		unix.Close(master)
		return nil, fmt.Errorf("set terminal non-blocking: %w", err)
	}
	return &Terminal{file: os.NewFile(uintptr(master), "terminal")}, nil
}

// Read is [io.EOF] when nobody has the other end any more.
func (t *Terminal) Read(p []byte) (n int, err error) {
	n, err = t.file.Read(p)
	if errors.Is(err, unix.EIO) {
		err = io.EOF
	}
	return n, err
}

// Write types.
func (t *Terminal) Write(p []byte) (n int, err error) { return t.file.Write(p) }

// Resize sets the size in characters.
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

// Close hangs up. It is done where output is copied, at the end of that.
func (t *Terminal) Close() error {
	t.typing.Stop()
	return t.file.Close()
}
