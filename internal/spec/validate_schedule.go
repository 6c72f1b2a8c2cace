package spec

import (
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/cpulist"
)

// scheduler checks process.scheduler. Each policy has parameters of its own (sched_setattr(2)).
func (c *checker) scheduler(s *specs.Scheduler) {
	if s == nil {
		return
	}
	nice, priority, deadline := false, false, false
	switch s.Policy {
	case specs.SchedOther, specs.SchedBatch:
		nice = true
	case specs.SchedFIFO, specs.SchedRR:
		priority = true
	case specs.SchedDeadline:
		deadline = true
	case specs.SchedIdle, specs.SchedISO:
	case "":
		c.bad(msgRequired, "process", "scheduler", "policy")
		return
	default:
		unknown(c, "policy", s.Policy, []specs.LinuxSchedulerPolicy{
			specs.SchedOther, specs.SchedBatch, specs.SchedFIFO, specs.SchedRR, specs.SchedDeadline, specs.SchedIdle, specs.SchedISO,
		}, "process", "scheduler", "policy")
		return
	}
	if nice && (s.Nice < -20 || s.Nice > 19) {
		c.bad("must be from -20 to 19", "process", "scheduler", "nice")
	}
	switch {
	case priority && (s.Priority < 1 || s.Priority > 99):
		c.bad("must be from 1 to 99", "process", "scheduler", "priority")
	case !priority && s.Priority != 0:
		c.bad("needs policy SCHED_FIFO or SCHED_RR", "process", "scheduler", "priority")
	}
	c.deadline(s, deadline)
	for i, f := range s.Flags {
		if !slices.Contains(schedFlags[:], f) {
			unknown(c, "flag", f, schedFlags[:], "process", "scheduler", "flags", i)
		}
	}
}

// deadline checks the parameters of SCHED_DEADLINE: runtime <= deadline <= period, where a period
// of 0 stands for the deadline.
func (c *checker) deadline(s *specs.Scheduler, wanted bool) {
	for _, f := range []struct {
		name  string
		value uint64
	}{{"runtime", s.Runtime}, {"deadline", s.Deadline}, {"period", s.Period}} {
		switch {
		case !wanted && f.value != 0:
			c.bad("needs policy SCHED_DEADLINE", "process", "scheduler", f.name)
		case wanted && f.value == 0 && f.name != "period":
			c.bad("required by policy SCHED_DEADLINE", "process", "scheduler", f.name)
		}
	}
	if !wanted || s.Runtime == 0 || s.Deadline == 0 {
		return
	}
	if s.Runtime > s.Deadline {
		c.bad("must be at most the deadline, "+strconv.FormatUint(s.Deadline, 10), "process", "scheduler", "runtime")
	}
	if s.Period != 0 && s.Deadline > s.Period {
		c.bad("must be at most the period, "+strconv.FormatUint(s.Period, 10), "process", "scheduler", "deadline")
	}
}

var schedFlags = [...]specs.LinuxSchedulerFlag{
	specs.SchedFlagResetOnFork, specs.SchedFlagReclaim, specs.SchedFlagDLOverrun, specs.SchedFlagKeepPolicy,
	specs.SchedFlagKeepParams, specs.SchedFlagUtilClampMin, specs.SchedFlagUtilClampMax,
}

// ioPriority checks process.ioPriority (ioprio_set(2)).
func (c *checker) ioPriority(p *specs.LinuxIOPriority) {
	if p == nil {
		return
	}
	switch p.Class {
	case specs.IOPRIO_CLASS_RT, specs.IOPRIO_CLASS_BE, specs.IOPRIO_CLASS_IDLE:
	case "":
		c.bad(msgRequired, "process", "ioPriority", "class")
	default:
		unknown(c, "class", p.Class, []specs.IOPriorityClass{specs.IOPRIO_CLASS_RT, specs.IOPRIO_CLASS_BE, specs.IOPRIO_CLASS_IDLE}, "process", "ioPriority", "class")
	}
	if p.Priority < 0 || p.Priority > 7 {
		c.bad("must be from 0 to 7", "process", "ioPriority", "priority")
	}
}

// maxCPUs is the number of processors of the largest kernel.
const maxCPUs = 8192

// execCPUAffinity checks the lists of processors of process.execCPUAffinity.
func (c *checker) execCPUAffinity(a *specs.CPUAffinity) {
	if a == nil {
		return
	}
	if _, err := cpulist.Mask(a.Initial, maxCPUs); err != nil {
		c.bad(err.Error(), "process", "execCPUAffinity", "initial")
	}
	if _, err := cpulist.Mask(a.Final, maxCPUs); err != nil {
		c.bad(err.Error(), "process", "execCPUAffinity", "final")
	}
}

// personality checks linux.personality.
func (c *checker) personality(p *specs.LinuxPersonality) {
	if p == nil {
		return
	}
	switch p.Domain {
	case specs.PerLinux, specs.PerLinux32:
	case "":
		c.bad(msgRequired, "linux", "personality", "domain")
	default:
		c.bad("unknown domain "+quote(string(p.Domain))+", must be LINUX or LINUX32", "linux", "personality", "domain")
	}
}
