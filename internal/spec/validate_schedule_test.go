package spec

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestSchedule(t *testing.T) {
	sched := func(s specs.Scheduler) func(*specs.Spec) {
		return func(c *specs.Spec) { c.Process.Scheduler = &s }
	}
	memory := func(m specs.LinuxMemoryPolicy) func(*specs.Spec) {
		return func(c *specs.Spec) { c.Linux.MemoryPolicy = &m }
	}
	for _, c := range []struct {
		edit func(*specs.Spec)
		want string
	}{
		{sched(specs.Scheduler{}), "process.scheduler.policy: required"},
		{sched(specs.Scheduler{Policy: "SCHED_X"}), `process.scheduler.policy: unknown policy "SCHED_X"`},
		{sched(specs.Scheduler{Policy: specs.SchedOther, Nice: 20}), "process.scheduler.nice: must be from -20 to 19"},
		{sched(specs.Scheduler{Policy: specs.SchedBatch, Nice: -21}), "process.scheduler.nice: must be from -20 to 19"},
		{sched(specs.Scheduler{Policy: specs.SchedFIFO, Priority: 1, Nice: 1}), ""},
		{sched(specs.Scheduler{Policy: specs.SchedIdle, Nice: 50}), ""},
		{sched(specs.Scheduler{Policy: specs.SchedDeadline, Nice: 5, Runtime: 1, Deadline: 2}), ""},
		{sched(specs.Scheduler{Policy: specs.SchedRR}), "process.scheduler.priority: must be from 1 to 99"},
		{sched(specs.Scheduler{Policy: specs.SchedIdle, Priority: 1}), "process.scheduler.priority: needs policy SCHED_FIFO or SCHED_RR"},
		{sched(specs.Scheduler{Policy: specs.SchedBatch, Period: 1}), "process.scheduler.period: needs policy SCHED_DEADLINE"},
		{sched(specs.Scheduler{Policy: specs.SchedDeadline, Deadline: 1}), "process.scheduler.runtime: required by policy SCHED_DEADLINE"},
		{sched(specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 3, Deadline: 2}), "process.scheduler.runtime: must be at most the deadline, 2"},
		{sched(specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 1, Deadline: 3, Period: 2}), "process.scheduler.deadline: must be at most the period, 2"},
		{sched(specs.Scheduler{Policy: specs.SchedOther, Flags: []specs.LinuxSchedulerFlag{"F"}}), `process.scheduler.flags[0]: unknown flag "F"`},
		{sched(specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 1, Deadline: 2}), ""},
		{func(s *specs.Spec) { s.Process.IOPriority = &specs.LinuxIOPriority{} }, "process.ioPriority.class: required"},
		{func(s *specs.Spec) {
			s.Process.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_RT, Priority: 8}
		}, "process.ioPriority.priority: must be from 0 to 7"},
		{func(s *specs.Spec) { s.Process.ExecCPUAffinity = &specs.CPUAffinity{Initial: "1-0"} }, `process.execCPUAffinity.initial: range "1-0" runs backwards`},
		{func(s *specs.Spec) { s.Process.ExecCPUAffinity = &specs.CPUAffinity{Final: "8192"} }, "process.execCPUAffinity.final: 8192 is above 8191"},
		{func(s *specs.Spec) { s.Linux.Personality = &specs.LinuxPersonality{Domain: "BSD"} }, `linux.personality.domain: unknown domain "BSD"`},
		{func(s *specs.Spec) {
			s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux, Flags: []specs.LinuxPersonalityFlag{"X"}}
		}, ""},
		{memory(specs.LinuxMemoryPolicy{}), "linux.memoryPolicy.mode: required"},
		{memory(specs.LinuxMemoryPolicy{Mode: "MPOL_X"}), `linux.memoryPolicy.mode: unknown mode "MPOL_X"`},
		{memory(specs.LinuxMemoryPolicy{Mode: specs.MpolBind}), "linux.memoryPolicy.nodes: required by mode MPOL_BIND"},
		{memory(specs.LinuxMemoryPolicy{Mode: specs.MpolLocal, Nodes: "0"}), "linux.memoryPolicy.nodes: must not be set with mode MPOL_LOCAL"},
		{memory(specs.LinuxMemoryPolicy{Mode: specs.MpolInterleave, Nodes: "1024"}), "linux.memoryPolicy.nodes: 1024 is above 1023"},
		{memory(specs.LinuxMemoryPolicy{Mode: specs.MpolInterleave, Nodes: "0,-1"}), `linux.memoryPolicy.nodes: "-1" is neither a number nor a range`},
		{memory(specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0", Flags: []specs.MemoryPolicyFlagType{"F"}}), `linux.memoryPolicy.flags[0]: unknown flag "F"`},
		{memory(specs.LinuxMemoryPolicy{
			Mode: specs.MpolBind, Nodes: "0",
			Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes, specs.MpolFRelativeNodes},
		}), "linux.memoryPolicy.flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other"},
		{memory(specs.LinuxMemoryPolicy{Mode: specs.MpolDefault, Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes}}), "linux.memoryPolicy.flags: must not be set with mode MPOL_DEFAULT"},
		{memory(specs.LinuxMemoryPolicy{Mode: specs.MpolPreferred}), ""},
		{memory(specs.LinuxMemoryPolicy{Mode: specs.MpolWeightedInterleave, Nodes: "0-1,3", Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes}}), ""},
	} {
		s := Example()
		c.edit(s)
		err := Validate(s)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}
