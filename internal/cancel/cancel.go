// Package cancel makes the end of a context visible to poll(2).
package cancel

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// A Signal is a descriptor that becomes readable when a context is done. That of a context that
// never is done is nil, which costs nothing: all methods may be called on it.
type Signal struct {
	ctx  context.Context
	fd   fdio.Own
	stop func() bool
	told chan struct{} // closed when the descriptor has been written to
}

// Check is the context's error, also of one that is nil.
func Check(ctx context.Context) error {
	if ctx == nil {
		return errNone
	}
	return ctx.Err()
}

var errNone = errors.New("the context is nil")

// Of makes the signal of a context. A context that is done already is an error, its own.
func Of(ctx context.Context) (*Signal, error) {
	if err := Check(ctx); err != nil {
		return nil, err
	}
	if ctx.Done() == nil {
		return nil, nil
	}
	fd, err := fdio.Of(unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK))
	if err != nil {
		return nil, err
	}
	s := &Signal{ctx: ctx, fd: fd, told: make(chan struct{})}
	s.stop = context.AfterFunc(ctx, func() {
		defer close(s.told)
		_, _ = unix.Write(s.fd.FD(), []byte{1, 0, 0, 0, 1, 0, 0, 0}) // a number that isn't 0 in either order
	})
	return s, nil
}

// Err is the context's error once that is done.
func (s *Signal) Err() error {
	if s == nil {
		return nil
	}
	return s.ctx.Err()
}

// Poll is what to add to a list for poll(2), which passes over that of nil.
func (s *Signal) Poll() unix.PollFd {
	if s == nil {
		return unix.PollFd{Fd: -1}
	}
	return unix.PollFd{Fd: int32(s.fd.FD()), Events: unix.POLLIN}
}

// Await waits until there is something to read from a descriptor, or its other end is closed; it is
// the context's error if that is done before.
func (s *Signal) Await(fd int) error {
	if s == nil {
		return nil // who reads waits
	}
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, s.Poll()}
	if _, err := fdio.Poll(fds, time.Time{}); err != nil {
		return err
	}
	if fds[1].Revents != 0 {
		return s.Err()
	}
	return nil
}

// Close lets go of the context, and closes the descriptor.
func (s *Signal) Close() {
	if s == nil {
		return
	}
	if !s.stop() {
		<-s.told
	}
	s.fd.Close()
}
