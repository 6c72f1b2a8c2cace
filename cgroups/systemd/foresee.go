package systemd

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
)

// Foresee says what Make would do. A process that holds a scope isn't among the properties: it doesn't exist yet.
func (m *Manager) Foresee(r *specs.LinuxResources) (*cgroups.Forecast, error) {
	if err := m.check(r); err != nil {
		return nil, err
	}
	outside, err := m.outside()
	if err != nil {
		return nil, err
	}
	early, late := split(r, outside)
	c, err := m.connect()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	limits, err := m.properties(c, early)
	if err != nil {
		return nil, err
	}
	if !m.unified() {
		devices, err := m.devices(r)
		if err != nil {
			return nil, err
		}
		limits = append(limits, devices...)
	}
	f, err := m.Inner.Foresee(early)
	if err != nil {
		return nil, err
	}
	if late != nil {
		then, err := m.Inner.Foresee(late)
		if err != nil {
			return nil, err
		}
		f.Writes = append(f.Writes, then.Writes...)
	}
	f.Unit, f.Slice = m.unit.Name, m.unit.Slice
	for _, p := range m.list(limits) {
		if p.Name != "PIDs" {
			f.Properties = append(f.Properties, p.Name+"="+shown(p.Value.Value()))
		}
	}
	return f, nil
}

// shown is a value as `systemctl show` prints it, more or less.
func shown(v any) string {
	switch v := v.(type) {
	case uint64:
		if v == infinity {
			return "infinity"
		}
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []string:
		return strings.Join(v, " ")
	}
	return fmt.Sprint(v)
}
