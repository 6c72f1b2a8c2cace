package plan

import (
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cpulist"
	"github.com/rung-oci/rung/nsenter"
)

// Labels of what can be set by the tape and by the runtime.
const (
	SchedulerLabel  = "process.scheduler"
	IOPriorityLabel = "process.ioPriority"
)

// SchedAttr is the kernel's form of a scheduler (sched_setattr(2)).
func SchedAttr(s *specs.Scheduler) *unix.SchedAttr {
	a := &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: schedPolicy(s.Policy), Nice: s.Nice, Priority: uint32(s.Priority),
		Runtime: s.Runtime, Deadline: s.Deadline, Period: s.Period,
	}
	for _, f := range s.Flags {
		a.Flags |= schedFlag(f)
	}
	return a
}

// schedIso is a policy that the kernel has reserved a number for and never had.
const schedIso = 4

func schedPolicy(p specs.LinuxSchedulerPolicy) uint32 {
	switch p {
	case specs.SchedFIFO:
		return unix.SCHED_FIFO
	case specs.SchedRR:
		return unix.SCHED_RR
	case specs.SchedBatch:
		return unix.SCHED_BATCH
	case specs.SchedISO:
		return schedIso
	case specs.SchedIdle:
		return unix.SCHED_IDLE
	case specs.SchedDeadline:
		return unix.SCHED_DEADLINE
	}
	return unix.SCHED_NORMAL
}

func schedFlag(f specs.LinuxSchedulerFlag) uint64 {
	switch f {
	case specs.SchedFlagResetOnFork:
		return unix.SCHED_FLAG_RESET_ON_FORK
	case specs.SchedFlagReclaim:
		return unix.SCHED_FLAG_RECLAIM
	case specs.SchedFlagDLOverrun:
		return unix.SCHED_FLAG_DL_OVERRUN
	case specs.SchedFlagKeepPolicy:
		return unix.SCHED_FLAG_KEEP_POLICY
	case specs.SchedFlagKeepParams:
		return unix.SCHED_FLAG_KEEP_PARAMS
	case specs.SchedFlagUtilClampMin:
		return unix.SCHED_FLAG_UTIL_CLAMP_MIN
	case specs.SchedFlagUtilClampMax:
		return unix.SCHED_FLAG_UTIL_CLAMP_MAX
	}
	return 0
}

// IOPriority is the kernel's form of an I/O priority (ioprio_set(2)).
func IOPriority(p *specs.LinuxIOPriority) int {
	class := map[specs.IOPriorityClass]int{specs.IOPRIO_CLASS_RT: 1, specs.IOPRIO_CLASS_BE: 2, specs.IOPRIO_CLASS_IDLE: 3}[p.Class]
	const classShift = 13
	return class<<classShift | p.Priority
}

// IOPriorityProcess is ioprio_set's IOPRIO_WHO_PROCESS.
const IOPriorityProcess = 1

// schedule sets scheduler and I/O priority on the process itself, in its cgroup:
// the cpuset counts (a deadline wants all processors of its domain).
func (p *planner) schedule() {
	p.scheduler()
	p.ioPriority()
}

func (p *planner) scheduler() {
	if s := p.spec.Process.Scheduler; s != nil {
		attr := unsafe.Slice((*byte)(unsafe.Pointer(SchedAttr(s))), unix.SizeofSchedAttr)
		p.t.Call(SchedulerLabel, unix.SYS_SCHED_SETATTR, nsenter.Int(0), p.t.Bytes(attr), nsenter.Int(0))
	}
}

func (p *planner) ioPriority() {
	if io := p.spec.Process.IOPriority; io != nil {
		p.t.Call(IOPriorityLabel, unix.SYS_IOPRIO_SET, nsenter.Int(IOPriorityProcess), nsenter.Int(0), nsenter.Int(IOPriority(io)))
	}
}

// scheduleFirst has the runtime set scheduler and I/O priority on the first
// process, which may not do it in a user namespace. The parent of an ordinary
// user has no rights on a process with another id: there it sets its own.
func (p *planner) scheduleFirst() {
	if p.host.NoInspector {
		p.schedule()
		return
	}
	p.Scheduler, p.IOPriority = p.spec.Process.Scheduler, p.spec.Process.IOPriority
}

// forks tells whether a process has the same scheduler after a fork.
func forks(s *specs.Scheduler) bool {
	return s == nil || s.Policy != specs.SchedDeadline && SchedAttr(s).Flags&unix.SCHED_FLAG_RESET_ON_FORK == 0
}

// execSchedule says when a process that joins sets its scheduler and I/O
// priority: on the host where the user namespace has no right to, else in its
// cgroup. What a fork doesn't inherit can't be set before it.
func (p *planner) execSchedule(inside bool) {
	early := p.ns.user() && !p.host.NoInspector
	if early != inside {
		p.ioPriority()
	}
	if (early && forks(p.spec.Process.Scheduler)) != inside {
		p.scheduler()
	}
}

// runOn binds the process to a list of processors; validation has read it before.
func (p *planner) runOn(field, list string) {
	mask, err := cpulist.Mask(list, 8*nsenter.MaskSize)
	if err != nil || len(mask) == 0 {
		return
	}
	p.t.Call(field, unix.SYS_SCHED_SETAFFINITY, nsenter.Int(0), nsenter.Int(len(mask)), p.t.Bytes(mask))
}

// initialAffinity is that of an exec before it comes into the cgroup.
func (p *planner) initialAffinity() {
	if a := p.spec.Process.ExecCPUAffinity; a != nil {
		p.runOn("process.execCPUAffinity.initial", a.Initial)
	}
}

// finalAffinity is that of an exec in the cgroup; none: all that the cpuset has.
func (p *planner) finalAffinity() {
	if a := p.spec.Process.ExecCPUAffinity; a != nil {
		p.runOn("process.execCPUAffinity.final", a.Final)
	}
}

// personality sets the process's execution domain (personality(2)).
func (p *planner) personality() {
	l := p.linux().Personality
	if l == nil {
		return
	}
	domain := 0 // PER_LINUX
	if l.Domain == specs.PerLinux32 {
		domain = 8 // PER_LINUX32
	}
	p.t.Call("linux.personality", unix.SYS_PERSONALITY, nsenter.Int(domain))
}
