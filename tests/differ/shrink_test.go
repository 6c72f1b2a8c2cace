package differ

import (
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// TestShrink has a fake runner that fails for one mount option, with one hook.
func TestShrink(t *testing.T) {
	f := &Facts{Controllers: map[string]bool{"memory": true, "pids": true, "cpu": true, "cpuset": true}}
	fails := func(c *Case) bool {
		return c.Spec.Process.NoNewPrivileges && slices.ContainsFunc(c.Spec.Mounts, func(m specs.Mount) bool {
			return m.Type == "tmpfs" && slices.Contains(m.Options, "noexec")
		})
	}
	found := 0
	for i := range uint64(200) {
		c := Generate(3, i, f)
		if !fails(c) {
			continue
		}
		found++
		small, tries := shrink(c, fails)
		if !fails(small) || danger(small) != "" {
			t.Fatalf("case %d: what is left doesn't fail, or is dangerous:\n%s", i, small.text())
		}
		if tries > 2000 {
			t.Errorf("case %d took %d tries", i, tries)
		}
		if len(small.Spec.Mounts) != 1 || len(small.Spec.Mounts[0].Options) != 1 || small.Spec.Hooks != nil || small.Spec.Linux.Seccomp != nil || len(small.Life.Execs) > 0 {
			t.Errorf("case %d isn't minimal:\n%s", i, small.text())
		}
	}
	if found < 5 {
		t.Errorf("only %d of 200 cases have a noexec tmpfs and no new privileges", found)
	}
}
