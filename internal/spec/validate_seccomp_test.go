package spec

import (
	"errors"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The rules are package seccomp's; here is that they are asked, with paths.
func TestSeccomp(t *testing.T) {
	s := Example()
	s.Linux.Seccomp = &specs.LinuxSeccomp{
		DefaultAction: "x", Flags: []specs.LinuxSeccompFlag{"y"},
		Syscalls: []specs.LinuxSyscall{{Names: []string{"read"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Index: 6, Op: specs.OpEqualTo}}}},
	}
	var errs Errors
	if !errors.As(Validate(s), &errs) || len(errs) != 3 {
		t.Fatalf("errors = %v", errs)
	}
	for i, want := range []string{"linux.seccomp.defaultAction", "linux.seccomp.flags[0]", "linux.seccomp.syscalls[0].args[0].index"} {
		if errs[i].Path != want {
			t.Errorf("error %d is of %s, want %s", i, errs[i].Path, want)
		}
	}
	s.Linux.Seccomp = &specs.LinuxSeccomp{}
	if err := Validate(s); err != nil {
		t.Errorf("an empty object: %v", err)
	}
	if _, err := DecodeSeccomp([]byte(`{"defaultAction":1}`)); err == nil || err.Error() != "linux.seccomp.defaultAction: expected a string, got a number (line 1, column 18)" {
		t.Errorf("error of a number = %v", err)
	}
}
