package systemd

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/systemd/dbus"
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

// A connection is one to systemd.
type connection struct {
	*dbus.Conn
	bus bool
}

// connect goes to the first door that opens.
func connect(user bool, list []door, deadline time.Time) (*connection, error) {
	var first error
	for _, d := range list {
		c, err := dbus.Dial(d.path, deadline)
		if err == nil && d.bus {
			if err = c.Hello(); err != nil {
				c.Close()
			}
		}
		if err == nil {
			return &connection{c, d.bus}, nil
		}
		// That a socket is there and we are kept out says more than that one isn't.
		if first == nil || errors.Is(first, unix.ENOENT) {
			first = err
		}
	}
	whose := "systemd"
	if user {
		whose = "the user's systemd (is there a session? see loginctl enable-linger)"
	}
	return nil, fmt.Errorf("reach %s: %w", whose, first)
}

// call calls a method of systemd's manager.
func (c *connection) call(method string, args ...dbus.Value) (*dbus.Message, error) {
	return c.Call(&dbus.Call{Destination: service, Path: object, Interface: manager, Member: method, Args: args})
}

// property reads a text of the manager's.
func (c *connection) property(name string) (string, error) {
	m, err := c.Call(&dbus.Call{
		Destination: service, Path: object, Interface: "org.freedesktop.DBus.Properties", Member: "Get",
		Args: []dbus.Value{dbus.String(manager), dbus.String(name)},
	})
	if err != nil {
		return "", fmt.Errorf("ask systemd for its %s: %w", name, err)
	}
	r := m.Body()
	return r.VariantString(), r.Err()
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
func (c *connection) job(method string, args ...dbus.Value) error {
	if err := c.Want("JobRemoved", c.bus); err != nil {
		return err
	}
	m, err := c.call(method, args...)
	if err != nil {
		return err
	}
	r := m.Body()
	mine := r.String()
	if err := r.Err(); err != nil {
		return err
	}
	for {
		m, err := c.Signal()
		if err != nil {
			return fmt.Errorf("wait for systemd: %w", err)
		}
		r := m.Body()
		_, path, _, result := r.Uint32(), r.String(), r.String(), r.String()
		switch {
		case r.Err() != nil:
			return r.Err()
		case path != mine:
		case result == "done":
			return nil
		default:
			return fmt.Errorf("systemd's job ended as %q", result)
		}
	}
}

// is tells whether systemd answered with an error of this name.
func is(err error, name string) bool {
	var e *dbus.Error
	return errors.As(err, &e) && e.Name == name
}
