package seccomp

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestExplain(t *testing.T) {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86}, Syscalls: []specs.LinuxSyscall{
		{Names: []string{"read", "fchmodat2"}, Action: specs.ActAllow},
		{Names: []string{"clone"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Op: specs.OpMaskedEqual, Value: 0x7e020000}}},
		{Names: []string{"socket"}, Action: specs.ActErrno, ErrnoRet: errno(22), Args: []specs.LinuxSeccompArg{{Op: specs.OpEqualTo, Value: 40}}},
	}}
	for _, test := range []struct {
		on   specs.Arch
		name string
		args []uint64
		want string
	}{
		{"", "read", nil, "read: SCMP_ACT_ALLOW: linux.seccomp.syscalls[0] (always)\n"},
		{"", "write", nil, "write: SCMP_ACT_ERRNO EPERM: linux.seccomp.defaultAction (no rule is about it)\n"},
		{"", "clone", []uint64{0}, "clone: SCMP_ACT_ALLOW: linux.seccomp.syscalls[1] (argument 0 & 0x7e020000 == 0x0)\n"},
		{"", "clone", []uint64{0x20000}, "clone: SCMP_ACT_ERRNO EPERM: linux.seccomp.defaultAction (no rule's conditions hold)\n"},
		{"", "clone", nil, "clone: SCMP_ACT_ALLOW: linux.seccomp.syscalls[1] (argument 0 & 0x7e020000 == 0x0)\n" +
			"clone: SCMP_ACT_ERRNO EPERM: linux.seccomp.defaultAction (where no rule's conditions hold)\n"},
		{"", "socket", []uint64{40}, "socket: SCMP_ACT_ERRNO EINVAL: linux.seccomp.syscalls[2] (argument 0 == 0x28)\n"},
		{specs.ArchX86, "socketcall", nil, "socketcall: SCMP_ACT_ERRNO EINVAL: linux.seccomp.syscalls[2] (argument 0 == 0x1)\n" +
			"socketcall: SCMP_ACT_ERRNO EPERM: linux.seccomp.defaultAction (where no rule's conditions hold)\n"},
		{"", "listns", nil, "listns: SCMP_ACT_ERRNO ENOSYS: linux.seccomp.syscalls (the call is newer than all that the profile names)\n"},
		{"", "socketcall", nil, "socketcall: SCMP_ARCH_X86_64 has no such call\n"},
		{specs.ArchARM, "read", nil, "read: SCMP_ACT_KILL_THREAD: linux.seccomp.architectures (the filter is not for this architecture)\n"},
	} {
		e, err := Explain(p, specs.ArchX86_64, test.on, test.name, test.args)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.String(); got != test.want {
			t.Errorf("%s %#x on %q:\n%s want:\n%s", test.name, test.args, test.on, got, test.want)
		}
	}
	for _, test := range []struct {
		p        *specs.LinuxSeccomp
		on       specs.Arch
		name     string
		mentions string
	}{
		{p, "", "no_such_call", "no architecture has"},
		{p, "SCMP_ARCH_PDP11", "read", "unknown architecture"},
		{&specs.LinuxSeccomp{DefaultAction: "x"}, "", "read", "linux.seccomp.defaultAction"},
	} {
		if _, err := Explain(test.p, specs.ArchX86_64, test.on, test.name, nil); err == nil || !strings.Contains(err.Error(), test.mentions) {
			t.Errorf("error = %v, want %q", err, test.mentions)
		}
	}
}
