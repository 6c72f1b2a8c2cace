package wire

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Kind tells what a message is.
type Kind uint8

// The messages. The builder asks and reports, the parent answers.
const (
	Failed     Kind = iota + 1 // builder, stage: a [Failure]; nothing follows
	HostHooks                  // builder: run prestart and createRuntime hooks, please
	Console                    // builder: one descriptor, the terminal's master
	NetDevices                 // builder: move network devices, please
	MapIDs                     // builder: one descriptor, a detached mount whose ids are to be mapped, please
	Orders                     // parent: descriptors, the last of them a memfd with the stage's orders
	Trees                      // parent: detached mounts, some of those that the orders count
	Go                         // parent: the answer to a request; stage: the first process goes on
)

// A Failure is an error of another process. It keeps the error number.
type Failure struct {
	Step  string // what was being done: "mount proc at /proc"
	Errno syscall.Errno
	Text  string // the cause in words, when there is more to say than Errno
}

// Error says step and cause on one line.
func (f *Failure) Error() string {
	switch {
	case f.Text == "":
		return f.Step + ": " + f.Errno.Error()
	case f.Step == "":
		return f.Text
	}
	return f.Step + ": " + f.Text
}

// Unwrap is the error number, if there is one.
func (f *Failure) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

// Fail makes a Failure of err.
func Fail(step string, err error) *Failure {
	f := &Failure{Step: step, Text: err.Error()}
	errors.As(err, &f.Errno)
	if f.Errno != 0 && f.Text == f.Errno.Error() {
		f.Text = ""
	}
	return f
}

func (f *Failure) code(c *Codec) {
	n := uint32(f.Errno)
	c.String(&f.Step)
	c.Uint32(&n)
	c.String(&f.Text)
	f.Errno = syscall.Errno(n)
}

// maxFDs is how many descriptors a message can have (SCM_MAX_FD).
const maxFDs = 253

// Batch is how many mounts are sent at once: enough to make few messages, few
// enough for a low limit of open files on our side.
const Batch = 64

// maxMessage bounds a packet. The longest is a Failure; its texts are cut.
const maxMessage = 8 << 10

// A Conn is one end of a SOCK_SEQPACKET pair. Its owner closes FD.
type Conn struct{ FD int }

// Pair makes both ends, close-on-exec.
func Pair() (a, b Conn, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return a, b, fmt.Errorf("make socket pair: %w", err)
	}
	return Conn{p[0]}, Conn{p[1]}, nil
}

// Close closes the end.
func (c Conn) Close() { unix.Close(c.FD) }

// Send sends a message without a body, with descriptors if any.
func (c Conn) Send(k Kind, fds ...int) error { return c.send([]byte{byte(k)}, fds) }

// SendFailure sends f, cut to the size of a packet.
func (c Conn) SendFailure(f *Failure) error {
	g := *f
	if len(g.Step) > maxMessage/4 {
		g.Step = g.Step[:maxMessage/4]
	}
	if len(g.Text) > maxMessage/2 {
		g.Text = g.Text[:maxMessage/2]
	}
	e := NewEncoder(256)
	g.code(e)
	return c.send(append([]byte{byte(Failed)}, e.Bytes()...), nil)
}

func (c Conn) send(b []byte, fds []int) error {
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	for {
		err := unix.Sendmsg(c.FD, b, oob, nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err
		}
	}
}

// Recv receives a message. A Failed one comes as the error, a *Failure; the end
// of the connection as io.EOF. Descriptors are close-on-exec and the caller's.
func (c Conn) Recv() (Kind, []int, error) {
	k, fds, _, err := c.recv()
	return k, fds, err
}

func (c Conn) recv() (Kind, []int, []byte, error) {
	b := make([]byte, maxMessage)
	oob := make([]byte, unix.CmsgSpace(4*maxFDs))
	n, oobn, err := c.recvmsg(b, oob)
	if err != nil {
		return 0, nil, nil, err
	}
	var fds []int
	if oobn > 0 {
		if fds, err = rights(oob[:oobn]); err != nil {
			return 0, nil, nil, err
		}
	}
	if Kind(b[0]) == Failed {
		f, d := &Failure{}, NewDecoder(b[1:n])
		if f.code(d); d.Err() != nil {
			return Failed, nil, nil, d.Err()
		}
		return Failed, nil, nil, f
	}
	return Kind(b[0]), fds, b[1:n], nil
}

func (c Conn) recvmsg(b, oob []byte) (n, oobn int, err error) {
	for {
		var flags int
		n, oobn, flags, _, err = unix.Recvmsg(c.FD, b, oob, unix.MSG_CMSG_CLOEXEC)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ECONNRESET || err == nil && n == 0:
			err = io.EOF
		case err == nil && flags&unix.MSG_CTRUNC != 0:
			err = unix.EMFILE // the limit of open files left no room for a descriptor
		case err == nil && flags&unix.MSG_TRUNC != 0:
			err = ErrShort
		}
		return n, oobn, err
	}
}

func rights(oob []byte) ([]int, error) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var all []int
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			return nil, err
		}
		all = append(all, fds...)
	}
	return all, nil
}

// Ask sends a request and waits for its answer.
func (c Conn) Ask(k Kind, fds ...int) error {
	if err := c.Send(k, fds...); err != nil {
		return err
	}
	got, _, err := c.Recv()
	if err == nil && got != Go {
		err = fmt.Errorf("unexpected answer %d", got)
	}
	return err
}
