package systemd

import (
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
			f.Properties = append(f.Properties, p.String())
		}
	}
	return f, nil
}
