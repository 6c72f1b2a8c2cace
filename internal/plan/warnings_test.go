package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/caps"
)

func TestCapabilityWarnings(t *testing.T) {
	const kill = caps.Set(1) << unix.CAP_KILL
	k, c := []string{"CAP_KILL"}, []string{"CAP_CHOWN"}
	both := []string{"CAP_KILL", "CAP_CHOWN"}
	for _, tt := range []struct {
		in   *specs.LinuxCapabilities
		user bool // in a user namespace
		want []string
	}{
		{nil, false, nil},
		{&specs.LinuxCapabilities{Bounding: k, Effective: k, Permitted: k, Inheritable: k, Ambient: k}, false, nil},
		{
			&specs.LinuxCapabilities{Bounding: both, Effective: c, Permitted: both}, false,
			[]string{"ignoring unknown or unavailable capabilities: [CAP_CHOWN]"},
		},
		{&specs.LinuxCapabilities{Bounding: both, Effective: c, Permitted: both}, true, nil},
		{
			&specs.LinuxCapabilities{Bounding: []string{"CAP_X", "cap_kill"}, Ambient: []string{"CAP_X", "CAP_CHOWN"}}, false,
			[]string{"ignoring unknown or unavailable capabilities: [CAP_X cap_kill CAP_CHOWN]; did you mean CAP_KILL?"},
		},
		{
			&specs.LinuxCapabilities{Permitted: k, Ambient: []string{"CAP_KILL", "CAP_KILL"}}, false,
			[]string{"can't raise ambient capability CAP_KILL: operation not permitted"},
		},
		{
			&specs.LinuxCapabilities{Permitted: both, Ambient: both}, true,
			[]string{"can't raise ambient capabilities [CAP_KILL CAP_CHOWN]: operation not permitted"},
		},
		{
			&specs.LinuxCapabilities{Inheritable: both, Permitted: k, Ambient: both}, true,
			[]string{"can't raise ambient capability CAP_CHOWN: operation not permitted"},
		},
		{
			&specs.LinuxCapabilities{Effective: k}, false,
			[]string{"can't raise effective capability CAP_KILL: operation not permitted"},
		},
		{
			&specs.LinuxCapabilities{Effective: both, Permitted: k, Inheritable: k, Ambient: both}, true,
			[]string{"can't raise effective capability CAP_CHOWN: operation not permitted"},
		},
		{
			&specs.LinuxCapabilities{Bounding: []string{"a\nb", strings.Repeat("x", 99)}}, false,
			[]string{"ignoring unknown or unavailable capabilities: [a?b " + strings.Repeat("x", 64) + "...]"},
		},
	} {
		s := &specs.Spec{Linux: new(specs.Linux)}
		if tt.user {
			s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.UserNamespace, Path: "/proc/7/ns/user"}}
		}
		got := Warnings(s, &specs.Process{Capabilities: tt.in}, &Host{Permitted: kill})
		if !slices.Equal(got, tt.want) {
			t.Errorf("Warnings(%+v, user %v) =\n\t%q, want\n\t%q", tt.in, tt.user, got, tt.want)
		}
	}
	h := &Host{Lacks: []string{"/dev/full", "/dev/tty"}}
	s := &specs.Spec{Linux: &specs.Linux{Devices: []specs.LinuxDevice{{Path: "/dev/tty"}}}}
	if got := Warnings(s, nil, h); len(got) != 1 || !strings.HasPrefix(got[0], "/dev/full is left out: ") {
		t.Errorf("a host without devices: %q", got)
	}
	if got := Warnings(new(specs.Spec), nil, new(Host)); got != nil {
		t.Errorf("without a process: %q", got)
	}
}
