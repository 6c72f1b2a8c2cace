package v2

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/cgroups/device"
)

// Set changes limits of the running container. The
// device program comes last: replacing it is one step.
func (m *Manager) Set(r, _ *specs.LinuxResources) error {
	writes := append(Writes(r), Unified(r)...)
	if err := cgfile.Possible(writes); err != nil {
		return err
	}
	var c cgfile.Changes
	defer c.Close()
	err := m.CheckMemory(r.Memory)
	if err == nil {
		err = m.Limit(&c, writes)
	}
	if err == nil && len(r.Devices) > 0 {
		err = m.Rules(r.Devices)
	}
	return cgroups.Undone(err, &c)
}

// Limit does the writes of a Set, as far as their controllers are there. A
// hybrid host's are enabled when the first limit needs them.
func (m *Manager) Limit(c *cgfile.Changes, writes []cgfile.Write) error {
	if len(writes) == 0 {
		return nil
	}
	d, err := c.Open(m.dir)
	if err != nil {
		return err
	}
	text, err := d.Read("cgroup.controllers")
	if err != nil {
		return err
	}
	enabled := strings.Fields(text)
	k := controllers{need: writes}
	for i := range writes {
		if k.needs(writes[i].Controller) && writes[i].Controller != core && len(minus([]string{writes[i].Controller}, enabled)) > 0 {
			if enabled, err = m.enable(writes, enabled); err != nil {
				return err
			}
			break
		}
	}
	if writes, err = available(writes, enabled, m.dir); err != nil {
		return err
	}
	return c.Apply(d, order(cgfile.Final(writes), d.Number))
}

// enable hands down to the cgroup what the writes need. The mountpoint isn't
// known of a container that exists; it is the last directory above that is still
// of cgroup v2.
func (m *Manager) enable(writes []cgfile.Write, have []string) ([]string, error) {
	mount := path.Dir(m.dir)
	for up := path.Dir(mount); up != mount; up = path.Dir(up) {
		var fs unix.Statfs_t
		if err := unix.Statfs(up, &fs); err != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
			break
		}
		mount = up
	}
	base, err := cgfile.OpenDir(mount)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	parent, ok := strings.CutPrefix(path.Dir(m.dir), mount)
	if parent = strings.TrimPrefix(parent, "/"); !ok || parent == "" {
		parent = "."
	}
	c := controllers{base: base, parent: parent, need: writes}
	enabled, err := c.enable(false)
	return append(enabled, have...), err
}

// order puts the writes to the quota and its burst in an order in which the
// burst is never above the quota.
func order(writes []cgfile.Write, now func(file string) (uint64, bool)) []cgfile.Write {
	const quota, burst = "cpu.max", "cpu.max.burst"
	for i := range writes {
		if writes[i].File != burst {
			continue
		}
		if was, ok := now(burst); ok && above(writes[i].Value, was) {
			return cgfile.Arrange(writes, quota, burst)
		}
	}
	return cgfile.Arrange(writes, burst, quota)
}

func above(value string, was uint64) bool {
	n, err := strconv.ParseUint(value, 10, 64)
	return err == nil && n > was
}

// CheckMemory refuses a limit below what is used when checkBeforeUpdate asks for
// that: the kernel would take it, and kill. What can't be read is no reason to
// refuse. The texts are runc's, with the field before.
func (m *Manager) CheckMemory(want *specs.LinuxMemory) error {
	if want == nil || want.CheckBeforeUpdate == nil || !*want.CheckBeforeUpdate {
		return nil
	}
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return cgfile.UnlessGone(err)
	}
	defer d.Close()
	used, ok := d.Number("memory.current")
	for _, l := range [...]struct {
		limit       *int64
		field, name string
	}{{want.Swap, "swap", "memory+swap"}, {want.Limit, "limit", "memory"}} {
		if ok && l.limit != nil && *l.limit > 0 && uint64(*l.limit) <= used {
			return fmt.Errorf("linux.resources.memory.%s: rejecting %s limit %d <= usage %d", l.field, l.name, *l.limit, used)
		}
	}
	return nil
}

// Rules replaces the device program by one for the rules.
func (m *Manager) Rules(configured []specs.LinuxDeviceCgroup) error {
	rules, err := device.Rules(configured)
	if err != nil {
		return err
	}
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := device.Replace(d.FD(), device.Compile(rules)); err != nil {
		return fmt.Errorf("linux.resources.devices: cgroup %s: %w", m.dir, err)
	}
	return nil
}
