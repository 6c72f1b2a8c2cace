package step

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/wire"
)

// First is what the builder hears of the container's first process, which works
// beside it.
type First struct {
	Conn   wire.Conn // to it
	Count  int       // how many file systems its report brings
	Mounts []int     // file systems that it made in its own namespaces, without a mount, once it has reported
	Heard  bool      // it has reported
}

// ErrFirst says that the container's first process has ended. Why is in its
// progress record, which the parent reads.
var ErrFirst = errors.New("container's first process has ended")

// Report waits until the first process has made its file systems.
func (f *First) Report() error {
	if f.Heard {
		return nil
	}
	f.Heard = true
	fds, err := f.recv()
	f.Mounts = fds
	if err == nil && len(fds) != f.Count {
		err = fmt.Errorf("first process sent %d file systems instead of %d", len(fds), f.Count)
	}
	return err
}

func (f *First) recv() ([]int, error) {
	_, fds, err := f.Conn.Recv()
	if errors.Is(err, io.EOF) {
		err = ErrFirst
	}
	return fds, err
}

// take hands mount i over.
func (f *First) take(i int) (int, error) {
	if err := f.Report(); err != nil {
		return -1, err
	}
	return take(f.Mounts, i)
}

// Network joins the network namespace that the first process makes while the
// steps before run.
type Network struct{}

func (*Network) String() string { return "join network namespace" }

// Code carries no field.
func (*Network) Code(*wire.Codec) {}

// Run waits for it and joins.
func (*Network) Run(e *Env) error {
	if err := e.First.Report(); err != nil {
		return err
	}
	if _, err := e.First.recv(); err != nil {
		return err
	}
	err := unix.Setns(e.Pidfd, unix.CLONE_NEWNET)
	if err == unix.ESRCH { // it goes on without us, and may have failed by now
		return ErrFirst
	}
	return at("setns", err)
}
