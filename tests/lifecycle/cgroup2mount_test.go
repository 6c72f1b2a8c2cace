package lifecycle

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A mount of type cgroup2 is cgroup v2 whatever else the host has, with a cgroup namespace or
// without. (In the host's the clone of a hybrid host's first hierarchy was shown, release_agent and all.)
func TestCgroup2Mount(t *testing.T) {
	for name, edit := range map[string]harness.Edit{
		"host's namespace": harness.WithoutNS(specs.CgroupNamespace),
		"own namespace":    func(s *specs.Spec) {},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, edit, harness.Shell(`awk '$5 == "/sys/fs/cgroup"' /proc/self/mountinfo; ls /sys/fs/cgroup`), func(s *specs.Spec) {
				for i := range s.Mounts {
					if s.Mounts[i].Type == "cgroup" {
						s.Mounts[i].Type = "cgroup2"
					}
				}
			})
			r := b.Container(t, "run")
			if r.Code != 0 || !strings.Contains(r.Stdout, " - cgroup2 ") || !strings.Contains(r.Stdout, "cgroup.procs") || strings.Contains(r.Stdout, "release_agent") {
				t.Errorf("not cgroup v2: %v", r)
			}
		})
	}
}
