package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fdio"
)

// A Process is one that [Container.Exec] has run: a child of this program, which has to [Process.Wait] for it. Its methods may be called from any
// goroutine at any time.
type Process struct {
	pid      int
	terminal *Terminal
	streams  *streams

	mu      sync.Mutex
	pidfd   fdio.Own // closed: it is reaped
	status  ExitStatus
	cleanup runtime.Cleanup // for who never waits
}

// leave makes the process its caller's: nothing of it is ended by close any more.
func (x *execution) leave() *Process {
	p := &Process{pid: x.exec.PID, pidfd: fdio.New(x.exec.Pidfd), terminal: x.kept, streams: x.streams}
	x.kept, x.streams = nil, nil
	if p.terminal != nil {
		p.streams.attach(p.terminal)
	}
	p.streams.start()
	p.cleanup = runtime.AddCleanup(p, func(fd int) { unix.Close(fd) }, x.exec.Pidfd)
	return p
}

// PID is the process's id, by this program's pid namespace.
func (p *Process) PID() int { return p.pid }

// Terminal is the process's terminal, or nil if it has none, or a console socket has got it.
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.pidfd.Open() {
		return os.ErrProcessDone
	}
	switch err := unix.PidfdSendSignal(p.pidfd.FD(), sig, nil, 0); {
	case err == unix.ESRCH:
		return os.ErrProcessDone
	case err != nil:
		return fmt.Errorf("signal process %d: %w", p.pid, err)
	}
	return nil
}

// Wait waits until the process has ended, reaps it, and returns its exit status; then until all is copied of what it has printed. Any number may wait, and
// again. When the context is done the process lives on.
func (p *Process) Wait(ctx context.Context) (ExitStatus, error) {
	pidfd, err := p.open()
	if err == nil && pidfd.Open() {
		err = awaitEnd(ctx, pidfd.FD())
		pidfd.Close()
	}
	if err == nil {
		err = p.reap()
	}
	if err != nil {
		return 0, fmt.Errorf("wait for process %d: %w", p.pid, err)
	}
	return p.status, p.streams.wait(ctx)
}

// open is a pidfd of its own for who waits; closed if the process is reaped.
func (p *Process) open() (fdio.Own, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.pidfd.Open() {
		return fdio.Own{}, nil
	}
	return fdio.Of(unix.FcntlInt(uintptr(p.pidfd.FD()), unix.F_DUPFD_CLOEXEC, 0))
}

// reap reaps the process, which has ended, if nobody has.
func (p *Process) reap() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.pidfd.Open() {
		return nil
	}
	var ws unix.WaitStatus
	if err := fdio.Again(func() error { _, err := unix.Wait4(p.pid, &ws, 0, nil); return err }); err != nil {
		return err
	}
	p.status = exitStatus(ws)
	p.cleanup.Stop()
	p.pidfd.Close()
	return nil
}

// awaitEnd waits until the process behind a pidfd has ended, or the context is done: the Go runtime's poller does, where it can be.
func awaitEnd(ctx context.Context, pidfd int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Done() == nil {
		_, err := fdio.Await(pidfd, time.Time{})
		return err
	}
	own, err := unix.FcntlInt(uintptr(pidfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
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
