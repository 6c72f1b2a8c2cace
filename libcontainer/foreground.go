package libcontainer

import (
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/tty"
)

// foreground is what `run` and `exec` do while their process lives.
type foreground struct {
	signals chan os.Signal
	ready   chan struct{} // closed when signals are kept for the process
	pidfd   chan int      // gets the process once signals can be passed on
	relay   *tty.Relay
}

func newForeground() *foreground {
	return &foreground{signals: make(chan os.Signal, 128), ready: make(chan struct{}), pidfd: make(chan int, 1)}
}

// take relays a terminal. It owns the descriptor.
func (f *foreground) take(master int) (err error) {
	f.relay, err = tty.NewRelay(master)
	return err
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

// pass passes signals on to the process. It is ready, before that runs, when
// those that people and engines send are ours to pass on.
func (f *foreground) pass() {
	signal.Notify(f.signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT,
		unix.SIGWINCH, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM, unix.SIGCONT, unix.SIGTSTP)
	close(f.ready)
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
		case <-f.pidfd: // closed: the process has ended
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

// wait waits for the end of the process, a child of ours, and reaps whatever
// else becomes one.
func (f *foreground) wait(pid, pidfd int) (int, error) {
	if f.relay != nil {
		if err := f.relay.Start(); err != nil {
			return 1, err
		}
	}
	f.pidfd <- pidfd
	for {
		var ws unix.WaitStatus
		ended, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 1, fmt.Errorf("wait for process: %w", err)
		case ended == pid:
			if f.relay != nil {
				f.relay.Drain()
			}
			return exitStatus(ws), nil
		}
	}
}
