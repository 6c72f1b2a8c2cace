package spec

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// ValidateResources checks linux.resources alone, as an update has it. Paths in
// its errors begin with "linux.resources".
func ValidateResources(r *specs.LinuxResources) error {
	c := checker{s: &specs.Spec{}}
	c.resources(r)
	if len(c.errs) == 0 {
		return nil
	}
	return documentErrors{c.errs}
}

// badResource notes a problem of linux.resources.
func (c *checker) badResource(msg string, path ...any) {
	c.bad(msg, append([]any{"linux", "resources"}, path...)...)
}

func (c *checker) resources(r *specs.LinuxResources) {
	for i := range r.Devices {
		c.deviceRule(i, &r.Devices[i])
	}
	if r.Memory != nil {
		c.memory(r.Memory)
	}
	if r.CPU != nil {
		c.cpu(r.CPU)
	}
	if r.Pids != nil {
		c.limit(r.Pids.Limit, "pids", "limit")
	}
	if r.BlockIO != nil {
		c.blockIO(r.BlockIO)
	}
	for i, l := range r.HugepageLimits {
		if !pageSize(l.Pagesize) {
			c.badResource("must be a number and KB, MB or GB", "hugepageLimits", i, "pageSize")
		}
	}
	if r.Network != nil {
		for i, p := range r.Network.Priorities {
			if p.Name == "" || strings.ContainsAny(p.Name, " \t\n\x00/") {
				c.badResource("must be the name of an interface", "network", "priorities", i, "name")
			}
		}
	}
	for _, name := range sortedKeys(r.Rdma) {
		if l := r.Rdma[name]; l.HcaHandles == nil && l.HcaObjects == nil {
			c.badResource("must have hcaHandles or hcaObjects", "rdma", key(name))
		}
		if name == "" || strings.ContainsAny(name, " \t\n\x00") {
			c.badResource("must be the name of a device", "rdma", key(name))
		}
	}
	for _, file := range sortedKeys(r.Unified) {
		c.unified(file, r.Unified[file])
	}
}

// limit checks an optional number of which -1 means any.
func (c *checker) limit(n *int64, path ...any) {
	if n != nil && *n < -1 {
		c.badResource("must be -1 for no limit, or more", path...)
	}
}

func (c *checker) memory(m *specs.LinuxMemory) {
	c.limit(m.Limit, "memory", "limit")
	c.limit(m.Reservation, "memory", "reservation")
	c.limit(m.Swap, "memory", "swap")
	if m.Swap != nil && *m.Swap > 0 {
		switch {
		case m.Limit == nil || *m.Limit == 0:
			c.badResource("unable to set swap limit without memory limit", "memory", "swap")
		case *m.Limit == -1:
			c.badResource("must be -1 too when memory.limit is: it counts memory and swap", "memory", "swap")
		case *m.Swap < *m.Limit:
			c.badResource("must not be less than memory.limit: it counts memory and swap", "memory", "swap")
		}
	}
	if m.Swappiness != nil && *m.Swappiness > 100 {
		c.badResource("must be from 0 to 100", "memory", "swappiness")
	}
}

func (c *checker) cpu(p *specs.LinuxCPU) {
	c.limit(p.Quota, "cpu", "quota")
	if p.Quota != nil && *p.Quota > 0 && *p.Quota < 1000 {
		c.badResource("must be 1000 or more: no kernel takes less than a millisecond", "cpu", "quota")
	}
	if p.Period != nil && *p.Period != 0 && (*p.Period < 1000 || *p.Period > 1000000) {
		c.badResource("must be from 1000 to 1000000", "cpu", "period") // the kernel's 1 ms to 1 s
	}
	c.limit(p.RealtimeRuntime, "cpu", "realtimeRuntime")
	if p.Burst != nil && p.Quota != nil && *p.Quota > 0 && *p.Burst > uint64(*p.Quota) {
		c.badResource("must not be more than cpu.quota", "cpu", "burst")
	}
	if p.Idle != nil && *p.Idle != 0 && *p.Idle != 1 {
		c.badResource("must be 0 or 1", "cpu", "idle")
	}
	for _, list := range [...]struct{ text, field string }{{p.Cpus, "cpus"}, {p.Mems, "mems"}} {
		// What the kernel takes: numbers, ranges, groups of them as in 0-31:1/2, N for the last, all (bitmap_parselist).
		if strings.Trim(list.text, "0123456789-,:/ Nal") != "" {
			c.badResource("must be a list of numbers", "cpu", list.field)
		}
	}
}

