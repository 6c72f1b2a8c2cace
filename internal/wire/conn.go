// Package wire carries descriptors between the runtime and the processes that it makes.
package wire

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// maxFDs is how many descriptors a message can have (SCM_MAX_FD).
const maxFDs = 253

// Batch is how many descriptors are sent at once: enough to make few messages, few
// enough for a low limit of open files on the other side.
const Batch = 64

// ErrShort reports a message that isn't one of ours.
var ErrShort = errors.New("malformed message")

// A Conn is one end of a SOCK_SEQPACKET pair. Its owner closes FD.
type Conn struct{ FD int }

// Pair makes both ends, close-on-exec.
func Pair() (a, b Conn, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Conn{-1}, Conn{-1}, fmt.Errorf("make socket pair: %w", err)
	}
	return Conn{p[0]}, Conn{p[1]}, nil
}

// Close closes the end.
func (c Conn) Close() { unix.Close(c.FD) }

// Send sends one byte, with descriptors if any.
func (c Conn) Send(fds ...int) error {
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	return fdio.Again(func() error { return unix.Sendmsg(c.FD, []byte{0}, oob, nil, unix.MSG_NOSIGNAL) })
}

// Recv receives what Send has sent. The end
// of the connection is io.EOF. Descriptors are close-on-exec and the caller's.
func (c Conn) Recv() ([]int, error) {
	_, fds, err := c.RecvData(1)
	return fds, err
}

// RecvData receives a message of at most so many bytes, as Recv does.
func (c Conn) RecvData(most int) (data []byte, fds []int, err error) {
	data = make([]byte, most)
	oob := make([]byte, unix.CmsgSpace(4*maxFDs))
	n, oobn, flags := 0, 0, 0
	err = fdio.Again(func() (err error) {
		n, oobn, flags, _, err = unix.Recvmsg(c.FD, data, oob, unix.MSG_CMSG_CLOEXEC)
		return err
	})
	switch {
	case errors.Is(err, unix.ECONNRESET) || err == nil && n == 0:
		return nil, nil, io.EOF
	case err != nil:
		return nil, nil, err
	}
	fds, err = rights(oob[:oobn])
	switch {
	case err != nil:
	case flags&unix.MSG_CTRUNC != 0:
		err = unix.EMFILE // the limit of open files left no room for a descriptor
	case flags&unix.MSG_TRUNC != 0:
		err = ErrShort
	default:
		return data[:n], fds, nil
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
	return nil, nil, err
}

func rights(oob []byte) (all []int, err error) {
	if len(oob) == 0 {
		return nil, nil
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			return nil, err
		}
		all = append(all, fds...)
	}
	return all, nil
}
