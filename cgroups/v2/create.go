package v2

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/cgroups/device"
)

// Plan is what [Manager.Apply] does beside making the directory.
type Plan struct {
	// Writes are the limits.
	Writes []cgfile.Write
	// Devices is attached by [Manager.Protect].
	Devices device.Program
	// Everything enables every controller that the host has, so that usage can
	// be read and limits can be set later. Otherwise only those of Writes.
	Everything bool
}

// Protect attaches the device program.
func (m *Manager) Protect() error {
	if m.devices == nil {
		return nil
	}
	leaf, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return err
	}
	defer leaf.Close()
	if err := device.Attach(leaf.FD(), m.devices); err != nil {
		return fmt.Errorf("linux.resources.devices: cgroup %s: %w", m.dir, err)
	}
	return nil
}

// Adopt says that Make will find a cgroup that was made for it, in which a process
// may keep its place. pid is 0 if none does.
func (m *Manager) Adopt(pid int) { m.holder = pid }

// Born has nothing to complete.
func (m *Manager) Born() error { return nil }

// Make makes the cgroup.
func (m *Manager) Make(r *specs.LinuxResources) error {
	p, err := planOf(r)
	if err != nil {
		return err
	}
	return m.Apply(p)
}

// planOf is what Make applies.
func planOf(r *specs.LinuxResources) (Plan, error) {
	p := Plan{Writes: append(Writes(r), Unified(r)...), Everything: true}
	if err := cgfile.Possible(p.Writes); err != nil {
		return p, err
	}
	var configured []specs.LinuxDeviceCgroup
	if r != nil {
		configured = r.Devices
	}
	rules, err := device.Rules(configured)
	if err != nil {
		return p, err
	}
	p.Devices = device.Compile(rules)
	return p, nil
}

// Apply makes the cgroup and carries out the plan, or removes what it made.
func (m *Manager) Apply(p Plan) (err error) {
	rel, ok := strings.CutPrefix(m.dir, m.mount+"/")
	if !ok || m.mount == "" {
		return fmt.Errorf("create cgroup %s: not below the mount %q", m.dir, m.mount)
	}
	base, err := cgfile.OpenDir(m.mount)
	if err != nil {
		return err
	}
	defer base.Close()
	leaf, made, err := cgfile.Make(base, rel)
	defer func() {
		if err != nil {
			cgfile.Undo(made)
		}
	}()
	if err != nil {
		return err
	}
	defer leaf.Close()
	if err := m.usable(leaf, len(made) > 0); err != nil {
		return err
	}
	c := controllers{base: base, parent: path.Dir(rel), need: p.Writes}
	enabled, err := c.enable(p.Everything)
	if err != nil {
		return err
	}
	if err := domain(leaf); err != nil {
		// Threaded controllers may have done it, to a parent with processes.
		c.disable()
		return err
	}
	writes, err := available(p.Writes, enabled, m.dir)
	if err != nil {
		return err
	}
	if len(made) > 0 {
		writes = cgfile.Fresh(writes)
	}
	if err := leaf.Apply(writes); err != nil {
		return err
	}
	m.devices = p.Devices
	return nil
}

// domain refuses a cgroup in which no process can start, because one above it
// is threaded or became a threaded domain.
func domain(leaf cgfile.Dir) error {
	kind, err := leaf.Read("cgroup.type")
	if err != nil {
		return err
	}
	if kind = strings.TrimSpace(kind); kind == "threaded" || kind == "domain invalid" {
		return fmt.Errorf("linux.cgroupsPath: cgroup %s is %s, because a cgroup above it is threaded: %w", leaf.Path(), kind, unix.EOPNOTSUPP)
	}
	return nil
}

// usable refuses a cgroup that belongs to somebody, and one that is frozen: a
// process born there would never run.
func (m *Manager) usable(leaf cgfile.Dir, fresh bool) error {
	if !fresh {
		if err := cgroups.CheckEmpty(leaf, m.holder); err != nil {
			return err
		}
		if err := childless(leaf); err != nil {
			return err
		}
	}
	events, err := leaf.Read("cgroup.events")
	if err != nil {
		return err
	}
	if frozen, _ := cgfile.Stat(events, "frozen"); frozen == "1" {
		return fmt.Errorf("%w: %s", cgroups.ErrFrozen, leaf.Path())
	}
	return nil
}

// threaded are the controllers that a cgroup may hand down and have processes of its own nevertheless.
var threaded = [...]string{"cpu", "cpuset", "perf_event", "pids"}

// childless refuses a cgroup that hands controllers to those below it: the kernel lets no process be born there, and says no more than that it is busy.
func childless(leaf cgfile.Dir) error {
	hands, err := leaf.Read("cgroup.subtree_control")
	if err != nil {
		return err
	}
	list := slices.DeleteFunc(strings.Fields(hands), func(c string) bool { return slices.Contains(threaded[:], c) })
	if len(list) > 0 {
		return fmt.Errorf("linux.cgroupsPath: no process can be in cgroup %s, which hands controllers to cgroups below it (cgroup.subtree_control: %s): %w", leaf.Path(), strings.Join(list, " "), unix.EBUSY)
	}
	return nil
}

// Takes tells why no container can be made in a cgroup that is there, nil if one can. It changes nothing.
func Takes(dir string) error {
	return cgfile.In(dir, func(d cgfile.Dir) error { return new(Manager).usable(d, false) })
}

// available drops writes that take away a limit nothing can set and those that may be
// ignored, and refuses the others whose controller is missing.
func available(writes []cgfile.Write, enabled []string, dir string) ([]cgfile.Write, error) {
	var out []cgfile.Write
	for _, w := range writes {
		switch {
		case w.File == "" && w.Ignorable != "":
		case w.Controller == core || slices.Contains(enabled, w.Controller):
			out = append(out, w)
		case !w.Unlimited && w.Ignorable == "":
			return nil, fmt.Errorf("%s: the %s controller is not available in %s", w.Field, w.Controller, dir)
		}
	}
	return out, nil
}
