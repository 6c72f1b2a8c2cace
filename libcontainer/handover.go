package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/tty"
)

// sockets connects to the sockets that our caller waits at, so that one that
// isn't there costs nothing.
func (c *creation) sockets() error {
	var h handover
	err := h.connect(c.opt.ConsoleSocket, c.opt.PidfdSocket)
	c.console, c.pidfd = h.console, h.pidfd
	if p := notifyProfile(c.bundle.Spec); p != nil && err == nil {
		c.agent, err = connectAgent(p)
	}
	return err
}

// A handover is the connected sockets of somebody who waits for a terminal or a
// pidfd; -1 before connect, and for one that nobody asked for.
type handover struct {
	console, pidfd int
	connected      bool
}

// connect connects to those whose path isn't "".
func (h *handover) connect(console, pidfd string) (err error) {
	h.console, h.pidfd, h.connected = -1, -1, true
	if console != "" {
		if h.console, err = tty.Connect(console); err != nil {
			return fmt.Errorf("console socket: %w", err)
		}
	}
	if pidfd != "" {
		if h.pidfd, err = tty.Connect(pidfd); err != nil {
			return fmt.Errorf("pidfd socket: %w", err)
		}
	}
	return nil
}

func (h *handover) close() {
	if !h.connected {
		return
	}
	for _, fd := range []int{h.console, h.pidfd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// sendPidfd sends a pidfd to who wants one.
func (h *handover) sendPidfd(pid int) error {
	if h.pidfd < 0 {
		return nil
	}
	return sendPidfd(h.pidfd, pid)
}

// takeConsole passes a new terminal on. It owns the descriptor.
func (c *creation) takeConsole(master int) error {
	if c.take != nil {
		return c.take(master)
	}
	defer unix.Close(master)
	if err := tty.Send(c.console, master, "/dev/ptmx"); err != nil {
		return fmt.Errorf("console socket: %w", err)
	}
	return nil
}

func sendPidfd(socket, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("open pidfd: %w", err)
	}
	defer unix.Close(fd)
	if err := tty.Send(socket, fd, "pidfd"); err != nil {
		return fmt.Errorf("pidfd socket: %w", err)
	}
	return nil
}

// writePidFile writes the pid in decimal, without a newline, under a hidden name
// first: engines read it the moment it is there.
func writePidFile(path string, pid int) error {
	if path == "" {
		return nil
	}
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL | os.O_SYNC
	f, err := os.OpenFile(tmp, flags, 0o666)
	if fi, lerr := os.Lstat(tmp); errors.Is(err, unix.EEXIST) && lerr == nil && fi.Mode().IsRegular() {
		os.Remove(tmp) // left by one that was killed
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