func (c *checker) blockIO(b *specs.LinuxBlockIO) {
	weight := func(w *uint16, path ...any) {
		if w != nil && *w != 0 && (*w < 10 || *w > 1000) {
			c.badResource("must be from 10 to 1000", append([]any{"blockIO"}, path...)...)
		}
	}
	weight(b.Weight, "weight")
	weight(b.LeafWeight, "leafWeight")
	for i := range b.WeightDevice {
		d := &b.WeightDevice[i]
		weight(d.Weight, "weightDevice", i, "weight")
		weight(d.LeafWeight, "weightDevice", i, "leafWeight")
		c.blockDevice(&d.LinuxBlockIODevice, "weightDevice", i)
	}
	for _, l := range [...]struct {
		field string
		list  []specs.LinuxThrottleDevice
	}{
		{"throttleReadBpsDevice", b.ThrottleReadBpsDevice},
		{"throttleWriteBpsDevice", b.ThrottleWriteBpsDevice},
		{"throttleReadIOPSDevice", b.ThrottleReadIOPSDevice},
		{"throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice},
	} {
		for i := range l.list {
			c.blockDevice(&l.list[i].LinuxBlockIODevice, l.field, i)
		}
	}
}

func (c *checker) blockDevice(d *specs.LinuxBlockIODevice, field string, i int) {
	if d.Major < 0 || d.Major > maxMajor {
		c.badResource("must be from 0 to 4095", "blockIO", field, i, "major")
	}
	if d.Minor < 0 || d.Minor > maxMinor {
		c.badResource("must be from 0 to 1048575", "blockIO", field, i, "minor")
	}
}

// pageSize tells whether s is a number and a unit, as the kernel names the files.
func pageSize(s string) bool {
	digits := strings.TrimRight(s, "KMGB")
	unit := s[len(digits):]
	return digits != "" && digits[0] != '0' && strings.Trim(digits, "0123456789") == "" && (unit == "KB" || unit == "MB" || unit == "GB")
}

// A cgroup file that isn't a setting moves, stops or ends processes.
var noSettings = map[string]bool{
	"cgroup.procs": true, "cgroup.threads": true, "cgroup.kill": true, "cgroup.freeze": true, "cgroup.type": true, "cgroup.subtree_control": true,
}

func (c *checker) unified(file, value string) {
	controller, setting, _ := strings.Cut(file, ".")
	switch {
	case controller == "" || setting == "" || strings.ContainsAny(file, "/\x00\n"):
		c.badResource("must be named like a file of a cgroup, controller.setting", "unified", key(file))
	case noSettings[file]:
		c.badResource("is not a setting", "unified", key(file))
	case strings.Contains(value, "\x00"):
		c.badResource("must not contain a NUL byte", "unified", key(file))
	}
}

// ResourceWarnings is what [Warnings] says of linux.resources.
func ResourceWarnings(r *specs.LinuxResources) []string {
	var odd Errors
	odd.ofResources(r)
	return odd.texts()
}

// ofResources is about what the specification lets a runtime ignore.
func (e *Errors) ofResources(r *specs.LinuxResources) {
	if r == nil {
		return
	}
	for i, d := range r.Devices {
		if strings.Trim(d.Access, accessLetters) != "" && len(*e) < maxErrors {
			e.add("only r, w and m count in "+quote(d.Access), "linux", "resources", "devices", i, "access")
		}
	}
	if r.Memory == nil {
		return
	}
	for _, f := range [...]struct {
		name  string
		value *int64
	}{{"kernel", r.Memory.Kernel}, {"kernelTCP", r.Memory.KernelTCP}} {
		if f.value != nil && *f.value != 0 {
			e.add("ignored, kernel memory has no limit of its own", "linux", "resources", "memory", f.name)
		}
	}
}
