package dbus

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Conn is a connection to a bus, or straight to a service. It isn't for use by
// more than one goroutine.
type Conn struct {
	fd       int
	deadline time.Time
	serial   uint32
	in       []byte
	want     string    // the signals that are kept
	signals  []Message // that came while something else was awaited
}

// A bus is what has names; a service that is asked directly has none.
const (
	busName = "org.freedesktop.DBus"
	busPath = "/org/freedesktop/DBus"
)

// Dial connects to the Unix socket at path, an abstract one if it begins with @,
// and lets the kernel say who we are, which is true in a user namespace as well.
// Nothing that is done with the connection lasts beyond the deadline: then the
// error wraps unix.ETIMEDOUT.
func Dial(path string, deadline time.Time) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make socket: %w", err)
	}
	c := &Conn{fd: fd, deadline: deadline}
	err = c.bound()
	if err == nil {
		err = c.retry(func() error { return unix.Connect(fd, &unix.SockaddrUnix{Name: path}) })
	}
	if err == nil {
		err = c.authenticate()
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("connect to %s: %w", path, err)
	}
	return c, nil
}

// Close closes the connection.
func (c *Conn) Close() { unix.Close(c.fd) }

// bound has no system call on the socket last beyond the deadline.
func (c *Conn) bound() error {
	left := time.Until(c.deadline)
	if left <= 0 {
		return unix.ETIMEDOUT
	}
	tv := unix.NsecToTimeval(int64(left + time.Microsecond))
	for _, opt := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, opt, &tv); err != nil {
			return fmt.Errorf("set time limit: %w", err)
		}
	}
	return nil
}

func (c *Conn) retry(f func() error) error {
	for {
		switch err := f(); err {
		case unix.EINTR:
		case unix.EAGAIN:
			return unix.ETIMEDOUT
		default:
			return err
		}
	}
}

// authenticate says that the kernel knows who we are: EXTERNAL without a name. All
// of it goes in one piece, and nothing else before the answer: what systemd's
// server reads together with BEGIN it leaves lying until more comes.
func (c *Conn) authenticate() error {
	if err := c.write([]byte("\x00AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")); err != nil {
		return err
	}
	for _, want := range []string{"DATA", "OK"} {
		line, err := c.line()
		if err != nil {
			return err
		}
		if !strings.HasPrefix(line, want) {
			return fmt.Errorf("authentication refused: %.100q", line)
		}
	}
	return nil
}

// line reads an answer of the authentication.
func (c *Conn) line() (string, error) {
	for {
		if line, rest, ok := strings.Cut(string(c.in), "\r\n"); ok {
			c.in = []byte(rest)
			return line, nil
		}
		if len(c.in) > 4096 {
			return "", errMalformed
		}
		if err := c.read(); err != nil {
			return "", err
		}
	}
}

func (c *Conn) write(b []byte) error {
	if err := c.bound(); err != nil {
		return err
	}
	for len(b) > 0 {
		var n int
		err := c.retry(func() (err error) {
			n, err = unix.SendmsgN(c.fd, b, nil, nil, unix.MSG_NOSIGNAL)
			return err
		})
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		b = b[n:]
	}
	return nil
}

// read waits for more.
func (c *Conn) read() error {
	if err := c.bound(); err != nil {
		return err
	}
	var buf [4096]byte
	var n int
	err := c.retry(func() (err error) {
		n, err = unix.Read(c.fd, buf[:])
		return err
	})
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	c.in = append(c.in, buf[:n]...)
	return nil
}

// next waits for a message.
func (c *Conn) next() (*Message, error) {
	for {
		m, size, err := decode(c.in)
		if err != nil {
			return nil, err
		}
		if m != nil {
			c.in = c.in[size:]
			return m, nil
		}
		if err := c.read(); err != nil {
			return nil, err
		}
	}
}

// Hello introduces us to a bus, which must be done first there. A service that
// is asked directly doesn't want it.
func (c *Conn) Hello() error {
	_, err := c.Call(&Call{Destination: busName, Path: busPath, Interface: busName, Member: "Hello"})
	return err
}

// Want has signals of that name kept for [Conn.Signal]. A bus has to be told
// which to deliver; a service that is asked directly sends all that it has.
func (c *Conn) Want(member string, bus bool) error {
	c.want = member
	if !bus {
		return nil
	}
	_, err := c.Call(&Call{
		Destination: busName, Path: busPath, Interface: busName, Member: "AddMatch",
		Args: []Value{String("type='signal',member='" + member + "'")},
	})
	return err
}

// Call calls a method and waits for its answer. The answer of a method that
// failed is an [*Error].
func (c *Conn) Call(call *Call) (*Message, error) {
	c.serial++
	serial := c.serial
	if err := c.write(call.encode(serial)); err != nil {
		return nil, err
	}
	for {
		m, err := c.next()
		if err != nil {
			return nil, err
		}
		switch {
		case m.kind == signal:
			c.keep(m)
		case m.reply != serial:
		case m.kind == errorReply:
			return nil, &Error{Name: m.errorName, Text: m.Body().String()}
		case m.kind == methodReturn:
			return m, nil
		}
	}
}

// maxKept bounds the signals that nobody has asked for yet.
const maxKept = 4096

var errFlood = errors.New("too many D-Bus signals")

func (c *Conn) keep(m *Message) {
	if m.member == c.want && len(c.signals) <= maxKept {
		// A copy of the body, which else keeps all that came with it.
		m.body.b = append([]byte(nil), m.body.b...)
		c.signals = append(c.signals, *m)
	}
}

// Signal waits for the next of the signals that [Conn.Want] named.
func (c *Conn) Signal() (*Message, error) {
	for {
		if len(c.signals) > maxKept {
			return nil, errFlood
		}
		if len(c.signals) > 0 {
			m := c.signals[0]
			c.signals = c.signals[1:]
			return &m, nil
		}
		m, err := c.next()
		if err != nil {
			return nil, err
		}
		if m.kind == signal {
			c.keep(m)
		}
	}
}
