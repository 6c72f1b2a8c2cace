package step

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/calls"
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
var ErrFirst = calls.ErrGone

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

// take hands file system i over.
func (f *First) take(k *calls.Kernel, i int) calls.FD {
	err := f.Report()
	if err == nil && (i < 0 || i >= len(f.Mounts) || f.Mounts[i] < 0) {
		err = fmt.Errorf("mount source %d: %w", i, unix.EBADF)
	}
	if err != nil {
		k.Fail("", err)
		return calls.None
	}
	fd := calls.Number(f.Mounts[i])
	f.Mounts[i] = -1
	return fd
}
