package cli

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/top"
	"github.com/rung-oci/rung/internal/trap"
	"github.com/rung-oci/rung/internal/tty"
)

// live draws on the terminal until a key or a signal says to quit. The terminal is given back whatever happens, a panic included.
func (w *watch) live() error {
	if !tty.Foreground(1) {
		stop(unix.SIGTTOU) // as the shell expects of a job that draws
		if !tty.Foreground(1) {
			return errTerminal
		}
	}
	w.view.ASCII = !unicode(os.Getenv)
	signals, err := trap.Catch(trap.TerminalUse[:]...)
	if err != nil {
		return err
	}
	screen, err := tty.OpenScreen(0, 1)
	if err != nil {
		return err
	}
	defer screen.Close()
	next := w.at.Add(w.first())
	for looks := 0; ; {
		if err := w.draw(screen, signals); err != nil {
			return err
		}
		fds := []unix.PollFd{{Fd: int32(screen.Keys()), Events: unix.POLLIN}, {Fd: int32(signals), Events: unix.POLLIN}}
		if _, err := fdio.Poll(fds, next); err != nil {
			return fmt.Errorf("wait for keys: %w", err)
		}
		if w.signaled(screen, signals) || fds[0].Revents != 0 && w.pressed(screen) {
			return nil
		}
		if !time.Now().Before(next) {
			if !w.view.Paused {
				w.look()
				looks++
			}
			next = time.Now().Add(w.interval)
		}
		if looks > 0 && looks == w.iterations || w.over() {
			return w.draw(screen, signals)
		}
	}
}

func (w *watch) draw(screen *tty.Screen, signals int) error {
	width, height := screen.Size()
	lines := w.view.Screen(w.rows, width, height)
	texts := make([]string, len(lines))
	for i := range lines {
		texts[i] = lines[i].Text
	}
	return screen.Draw(texts, func(i int) bool { return lines[i].Marked }, signals)
}

// pressed reads keys, and tells whether to quit: also where the terminal has gone.
func (w *watch) pressed(screen *tty.Screen) (quit bool) {
	var buf [256]byte
	n, err := fdio.Read(screen.Keys(), buf[:])
	if err != nil || n == 0 {
		return true
	}
	_, height := screen.Size()
	for _, k := range top.Pressed(buf[:n]) {
		if w.view.Press(k, w.rows, height) {
			return true
		}
	}
	return false
}

// signaled does what signals ask for, and tells whether that is to quit.
func (w *watch) signaled(screen *tty.Screen, signals int) (quit bool) {
	for {
		switch s := trap.Read(signals); s {
		case 0:
			return false
		case unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM:
			w.code = 128 + int(s)
			return true
		case unix.SIGTSTP:
			screen.Leave()
			// Continued in the background, we stop again. Where nobody could continue us the kernel doesn't let us stop: that
			// is a session's leader without a shell, or one whose shell has gone.
			for again := 0; again == 0 || again < maxStops && !tty.Foreground(1); again++ {
				if trap.Suspend() != nil {
					return true
				}
			}
			if screen.Enter() != nil {
				return true
			}
		}
	}
}

// maxStops bounds how often we stop and are continued in the background before we draw all the same.
const maxStops = 1000

// stop has a signal stop us, and returns when we are continued. Sent to the process, it could hit another thread, and this one would go on for a while.
func stop(sig unix.Signal) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), sig)
}

// unicode tells whether a terminal is told to show more than ASCII, by the variables that setlocale(3) looks at.
func unicode(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToLower(getenv(name)); value != "" {
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return false
}
