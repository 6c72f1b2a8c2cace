package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fdio"
)

// A Process is one that [Container.Exec] has run: a child of this program, reaped when it has ended, whether anybody waits for it or not. Its methods may be
// called from any goroutine at any time.
type Process struct {
	child    *child
	terminal *Terminal
	streams  *streams
}

// leave makes the process its caller's: nothing of it is ended by close any more.
func (x *execution) leave() *Process {
	p := &Process{child: newChild(x.exec.PID, x.exec.Pidfd), terminal: x.kept, streams: x.streams}
	x.kept, x.streams = nil, nil
	if p.terminal != nil {
		p.streams.attach(p.terminal)
	}
	p.streams.start()
	if x.opt.Detach {
		children.later(p.child)
	} else {
		children.watch(p.child)
	}
	return p
}

// PID is the process's id, by this program's pid namespace.
func (p *Process) PID() int {
	if p.child == nil {
		return 0
	}
	return p.child.pid
}

// Terminal is the process's terminal, or nil: it has none, or a console socket has got it.
func (p *Process) Terminal() *Terminal { return p.terminal }

// Resize sets the size of the process's terminal in characters.
func (p *Process) Resize(columns, rows uint16) error {
	if p.terminal == nil {
		return errors.New("the process has no terminal that this program has")
	}
	return p.terminal.Resize(columns, rows)
}

// Signal sends a signal. To a process that has ended it is [os.ErrProcessDone].
func (p *Process) Signal(sig unix.Signal) error {
	if p.child == nil {
		return os.ErrProcessDone
	}
	switch err := p.child.signal(sig); {
	case errors.Is(err, unix.ESRCH):
		return os.ErrProcessDone
	case err != nil:
		return fmt.Errorf("signal process %d: %w", p.child.pid, err)
	}
	return nil
}

// Wait waits until the process has ended, for its exit status, and until all is copied of what it has printed. Any number may wait, and again.
func (p *Process) Wait(ctx context.Context) (ExitStatus, error) {
	if p.child == nil {
		return 0, errors.New("wait for a process that nobody has made")
	}
	if ctx == nil {
		return 0, fmt.Errorf("wait for process %d: %w", p.child.pid, cancel.Check(ctx))
	}
	children.rouse()
	select {
	case <-p.child.ended:
	default:
		select {
		case <-p.child.ended:
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for process %d: %w", p.child.pid, ctx.Err())
		}
	}
	err := p.streams.wait(ctx)
	if lost := p.child.err; lost != nil {
		return 0, fmt.Errorf("wait for process %d: %w", p.child.pid, lost)
	}
	return p.child.exit, err
}

// awaitEnd waits until the process behind a pidfd has ended, or the context is done: the Go runtime's poller does, where it can be.
func awaitEnd(ctx context.Context, pidfd int) error {
	if err := cancel.Check(ctx); err != nil {
		return err
	}
	if ctx.Done() == nil {
		_, err := fdio.Await(pidfd, time.Time{})
		return err
	}
	own, err := unix.FcntlInt(uintptr(pidfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("copy pidfd: %w", err)
	}
	if err := unix.SetNonblock(own, true); err != nil { // says that the poller shall have it
		unix.Close(own)
		return err
	}
	f := os.NewFile(uintptr(own), "pidfd")
	defer f.Close()
	if f.SetReadDeadline(time.Time{}) != nil {
		return awaitBlocked(ctx, pidfd)
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Read(func(fd uintptr) (ended bool) {
		ended, failed = fdio.Await(int(fd), time.Now())
		return ended || failed != nil
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ctx.Err()
	}
	if err == nil {
		err = failed
	}
	return err
}

// awaitBlocked is awaitEnd that holds a thread.
func awaitBlocked(ctx context.Context, pidfd int) error {
	stop, err := cancel.Of(ctx)
	if err != nil {
		return err
	}
	defer stop.Close()
	return stop.Await(pidfd)
}
