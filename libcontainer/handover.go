package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/tty"
)

// takeConsole passes a new terminal on. It owns the descriptor.
func (c *creation) takeConsole(master int) error {
	if c.take != nil {
		return c.take(master)
	}
	return c.sockets.sendConsole(master)
}

// sockets are connections to somebody who waits for a terminal or a pidfd; closed
// where nobody does.
type sockets struct{ console, pidfd fdio.Own }

// connect connects to those whose path isn't "", before anything is made: one
// that isn't there then costs nothing.
func (s *sockets) connect(console, pidfd string) (err error) {
	if console != "" {
		if s.console, err = fdio.Of(tty.Connect(console)); err != nil {
			return fmt.Errorf("console socket: %w", err)
		}
	}
	if pidfd != "" {
		if s.pidfd, err = fdio.Of(tty.Connect(pidfd)); err != nil {
			return fmt.Errorf("pidfd socket: %w", err)
		}
	}
	return nil
}

func (s *sockets) close() {
	s.console.Close()
	s.pidfd.Close()
}

// sendConsole sends the master of a terminal, and closes it.
func (s *sockets) sendConsole(master int) error {
	defer unix.Close(master)
	if err := tty.Send(s.console.FD(), master, "/dev/ptmx"); err != nil {
		return fmt.Errorf("console socket: %w", err)
	}
	return nil
}

// sendPidfd sends a pidfd to who wants one.
func (s *sockets) sendPidfd(pid int) error {
	if !s.pidfd.Open() {
		return nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("open pidfd: %w", err)
	}
	defer unix.Close(fd)
	if err := tty.Send(s.pidfd.FD(), fd, "pidfd"); err != nil {
		return fmt.Errorf("pidfd socket: %w", err)
	}
	return nil
}

// writePidFile writes the pid in decimal, without a newline, under a hidden name
// first: engines read it the moment it is there. The name is nobody else's, for
// several creations may have one pid file between them.
func writePidFile(path string, pid int) error {
	if path == "" {
		return nil
	}
	tmp := fmt.Sprintf("%s/.%.200s.%d", filepath.Dir(path), filepath.Base(path), pid)
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL | os.O_SYNC
	f, err := os.OpenFile(tmp, flags, 0o666)
	if fi, lerr := os.Lstat(tmp); errors.Is(err, unix.EEXIST) && lerr == nil && fi.Mode().IsRegular() {
		os.Remove(tmp) // left by one that was killed: its process is gone, or it wouldn't be our pid
		f, err = os.OpenFile(tmp, flags, 0o666)
	}
	if err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	_, err = f.WriteString(strconv.Itoa(pid))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return fmt.Errorf("pid file: %w", err)
	}
	return nil
}

// checkTerminal has runc's texts.
func checkTerminal(terminal, detach bool, socket string) error {
	switch {
	case detach && terminal && socket == "":
		return errors.New("cannot allocate tty if runc will detach without setting console socket")
	case (!detach || !terminal) && socket != "":
		return errors.New("cannot use console socket if runc will not detach or allocate tty")
	}
	return nil
}
