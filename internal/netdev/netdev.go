// Package netdev moves network devices into a container's network namespace
// (linux.netDevices of the runtime-spec).
//
// The kernel shuts a device down when it moves it, and drops its addresses; it
// keeps its other attributes. So the permanent addresses are read before and
// added again afterwards, and the device is set up in its new place.
package netdev

import (
	"fmt"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A Device is to be moved.
type Device struct {
	Host string // its name on the host
	// Name is the one that it gets; "": the same. "%d" in it has the kernel choose a
	// number.
	Name string
}

func (d *Device) name() string {
	if d.Name != "" {
		return d.Name
	}
	return d.Host
}

func (d *Device) template() bool { return strings.Contains(d.name(), "%d") }

// A Mover moves devices from our network namespace to another one, and back
// while its user isn't content.
type Mover struct {
	host, target *space
	moved        []moved
}

// moved is a device that is in the other namespace by now, or may be: of who asks the kernel and doesn't get the answer.
type moved struct {
	device Device
	there  map[string]int // the others
	was    *link
	addrs  []address
}

// Open prepares for moves to the network namespace that the descriptor is a file
// of. It takes the descriptor over, also when it fails.
func Open(fd int) (*Mover, error) {
	own, err := netns.Get()
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	host, err := openSpace(own)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	target, err := openSpace(netns.NsHandle(fd))
	if err != nil {
		host.close()
		return nil, fmt.Errorf("open netlink socket in the container's network namespace: %w", err)
	}
	return &Mover{host: host, target: target}, nil
}

// Close lets go of both namespaces. Devices stay where they are.
func (m *Mover) Close() {
	m.host.close()
	m.target.close()
}

// Move moves a device. An error of EEXIST means that the name is taken.
func (m *Mover) Move(d Device) error {
	was, err := m.host.link(d.Host)
	if err != nil {
		return fmt.Errorf("find device: %w", err)
	}
	addrs, err := m.host.addresses(was.index)
	if err != nil {
		return fmt.Errorf("read addresses: %w", err)
	}
	there, err := m.target.names()
	if err != nil {
		return fmt.Errorf("list the container's devices: %w", err)
	}
	if !d.template() && there[d.name()] != 0 {
		return fmt.Errorf("the container has a device %s already: %w", d.name(), unix.EEXIST)
	}
	m.moved = append(m.moved, moved{d, there, was, addrs})
	if err := m.host.send(was.index, m.target.netns, d.name()); err != nil {
		return fmt.Errorf("move to the container: %w", err)
	}
	name, index, err := m.target.arrived(there, d)
	if err != nil {
		return err
	}
	return m.target.configure(index, name, d.Host, addrs, true)
}

// Undo brings all devices back and gives them what they had. What can't be
// brought back ends with the namespace, or is given back to the host by it.
func (m *Mover) Undo() {
	if len(m.moved) > 0 {
		m.host.renew()
		m.target.renew()
	}
	for i := len(m.moved) - 1; i >= 0; i-- {
		d := &m.moved[i]
		if now, err := m.host.link(d.was.name); err == nil && now.index == d.was.index {
			continue // it hasn't gone
		}
		_, index, err := m.target.arrived(d.there, d.device)
		if err != nil {
			continue
		}
		if m.target.send(index, m.host.netns, d.was.name) != nil {
			continue
		}
		if back, err := m.host.link(d.was.name); err == nil {
			_ = m.host.configure(back.index, d.was.name, d.was.name, d.addrs, d.was.up)
		}
	}
	m.moved = nil
}

// configure gives a device its addresses, and sets it up.
func (s *space) configure(index int, name, before string, addrs []address, up bool) error {
	for _, a := range addrs {
		if err := s.addAddress(index, name, before, a); err != nil {
			return fmt.Errorf("add address %s: %w", a, err)
		}
	}
	if !up {
		return nil
	}
	if err := s.setUp(index); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return nil
}

// arrived finds a device that has come to the others. Its index may be a new one,
// its name the kernel's choice.
func (s *space) arrived(others map[string]int, d Device) (name string, index int, err error) {
	now, err := s.names()
	if err != nil {
		return "", 0, fmt.Errorf("list the container's devices: %w", err)
	}
	if !d.template() {
		if index = now[d.name()]; index == 0 {
			return "", 0, fmt.Errorf("find device %s in the container: %w", d.name(), unix.ENODEV)
		}
		return d.name(), index, nil
	}
	prefix, suffix, _ := strings.Cut(d.name(), "%d")
	for n, i := range now {
		if others[n] == 0 && strings.HasPrefix(n, prefix) && strings.HasSuffix(n, suffix) {
			return n, i, nil
		}
	}
	return "", 0, fmt.Errorf("find device %s in the container: %w", d.name(), unix.ENODEV)
}

// attribute is a route attribute with a text.
func attribute(kind int, text string) *nl.RtAttr { return nl.NewRtAttr(kind, nl.ZeroTerminated(text)) }
