package tty

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// A Screen is a terminal that is drawn on: each key is there at once and isn't echoed, but for those that send signals; on its alternate screen, without a
// cursor. What was there before is there again after Close.
type Screen struct {
	in    int // -1: there are no keys
	saved *unix.Termios
	out   int
	own   fdio.Own // out, opened once more so that a terminal that takes nothing doesn't hold us
}

// What begins and ends drawing: the alternate screen, the cursor, and what happens at the end of a line.
const (
	enter = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leave = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// Is tells whether a descriptor is a terminal.
func Is(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// Foreground tells whether a terminal is ours to change, and not another job's.
func Foreground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp() // an error: it isn't the terminal that controls us
}

// OpenScreen begins to draw on the terminal out; in is where keys come from if it is a terminal.
func OpenScreen(in, out int) (*Screen, error) {
	s := &Screen{in: in, out: out}
	if !Is(in) {
		s.in = -1
	}
	if fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", out), unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err == nil {
		s.own, s.out = fdio.New(fd), fd
	}
	if err := s.Enter(); err != nil {
		s.own.Close()
		return nil, err
	}
	return s, nil
}

// Enter begins again after Leave.
func (s *Screen) Enter() error {
	if s.in >= 0 {
		saved, err := unix.IoctlGetTermios(s.in, unix.TCGETS)
		if err != nil {
			return fmt.Errorf("read mode of terminal: %w", err)
		}
		raw := *saved
		raw.Iflag &^= unix.ICRNL | unix.INLCR | unix.IGNCR | unix.IXON | unix.ISTRIP
		raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.IEXTEN
		raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
		if err := unix.IoctlSetTermios(s.in, unix.TCSETS, &raw); err != nil {
			return fmt.Errorf("set mode of terminal: %w", err)
		}
		s.saved = saved
	}
	if err := s.write([]byte(enter), -1, time.Now().Add(patience)); err != nil {
		s.Leave()
		return err
	}
	return nil
}

// patience is how long a terminal is waited for that takes nothing, where there is no way back.
const patience = time.Second

// Leave gives the terminal back as it was. It can be called twice.
func (s *Screen) Leave() {
	_ = s.write([]byte(leave), -1, time.Now().Add(patience))
	if s.saved != nil {
		_ = unix.IoctlSetTermios(s.in, unix.TCSETS, s.saved)
		s.saved = nil
	}
}

// Close is Leave for good.
func (s *Screen) Close() {
	s.Leave()
	s.own.Close()
}

// Keys is the descriptor that keys come from, -1 if none do.
func (s *Screen) Keys() int { return s.in }

// Size is how many columns and lines the terminal has: those of the oldest ones if it doesn't tell.
func (s *Screen) Size() (width, height int) {
	ws, err := unix.IoctlGetWinsize(s.out, unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 || ws.Row == 0 {
		return 80, 24
	}
	return int(ws.Col), int(ws.Row)
}

// Draw puts lines, none of which is longer than the terminal is wide, on the screen; marked says which are in reverse. It gives up when interrupt, a
// descriptor, can be read: that is no error, and a later call draws all.
func (s *Screen) Draw(lines []string, marked func(i int) bool, interrupt int) error {
	frame := []byte("\x1b[H")
	for i, l := range lines {
		if i > 0 {
			frame = append(frame, "\r\n"...)
		}
		frame = append(frame, "\x1b[2K"...) // before, and not what is behind the text: that may end on the last column
		if marked(i) {
			frame = append(append(append(frame, "\x1b[7m"...), l...), "\x1b[0m"...)
		} else {
			frame = append(frame, l...)
		}
	}
	if _, height := s.Size(); len(lines) < height {
		frame = append(frame, "\r\n\x1b[J"...)
	}
	return s.write(frame, interrupt, time.Time{})
}

func (s *Screen) write(frame []byte, interrupt int, deadline time.Time) error {
	for len(frame) > 0 {
		n, err := fdio.Write(s.out, frame)
		switch {
		case err == nil:
			frame = frame[n:]
			continue
		case !errors.Is(err, unix.EAGAIN):
			return fmt.Errorf("write to terminal: %w", err)
		}
		list := []unix.PollFd{{Fd: int32(s.out), Events: unix.POLLOUT}, {Fd: int32(interrupt), Events: unix.POLLIN}}
		seen, err := fdio.Poll(list, deadline)
		if err != nil {
			return fmt.Errorf("wait for terminal: %w", err)
		}
		if !seen || list[1].Revents != 0 {
			return nil
		}
	}
	return nil
}
