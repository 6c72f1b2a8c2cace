package seccomp

import (
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestUnknown(t *testing.T) {
	got := Unknown(&specs.LinuxSeccomp{Syscalls: []specs.LinuxSyscall{
		{Names: []string{"openat", "opneat2"}},
		{Names: []string{"nosuchcall", "read"}},
	}})
	want := []UnknownName{
		{"linux.seccomp.syscalls[0].names[1]", "opneat2", "openat2"},
		{"linux.seccomp.syscalls[1].names[0]", "nosuchcall", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
