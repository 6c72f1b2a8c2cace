package libcontainer

import (
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/tty"
)

// foreground is what `run` does while its container lives.
type foreground struct {
	c       *creation
	signals chan os.Signal
	pidfd   chan int // gets the init once signals can be passed on
	relay   *tty.Relay
}

// newForeground prepares before the container exists: signals that come from
// now on are kept for it.
func newForeground(c *creation, o *RunOptions) *foreground {
	f := &foreground{c: c, signals: make(chan os.Signal, 128), pidfd: make(chan int, 1)}
	if !o.NoSubreaper {
		// Processes that outlive their parents in a container without a pid
		// namespace come to us instead of to the host's init.
		unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	if c.terminal() {
		c.take = func(master int) (err error) {
			f.relay, err = tty.NewRelay(master)
			return err
		}
	}
	ready := make(chan struct{})
	c.ready = ready
	c.meanwhile = func() { go f.pass(ready) }
	return f
}

// close gives the signals back. It isn't waited for: usually we end now.
func (f *foreground) close() {
	close(f.pidfd)
	go signal.Stop(f.signals)
	if f.relay != nil {
		f.relay.Close()
	}
}

// patience is how long a container has to live until the rarer signals are
// passed on too. Listening to one costs some 70 µs, to all of them several
// milliseconds, which is more than many a container lives.
const patience = 100 * time.Millisecond

// pass passes signals on to the container's init. It is ready, before the
// container runs, when those that people and engines send are ours to pass on.
func (f *foreground) pass(ready chan<- struct{}) {
	signal.Notify(f.signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT,
		unix.SIGWINCH, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM, unix.SIGCONT, unix.SIGTSTP)
	close(ready)
	pidfd, ok := <-f.pidfd
	if !ok {
		return
	}
	if f.relay != nil {
		f.relay.Resize() // what SIGWINCH may have told before
	}
	rest := time.After(patience)
	for {
		select {
		case <-rest:
			signal.Notify(f.signals)
		case s := <-f.signals:
			f.forward(s.(unix.Signal), pidfd)
		case <-f.pidfd: // closed: the container has ended
			return
		}
	}
}

// forward passes a signal on. Those that are about us stay: our children, our
// terminal, and what the Go runtime uses itself.
func (f *foreground) forward(s unix.Signal, pidfd int) {
	switch s {
	case unix.SIGCHLD, unix.SIGURG, unix.SIGPIPE:
	case unix.SIGWINCH:
		if f.relay != nil {
			f.relay.Resize()
		}
	default:
		_ = unix.PidfdSendSignal(pidfd, s, nil, 0) // ESRCH: it has just ended
	}
}

// wait waits for the container's init and reaps whatever else becomes our
// child.
func (f *foreground) wait(pidfd int) (int, error) {
	if f.relay != nil {
		if err := f.relay.Start(); err != nil {
			return 1, err
		}
	}
	f.pidfd <- pidfd
	f.c.stage.Exe.Close() // while the container lives there is time
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 1, fmt.Errorf("wait for container: %w", err)
		case pid == f.c.record.PID:
			if f.relay != nil {
				f.relay.Drain()
			}
			return exitStatus(ws), nil
		}
	}
}
