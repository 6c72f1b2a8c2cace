package cgfile

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// List is what is written to the files of one controller.
type List struct {
	Controller string
	Field      string // that the fields of all writes begin with
	Writes     []Write
}

// Add appends a write, which may be completed until the next one.
func (l *List) Add(file, value, field string) *Write {
	l.Writes = append(l.Writes, Write{Controller: l.Controller, File: file, Value: value, Field: l.Field + field})
	return &l.Writes[len(l.Writes)-1]
}

// Reset appends a write that takes a limit back which the cgroup may have had.
func (l *List) Reset(file, value, field string) {
	w := l.Add(file, value, field)
	w.Unlimited, w.Optional, w.Reset = true, true, true
}

// Asked tells whether a limit was asked for: engines write zeros for those that
// were not.
func Asked[T int64 | uint64 | uint32 | uint16](v *T) bool { return v != nil && *v != 0 }

// CPU begins the list of linux.resources.cpu, and tells whether the group is to be idle:
// then the kernel takes no share for it.
func CPU(c *specs.LinuxCPU) (l List, idle bool) {
	l = List{Controller: "cpu", Field: "linux.resources.cpu."}
	if idle = c.Idle != nil && *c.Idle == 1; idle {
		l.Add("cpu.idle", "1", "idle")
	} else if c.Idle != nil {
		l.Reset("cpu.idle", "0", "idle")
	}
	return l, idle
}

// CPUSet returns the writes of the processors and memory nodes of linux.resources.cpu.
func CPUSet(c *specs.LinuxCPU) []Write {
	l := List{Controller: "cpuset", Field: "linux.resources.cpu."}
	if c != nil && c.Cpus != "" {
		l.Add("cpuset.cpus", c.Cpus, "cpus")
	}
	if c != nil && c.Mems != "" {
		l.Add("cpuset.mems", c.Mems, "mems")
	}
	return l.Writes
}

// PidsLimit returns the write of linux.resources.pids.
func PidsLimit(p *specs.LinuxPids) []Write {
	if p == nil || p.Limit == nil {
		return nil
	}
	w := Write{Controller: "pids", File: "pids.max", Field: "linux.resources.pids.limit"}
	switch *p.Limit {
	case -1:
		w.Value, w.Unlimited = "max", true
	case 0:
		// A limit of no process at all would refuse the container's first one;
		// runc reads it as the smallest limit that lets a container run.
		w.Value = "1"
	default:
		w.Value = strconv.FormatInt(*p.Limit, 10)
	}
	return []Write{w}
}
