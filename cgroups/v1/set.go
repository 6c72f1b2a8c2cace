package v1

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/cgroups/device"
)

// Set changes limits of the running container. The
// device rules come last: what precedes can be taken back without letting
// anything be opened meanwhile.
func (m *Manager) Set(r, old *specs.LinuxResources) error {
	var p plan
	if err := m.limits(&p, r); err != nil {
		return err
	}
	var c cgfile.Changes
	defer c.Close()
	err := m.limit(&c, &p)
	if err == nil && m.unified != nil {
		if m.find("memory") == nil {
			err = m.unified.CheckMemory(r.Memory)
		}
		if err == nil {
			err = m.unified.Limit(&c, p.unified.Writes)
		}
	}
	if err == nil && len(r.Devices) > 0 {
		switch {
		case m.find("devices") != nil:
			err = m.rules(r.Devices, old)
		case m.unified != nil:
			err = m.unified.Rules(r.Devices)
		default:
			err = ErrNoDevices
		}
	}
	return cgroups.Undone(err, &c)
}

// limit does the writes of a Set to the v1 hierarchies.
func (m *Manager) limit(c *cgfile.Changes, p *plan) error {
	for i := range m.trees {
		writes := cgfile.Final(p.of(&m.trees[i]))
		if len(writes) == 0 {
			continue
		}
		d, err := c.Open(m.trees[i].dir)
		if err != nil {
			return err
		}
		if err := c.Apply(d, order(writes, d.Number)); err != nil {
			return explain(d, err)
		}
	}
	return nil
}

// explain says how much memory is used when that is why a limit was refused.
// The text is runc's, with the field before.
func explain(d cgfile.Dir, err error) error {
	w, ok := errors.AsType[*cgfile.WriteError](err)
	if !ok || !errors.Is(w.Err, unix.EBUSY) || w.File != limitFile {
		return err
	}
	used, ok1 := d.Number("memory.usage_in_bytes")
	peak, ok2 := d.Number("memory.max_usage_in_bytes")
	if !ok1 || !ok2 {
		return err
	}
	return fmt.Errorf("%s: unable to set memory limit to %s (current usage: %d, peak usage: %d)", w.Field, w.Value, used, peak)
}

// order arranges writes to files whose values the kernel compares. Memory is
// never above memory and swap, nor a burst or a real-time runtime above its
// quota or period. A quota and its period in between allow less, not more, than
// before and after: a parent's limit is never met.
func order(writes []cgfile.Write, now func(file string) (uint64, bool)) []cgfile.Write {
	if grows(writes, memswFile, now) {
		writes = cgfile.Arrange(writes, memswFile, limitFile)
	} else {
		writes = cgfile.Arrange(writes, limitFile, memswFile)
	}
	cpu := []string{quotaFile, periodFile}
	if grows(writes, periodFile, now) {
		cpu = []string{periodFile, quotaFile}
	}
	if grows(writes, burstFile, now) {
		cpu = append(cpu, burstFile)
	} else {
		cpu = append([]string{burstFile}, cpu...)
	}
	writes = cgfile.Arrange(writes, cpu...)
	if grows(writes, rtPeriodFile, now) {
		return cgfile.Arrange(writes, rtPeriodFile, rtRuntimeFile)
	}
	return cgfile.Arrange(writes, rtRuntimeFile, rtPeriodFile)
}

// grows tells whether the writes raise the value of a file. -1 is no limit.
func grows(writes []cgfile.Write, file string, now func(file string) (uint64, bool)) bool {
	for i := range writes {
		if writes[i].File != file {
			continue
		}
		was, ok := now(file)
		if !ok {
			return false
		}
		n, err := strconv.ParseUint(writes[i].Value, 10, 64)
		return err != nil || n > was
	}
	return false
}

// freezeTimeout bounds the wait for the processes to stop while rules change.
const freezeTimeout = 10 * time.Second

// rules goes from the device rules in force to others.
func (m *Manager) rules(configured []specs.LinuxDeviceCgroup, old *specs.LinuxResources) error {
	var before []specs.LinuxDeviceCgroup
	if old != nil {
		before = old.Devices
	}
	known, err := device.Rules(before)
	if err != nil {
		return err
	}
	list, err := device.Rules(configured)
	if err != nil {
		return err
	}
	d, err := cgfile.OpenDir(m.find("devices").dir)
	if err != nil {
		return err
	}
	defer d.Close()
	text, err := d.Read("devices.list")
	if err != nil {
		return err
	}
	from, err := device.ParseV1(text, known)
	if err != nil {
		return err
	}
	to, err := list.V1(from.Allow)
	if err != nil {
		return err
	}
	writes, unsafe := device.V1Change(from, to)
	change := func() error {
		err := d.Apply(writes)
		if err != nil {
			back, _ := device.V1Change(to, from)
			if berr := d.Apply(back); berr != nil {
				err = fmt.Errorf("%w; taking it back failed: %w", err, berr)
			}
		}
		return err
	}
	if unsafe {
		return m.whileFrozen(change)
	}
	return change()
}

// whileFrozen calls f while no process of the container runs.
func (m *Manager) whileFrozen(f func() error) (err error) {
	by, err := m.FrozenBy()
	if err != nil {
		return err
	}
	if by != "" {
		return f()
	}
	if err := m.Freeze(freezeTimeout, nil); err != nil {
		return fmt.Errorf("linux.resources.devices: %w", err)
	}
	defer func() {
		if terr := m.Thaw(); err == nil {
			err = terr
		}
	}()
	return f()
}
