package v1

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/cgroups/device"
	v2 "github.com/rung-oci/rung/cgroups/v2"
)

// ErrNoDevices is the cause of a Make on a host where nothing can control devices.
var ErrNoDevices = errors.New("linux.resources.devices: the devices controller is not available")

// plan is what Make writes: first by v1 tree, then on the unified side.
type plan struct {
	writes  []cgfile.Write
	unified v2.Plan
}

// Protect attaches the device program of the unified side. The v1 list of devices is complete already.
func (m *Manager) Protect() error {
	if m.unified == nil {
		return nil
	}
	return m.unified.Protect()
}

// Adopt says that Make will find cgroups that were made for it, in which a process
// may keep their place. pid is 0 if none does.
func (m *Manager) Adopt(pid int) {
	m.holder = pid
	if m.unified != nil {
		m.unified.Adopt(pid)
	}
}

// Born has nothing to complete.
func (m *Manager) Born() error { return nil }

// Make makes the cgroup in every hierarchy.
func (m *Manager) Make(r *specs.LinuxResources) (err error) {
	p, err := m.plan(r)
	if err != nil {
		return err
	}
	var made []string
	defer func() {
		if err != nil {
			cgfile.Undo(made)
		}
	}()
	for i := range m.trees {
		t := &m.trees[i]
		more, err := t.make(p.of(t), m.holder)
		made = append(made, more...)
		if err != nil {
			return err
		}
	}
	// Last, because it undoes itself.
	if m.unified != nil {
		err = m.unified.Apply(p.unified)
	}
	return err
}

// plan splits the resources between the v1 hierarchies and the unified one: a
// controller is bound to one of them.
func (m *Manager) plan(r *specs.LinuxResources) (p plan, err error) {
	var configured []specs.LinuxDeviceCgroup
	if r != nil {
		configured = r.Devices
	}
	rules, err := device.Rules(configured)
	if err != nil {
		return p, err
	}
	if err := m.limits(&p, r); err != nil {
		return p, err
	}
	program := device.Compile(rules)
	switch {
	case m.find("devices") != nil:
		writes, err := device.V1(rules)
		p.writes = append(p.writes, writes...)
		return p, err
	case m.unified != nil:
		p.unified.Devices = program
	case program != nil:
		return p, ErrNoDevices
	}
	return p, nil
}

// limits plans the limits, each where its controller is.
func (m *Manager) limits(p *plan, r *specs.LinuxResources) error {
	for _, w := range Writes(r) {
		if m.find(w.Controller) != nil {
			p.writes = append(p.writes, w)
		} else if m.unified == nil && !w.Unlimited {
			return fmt.Errorf("%s: the %s controller is not mounted", w.Field, w.Controller)
		}
	}
	if m.unified != nil {
		p.unified.Writes = slices.DeleteFunc(v2.Writes(r), func(w cgfile.Write) bool { return m.find(cgroups.V1Name(w.Controller)) != nil })
		for i := range p.unified.Writes {
			// What only v1 has must be had where there is v1.
			if w := &p.unified.Writes[i]; w.File == "" {
				w.Impossible = w.Ignorable
			}
		}
	}
	for _, w := range v2.Unified(r) {
		switch {
		case m.unified == nil:
			w.Impossible = "cgroup v2 is not mounted"
		case m.find(cgroups.V1Name(w.Controller)) != nil:
			w.Impossible = "the " + w.Controller + " controller is on cgroup v1"
		}
		p.unified.Writes = append(p.unified.Writes, w)
	}
	if err := cgfile.Possible(p.writes); err != nil {
		return err
	}
	return cgfile.Possible(p.unified.Writes)
}

// of returns the writes for one hierarchy.
func (p *plan) of(t *tree) []cgfile.Write {
	var out []cgfile.Write
	for _, w := range p.writes {
		if slices.Contains(t.keys, w.Controller) {
			out = append(out, w)
		}
	}
	return out
}

// make makes the directory, and returns what it made also next to an error.
func (t *tree) make(writes []cgfile.Write, holder int) (made []string, err error) {
	rel, ok := strings.CutPrefix(t.dir, t.mount+"/")
	if !ok || t.mount == "" {
		return nil, fmt.Errorf("create cgroup %s: not below the mount %q", t.dir, t.mount)
	}
	base, err := cgfile.OpenDir(t.mount)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	leaf, made, err := cgfile.Make(base, rel)
	if err != nil {
		return made, err
	}
	defer leaf.Close()
	if len(made) == 0 {
		if err := cgroups.CheckEmpty(leaf, holder); err != nil {
			return made, err
		}
	}
	if slices.Contains(t.keys, "freezer") {
		if err := notFrozen(leaf); err != nil {
			return made, err
		}
	}
	if slices.Contains(t.keys, "cpuset") {
		if err := inherit(base, rel); err != nil {
			return made, err
		}
	}
	if len(made) > 0 {
		writes = cgfile.Fresh(writes)
	}
	return made, leaf.Apply(writes)
}

// notFrozen looks at the effective state: under a frozen parent the container's
// first process would stop as it enters.
func notFrozen(leaf cgfile.Dir) error {
	text, err := leaf.Read(stateFile)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err == nil && strings.TrimSpace(text) != thawed {
		return fmt.Errorf("%w: %s", cgroups.ErrFrozen, leaf.Path())
	}
	return err
}
