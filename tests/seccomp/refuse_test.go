package seccomp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// TestRefuse has profiles that can't be what their author means.
func TestRefuse(t *testing.T) {
	harness.Share(t)
	entry := func(s specs.LinuxSyscall) *specs.LinuxSeccomp {
		if s.Names == nil {
			s.Names = []string{"times"}
		}
		if s.Action == "" {
			s.Action = specs.ActErrno
		}
		return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{s}}
	}
	eq := specs.LinuxSeccompArg{Op: specs.OpEqualTo}
	many := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	for i := range 5000 {
		many.Syscalls = append(many.Syscalls, specs.LinuxSyscall{
			Names: []string{"times"}, Action: specs.ActErrno, ErrnoRet: number(uint(i % 2)), Args: []specs.LinuxSeccompArg{{Op: specs.OpEqualTo, Value: uint64(i) * 3}},
		})
	}
	for want, p := range map[string]*specs.LinuxSeccomp{
		`linux.seccomp.defaultAction: unknown action "SCMP_ACT_MAYBE"`:                             {DefaultAction: "SCMP_ACT_MAYBE"},
		`linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be used as default action`:            {DefaultAction: specs.ActNotify},
		`linux.seccomp.defaultErrnoRet: must not be set: the action SCMP_ACT_ALLOW`:                {DefaultAction: specs.ActAllow, DefaultErrnoRet: number(1)},
		`linux.seccomp.architectures[1]: unknown architecture "SCMP_ARCH_PDP11"`:                   {DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchX86_64, "SCMP_ARCH_PDP11"}},
		`linux.seccomp.flags[0]: unknown flag "SECCOMP_FILTER_FLAG_FAST"`:                          {DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_FAST"}},
		`linux.seccomp.syscalls[0].action: unknown action "errno"`:                                 entry(specs.LinuxSyscall{Action: "errno"}),
		`linux.seccomp.syscalls[0].errnoRet: must not be set`:                                      entry(specs.LinuxSyscall{Action: specs.ActKill, ErrnoRet: number(1)}),
		`linux.seccomp.syscalls[0].errnoRet: 4096 is above 4095`:                                   entry(specs.LinuxSyscall{ErrnoRet: number(4096)}),
		`linux.seccomp.syscalls[0].names: must not be empty`:                                       entry(specs.LinuxSyscall{Names: []string{}}),
		`linux.seccomp.syscalls[0].names[1]: must not be empty`:                                    entry(specs.LinuxSyscall{Names: []string{"times", ""}}),
		`linux.seccomp.syscalls[0].args[1].index: 6 is above 5`:                                    entry(specs.LinuxSyscall{Args: []specs.LinuxSeccompArg{eq, {Op: specs.OpEqualTo, Index: 6}}}),
		`linux.seccomp.syscalls[0].args[0].op: unknown operator "=="`:                              entry(specs.LinuxSyscall{Args: []specs.LinuxSeccompArg{{Op: "=="}}}),
		`linux.seccomp.syscalls[0].names[0]: SCMP_ACT_NOTIFY cannot be used for the write syscall`: entry(specs.LinuxSyscall{Names: []string{"write"}, Action: specs.ActNotify}),
		`linux.seccomp.listenerPath: must be set where a rule's action is SCMP_ACT_NOTIFY`:         entry(specs.LinuxSyscall{Action: specs.ActNotify}),
		`linux.seccomp.syscalls[`: many,
	} {
		b := harness.New(t, func(s *specs.Spec) { s.Linux.Seccomp = p })
		r := b.Container(t, "create")
		r.Fails(t, 1, strings.ReplaceAll(want, `"`, `\"`)) // as logs quote it
		if r.Elapsed > 5*time.Second {
			t.Errorf("took %v", r.Elapsed)
		}
	}
}

// TestContradiction has two rules that say different things of the same call.
func TestContradiction(t *testing.T) {
	harness.Share(t)
	args := []specs.LinuxSeccompArg{{Op: specs.OpEqualTo, Value: 1}}
	p := rule(specs.ActErrno, nil, args...)
	p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: []string{"times"}, Action: specs.ActTrap, Args: args})
	b := harness.New(t, func(s *specs.Spec) { s.Linux.Seccomp = p })
	b.Container(t, "create").Fails(t, 1, "linux.seccomp.syscalls[1].args: contradicts syscalls[0]")
}

// TestLegalOddities has what looks wrong and isn't.
func TestLegalOddities(t *testing.T) {
	for name, p := range map[string]*specs.LinuxSeccomp{
		"nothing said":    {},
		"only a default":  {DefaultAction: specs.ActAllow},
		"unknown call":    {DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"no_such_call"}, Action: specs.ActKill}}},
		"all flags":       {DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_TSYNC", specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow, specs.LinuxSeccompFlagWaitKillableRecv}},
		"no flags":        {DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{}},
		"foreign arches":  {DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchARM, specs.ArchAARCH64, specs.ArchX86, specs.ArchX86_64, specs.ArchRISCV64, specs.ArchMIPSEL}},
		"twice the same":  {DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"times", "times"}, Action: specs.ActErrno}, {Names: []string{"times"}, Action: specs.ActErrno}}},
		"listener unused": {DefaultAction: specs.ActAllow, ListenerPath: "/nothing", ListenerMetadata: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Shell("grep Seccomp: /proc/self/status"), func(s *specs.Spec) { s.Linux.Seccomp = p })
			r := b.Container(t, "run")
			r.Silent(t)
			if want := map[bool]string{true: "0", false: "2"}[name == "nothing said"]; line(r.Stdout, "Seccomp:") != want {
				t.Errorf("Seccomp %s, want %s", line(r.Stdout, "Seccomp:"), want)
			}
		})
	}
}

// TestManyRules has as many as fit.
func TestManyRules(t *testing.T) {
	harness.Share(t)
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: []specs.Arch{}}
	for i := range 1300 {
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
			Names: []string{"times"}, Action: specs.ActErrno, ErrnoRet: number(71), Args: []specs.LinuxSeccompArg{{Op: specs.OpEqualTo, Value: uint64(i) * 3}},
		})
	}
	for arg, want := range map[int]string{0: "errno 71", 1299 * 3: "errno 71", 1: "errno 14"} {
		r := newCaller(t, p, nil, "plain", fmt.Sprint(arg)).Container(t, "run")
		r.Silent(t)
		if got := line(r.Stdout, "main"); got != want {
			t.Errorf("times(%d): %s, want %s", arg, got, want)
		}
	}
}
