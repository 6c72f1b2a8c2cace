package libcontainer

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/trap"
	"github.com/rung-oci/rung/internal/tty"
)

// foreground is what `run` and `exec` do while their process lives.
type foreground struct {
	signals int  // from now on they are for the process, and kept until it lives; -1: they aren't
	adopts  bool // orphans become children of ours
	effects Effects
	catches bool
	raised  bool // there are more processors of Go's
	relay   *tty.Relay
	stop    *cancel.Signal
}

// newForeground begins to keep signals. With a terminal to relay those that are about ours do what they do to every program: one of the background stops.
func newForeground(e Effects, terminal bool, stop *cancel.Signal) (*foreground, error) {
	f := &foreground{signals: -1, effects: e, stop: stop}
	if !e.Signals {
		return f, nil
	}
	var but []unix.Signal
	if terminal {
		but = trap.TerminalUse[:]
	}
	var err error
	f.signals, err = trap.Catch(but...)
	f.catches = err == nil
	return f, err
}

// take relays a terminal. It owns the descriptor.
func (f *foreground) take(master int, in io.Reader, out io.Writer) (err error) {
	f.relay, err = tty.NewRelay(master, in, out)
	return err
}

// close gives our terminal back, and what the whole process has lent.
func (f *foreground) close() {
	if f.relay != nil {
		f.relay.Close()
	}
	if f.effects.Lasting {
		return
	}
	if f.raised {
		spare(-foregroundSpare)
	}
	if f.catches {
		trap.Release()
	}
}

// foregroundSpare is how many processors of Go's more a terminal wants.
const foregroundSpare = 2

var sparing sync.Mutex

// spare changes GOMAXPROCS.
func spare(more int) {
	sparing.Lock()
	defer sparing.Unlock()
	runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)+more))
}

// wait passes signals on until the process, a child of ours, ends, and reaps it and
// the orphans that we have adopted. It returns the exit status.
func (f *foreground) wait(pid, pidfd int) (ExitStatus, error) {
	if f.relay != nil {
		if f.raised = f.effects.SpareProcessor; f.raised {
			// Our wait and the relay's read of stdin have a processor of Go's each, until its monitor, which
			// we have made sleep long, takes it away. Without two more the output waits for that.
			spare(foregroundSpare)
		}
		if err := f.relay.Start(); err != nil {
			return 1, err
		}
	}
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}, {Fd: int32(f.signals), Events: unix.POLLIN}, f.stop.Poll()}
	for {
		if _, err := fdio.Poll(fds, time.Time{}); err != nil {
			return 1, fmt.Errorf("wait for process: %w", err)
		}
		if err := f.stop.Err(); err != nil {
			return 1, err
		}
		for sig := f.caught(); sig != 0; sig = f.caught() {
			f.forward(sig, pidfd)
		}
		status, ended, err := f.reap(pid, pidfd)
		if err != nil {
			return 1, fmt.Errorf("wait for process: %w", err)
		}
		if ended {
			return status, nil
		}
	}
}

// drain waits, after the process's end, until what it has printed on its terminal is written.
func (f *foreground) drain() error {
	if f.relay == nil {
		return nil
	}
	unread := f.relay.Stop()
	err := f.relay.Drain(f.stop.Err)
	switch {
	case err != nil && f.stop.Err() == nil:
		err = fmt.Errorf("copy output: %w", err)
	case err == nil && unread != nil:
		err = fmt.Errorf("copy input: %w", unread)
	}
	return err
}

// caught is the next signal that was caught, or 0.
func (f *foreground) caught() unix.Signal {
	if f.signals < 0 {
		return 0
	}
	return trap.Read(f.signals)
}

// reap reaps the process if it has ended. Who adopts orphans reaps all children that
// have ended until he comes to it; else another's children are another's to wait for.
func (f *foreground) reap(pid, pidfd int) (status ExitStatus, ended bool, err error) {
	which := pid
	if f.adopts {
		which = -1
	}
	for {
		var ws unix.WaitStatus
		switch child, err := unix.Wait4(which, &ws, unix.WNOHANG, nil); {
		case errors.Is(err, unix.ECHILD): // somebody else in this program has waited for it
			ws, err = lostStatus(pid, pidfd, err)
			return exitStatus(ws), err == nil, err
		case err != nil:
			return 1, false, err
		case child == pid:
			return exitStatus(ws), true, nil
		case child == 0:
			return 0, false, nil
		}
	}
}

// forward passes a signal on. Those that are about us stay: our children and
// our terminal.
func (f *foreground) forward(sig unix.Signal, pidfd int) {
	switch sig {
	case unix.SIGCHLD:
	case unix.SIGWINCH:
		if f.relay != nil {
			f.relay.Resize()
		}
	default:
		_ = unix.PidfdSendSignal(pidfd, sig, nil, 0) // ESRCH: it has just ended
	}
}
