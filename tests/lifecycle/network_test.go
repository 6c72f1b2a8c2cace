package lifecycle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// lo is up in a network namespace that is the container's own, as programs expect, and
// as it is in one that it joins.
func TestLoopback(t *testing.T) {
	harness.Share(t)
	const show = "ip addr show lo; ping -c 1 -W 2 127.0.0.1 >/dev/null && echo answered"
	hooked := func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/true"}}}
	}
	for name, edits := range map[string][]harness.Edit{
		"host root":           nil,
		"user namespace":      {harness.MappedRoot},
		"hooks":               {hooked},
		"user 1000":           {func(s *specs.Spec) { s.Process.User = specs.User{UID: 1000, GID: 1000} }},
		"no mounts but proc":  {func(s *specs.Spec) { s.Mounts = s.Mounts[:1] }},
		"sysctl of a network": {func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"} }},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, append([]harness.Edit{harness.Shell(show), harness.Capabilities("CAP_NET_RAW")}, edits...)...)
			b.Chown(t)
			r := b.Container(t, "run")
			if !strings.Contains(r.Stdout, "LOOPBACK,UP") || !strings.Contains(r.Stdout, "127.0.0.1/8") {
				t.Errorf("lo is down: %v", r)
			}
			if name != "user 1000" && !strings.Contains(r.Stdout, "answered") {
				t.Errorf("nobody answers: %v", r)
			}
		})
	}
	t.Run("joined", func(t *testing.T) {
		a, pid := running(t)
		down := a.Run(t, "exec", "--cap", "CAP_NET_ADMIN", a.ID, "/bin/ip", "link", "set", "lo", "down")
		down.Silent(t)
		b := harness.New(t, harness.Shell("ip addr show lo"), harness.JoinNS(specs.NetworkNamespace, fmt.Sprintf("/proc/%d/ns/net", pid)))
		if r := b.Container(t, "run"); r.Code != 0 || strings.Contains(r.Stdout, "LOOPBACK,UP") {
			t.Errorf("a joined namespace was changed: %v", r)
		}
		a.End(t, pid)
	})
}
