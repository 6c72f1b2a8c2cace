package systemd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/nap"
)

// ErrNotRunning is the error on a host without systemd. The text is runc's.
var ErrNotRunning = errors.New("systemd not running on this host, cannot use systemd cgroups manager")

// Running tells whether systemd runs the host, by the directory that it makes for
// this question: an error that is [ErrNotRunning] if not.
func Running() error {
	if _, err := os.Lstat("/run/systemd/system"); err != nil {
		return ErrNotRunning
	}
	return nil
}

// Timeout bounds all that is asked of systemd at a time: runc's 30 seconds.
const Timeout = 30 * time.Second

const (
	service  = "org.freedesktop.systemd1"
	object   = "/org/freedesktop/systemd1"
	manager  = service + ".Manager"
	noUnit   = service + ".NoSuchUnit"
	unitHere = service + ".UnitExists"
)

// A door is a socket behind which systemd is: itself, or a bus that it is on.
type door struct {
	path string
	bus  bool
}

// doors lists the system's or the user's systemd, itself first: that spares the
// bus, and is there when the bus isn't. Of the environment only a user's is
// asked: it decides for nobody but himself.
func doors(user bool) []door {
	if !user {
		return []door{{"/run/systemd/private", false}, {"/run/dbus/system_bus_socket", true}}
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = "/run/user/" + strconv.Itoa(os.Getuid())
	}
	list := []door{{dir + "/systemd/private", false}}
	if path := busAddress(os.Getenv("DBUS_SESSION_BUS_ADDRESS")); path != "" {
		list = append(list, door{path, true})
	}
	return append(list, door{dir + "/bus", true})
}

// busAddress is the socket of the first address that names one.
func busAddress(list string) string {
	for address := range strings.SplitSeq(list, ";") {
		rest, ok := strings.CutPrefix(address, "unix:")
		if !ok {
			continue
		}
		for option := range strings.SplitSeq(rest, ",") {
			if path, ok := strings.CutPrefix(option, "path="); ok {
				return path
			}
			if name, ok := strings.CutPrefix(option, "abstract="); ok {
				return "@" + name
			}
		}
	}
	return ""
}

// A connection is one to systemd. All that is done with it ends at its deadline:
// then errors wrap [os.ErrDeadlineExceeded].
type connection struct {
	*dbus.Conn
	bus      bool
	deadline time.Time
}

// connect goes to the first door that opens.
func connect(user bool, list []door, deadline time.Time) (*connection, error) {
	var first error
	for _, d := range list {
		c, err := d.open(deadline)
		if err == nil {
			return c, nil
		}
		// That a socket is there and we are kept out says more than that one isn't.
		if first == nil || errors.Is(first, unix.ENOENT) {
			first = fmt.Errorf("connect to %s: %w", d.path, err)
		}
	}
	whose := "systemd"
	if user {
		whose = "the user's systemd (is there a session? see loginctl enable-linger)"
	}
	return nil, fmt.Errorf("reach %s: %w", whose, first)
}

// open connects to a socket. The kernel says who we are, which is true in a user
// namespace as well: EXTERNAL without a name.
func (d door) open(deadline time.Time) (*connection, error) {
	dialer := net.Dialer{Deadline: deadline}
	socket, err := dialer.Dial("unix", d.path)
	if err != nil {
		return nil, cause(err)
	}
	if err := socket.SetDeadline(deadline); err != nil {
		socket.Close()
		return nil, err
	}
	c, err := dbus.NewConn(socket)
	if err != nil {
		socket.Close()
		return nil, err
	}
	err = c.Auth([]dbus.Auth{dbus.AuthExternal("")})
	if err == nil {
		err = heard(socket.(*net.UnixConn), deadline)
	}
	if err == nil && d.bus {
		err = c.Hello()
	}
	if err != nil {
		c.Close()
		return nil, cause(err)
	}
	return &connection{c, d.bus, deadline}, nil
}

// heard waits until the peer has read all that was written. What sd-bus's server
// reads in one piece with the end of the authentication it leaves lying until
// more comes, and there is no answer to that end.
func heard(socket *net.UnixConn, deadline time.Time) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	for wait := 10 * time.Microsecond; ; wait = min(2*wait, 10*time.Millisecond) {
		var unread int
		cerr := raw.Control(func(fd uintptr) { unread, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		switch {
		case cerr == nil && (err != nil || unread == 0):
			return err
		case time.Now().After(deadline): // the connection may be closed by then
			return os.ErrDeadlineExceeded
		case cerr != nil:
			return cerr
		}
		nap.Sleep(wait)
	}
}

// cause takes away what package net says of sockets, which we say ourselves.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}

// Close closes the connection; all that waits for it ends.
func (c *connection) Close() { _ = c.Conn.Close() }

// call calls a method of systemd's manager.
func (c *connection) call(method string, args ...any) *dbus.Call {
	call := c.Object(service, object).Call(manager+"."+method, 0, args...)
	call.Err = cause(call.Err)
	return call
}

// property reads a text of the manager's.
func (c *connection) property(name string) (text string, err error) {
	if err := c.Object(service, object).StoreProperty(manager+"."+name, &text); err != nil {
		return "", fmt.Errorf("ask systemd for its %s: %w", name, cause(err))
	}
	return text, nil
}

// version is systemd's: the number that "257.13-1~deb13u1" or "v257" begins with.
func (c *connection) version() (int, error) {
	text, err := c.property("Version")
	if err != nil {
		return 0, err
	}
	digits := strings.TrimLeft(text, "v")
	if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = digits[:end]
	}
	return strconv.Atoi(digits)
}

// job begins a job for a unit and waits for its result.
func (c *connection) job(method string, args ...any) error {
	if c.bus { // has to be told what to deliver
		if err := c.AddMatchSignal(dbus.WithMatchInterface(manager), dbus.WithMatchMember("JobRemoved")); err != nil {
			return cause(err)
		}
	}
	signals := make(chan *dbus.Signal, 64)
	c.Signal(signals)
	defer c.RemoveSignal(signals)
	var mine dbus.ObjectPath
	if err := c.call(method, args...).Store(&mine); err != nil {
		return err
	}
	for s := range signals {
		var (
			number       uint32
			path         dbus.ObjectPath
			unit, result string
		)
		if s.Name != manager+".JobRemoved" || dbus.Store(s.Body, &number, &path, &unit, &result) != nil || path != mine {
			continue
		}
		if result != "done" {
			return fmt.Errorf("systemd's job ended as %q", result)
		}
		return nil
	}
	err := io.ErrUnexpectedEOF // the channel is closed with the connection
	if time.Now().After(c.deadline) {
		err = os.ErrDeadlineExceeded
	}
	return fmt.Errorf("wait for systemd's job: %w", err)
}

// is tells whether systemd answered with an error of this name.
func is(err error, name string) bool {
	var e dbus.Error
	return errors.As(err, &e) && e.Name == name
}
