package systemd

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/device"
)

// Set changes the unit's properties, so that systemd doesn't take the old limits
// back, and then the cgroup's files.
func (m *Manager) Set(r, old *specs.LinuxResources) error {
	if err := m.check(r); err != nil {
		return err
	}
	c, err := m.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := m.settable(c, r)
	if err != nil {
		return err
	}
	before, err := m.settable(c, old)
	if err != nil {
		return err
	}
	if err := m.quietly(c, list); err != nil {
		return err
	}
	if err := m.Inner.Set(r, old); err != nil {
		return errors.Join(err, m.back(c, restore(list, before), old))
	}
	return nil
}

// back takes properties back. Their values were rounded, so the files follow.
func (m *Manager) back(c *connection, list []Property, old *specs.LinuxResources) error {
	if err := m.quietly(c, list); err != nil || len(list) == 0 || old == nil {
		return err
	}
	limits := *old
	limits.Devices = nil // as they were
	return m.Inner.Set(&limits, old)
}

// settable is what resources are to the unit while it runs. On v1 the list of
// devices is only said anew with others that change.
func (m *Manager) settable(c *connection, r *specs.LinuxResources) ([]Property, error) {
	list, err := m.properties(c, r)
	if err != nil || m.unified() || r == nil || len(r.Devices) == 0 {
		return list, err
	}
	devices, err := m.devices(r)
	return append(list, devices...), err
}

// devices are the properties of the device rules.
func (m *Manager) devices(r *specs.LinuxResources) ([]Property, error) {
	var rules []specs.LinuxDeviceCgroup
	if r != nil {
		rules = r.Devices
	}
	all, err := device.Rules(rules)
	if err != nil {
		return nil, err
	}
	drivers, err := ReadDrivers()
	return Devices(all, drivers), err
}

// restore are the values that properties had before, or what they are by default.
func restore(changed, before []Property) (list []Property) {
	for _, p := range changed {
		i := slices.IndexFunc(before, func(b Property) bool { return b.Name == p.Name })
		switch {
		case i >= 0:
			list = append(list, before[i])
		case p.Value.Signature() == dbus.SignatureOf(infinity):
			list = append(list, property(p.Name, infinity))
		case p.Value.Signature() == dbus.SignatureOf([]byte{}):
			list = append(list, property(p.Name, []byte{}))
		}
	}
	return list
}

// quietly sets properties. On v1 systemd takes all devices away before it gives
// them back, which nobody in the container is to see.
func (m *Manager) quietly(c *connection, list []Property) (err error) {
	if m.unified() || len(list) == 0 {
		return m.set(c, list)
	}
	frozen, err := m.Frozen()
	if err != nil {
		return err
	}
	if !frozen {
		if err := m.Freeze(freezeTimeout, nil); err != nil {
			return err
		}
		defer func() {
			if terr := m.Thaw(); terr != nil && err == nil {
				err = fmt.Errorf("thaw container: %w", terr)
			}
		}()
	}
	return m.set(c, list)
}

const freezeTimeout = 10 * time.Second

// unified tells whether the container has a cgroup v2 and no other.
func (m *Manager) unified() bool {
	_, ok := m.Location()[""]
	return ok && len(m.Location()) == 1
}
