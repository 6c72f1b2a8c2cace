package tty

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A device is a terminal, whichever descriptor it is known by.
type device struct{ dev, ino uint64 }

// A loan is a terminal's mode as it was before its first user of ours.
type loan struct {
	users int
	mode  unix.Termios
}

// loans are the terminals in raw mode: several may be relayed from one at once, and its mode comes back with the last of them.
var loans = struct {
	sync.Mutex
	of map[device]*loan
}{of: map[device]*loan{}}

// makeRaw puts our own terminal into raw mode. It still turns "\n" into "\r\n": what we print ourselves meanwhile is to be read.
func makeRaw(f *os.File) (back func(), err error) {
	loans.Lock()
	defer loans.Unlock()
	var at device
	var now *unix.Termios
	err = control(f, func(fd int) (err error) {
		if at, err = deviceOf(fd); err == nil {
			now, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	l := loans.of[at]
	if l == nil {
		l = &loan{mode: *now}
	}
	raw := rawOf(l.mode)
	if err := setMode(f, &raw); err != nil {
		return nil, err
	}
	l.users++
	loans.of[at] = l
	return func() { giveBack(f, at) }, nil
}

// giveBack is the end of a use.
func giveBack(f *os.File, at device) {
	loans.Lock()
	defer loans.Unlock()
	l := loans.of[at]
	if l.users--; l.users == 0 {
		delete(loans.of, at)
		_ = setMode(f, &l.mode)
	}
}

func deviceOf(fd int) (device, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return device{uint64(st.Dev), st.Ino}, err //nolint:unconvert // narrower elsewhere
}

func setMode(f *os.File, mode *unix.Termios) error {
	return control(f, func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, mode) })
}

// rawOf is a mode in which keys come one by one, as they are, and none is echoed or sends a signal.
func rawOf(t unix.Termios) unix.Termios {
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Oflag |= unix.OPOST
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return t
}

// clearONLCR has a terminal not turn "\n" into "\r\n".
func clearONLCR(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Oflag &^= unix.ONLCR
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// IsFile tells whether a file is a terminal.
func IsFile(f *os.File) bool {
	is := false
	return control(f, func(fd int) error { is = Is(fd); return nil }) == nil && is
}
