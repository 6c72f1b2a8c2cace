package security

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
	"github.com/rung-oci/rung/tests/security/attack/report"
)

// A container can neither look into nor take anything of a process that an exec
// brings, before it is the container's program; nor of one that never becomes
// it, because the exec fails (CVE-2026-46333).
func TestSnoopExec(t *testing.T) {
	user := func(s *specs.Spec) { harness.MappedRoot(s) }
	for name, edits := range map[string][]harness.Edit{
		"host root":      nil,
		"user namespace": {user, harness.Capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN")},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			a := attack(t, []string{"snoop", "usleep"}, edits...)
			runs, failing := rounds(500, 60), rounds(100, 20)
			a.during(t, runs, runs/2, func() { a.Run(t, "exec", a.ID, "/bin/usleep", "4000").Silent(t) })
			for range failing {
				a.Run(t, "exec", a.ID, "/bin/nosuch").Fails(t, 255, "no such file or directory")
				a.Run(t, "exec", "--cwd", "/nosuch", a.ID, "/bin/usleep", "1").Fails(t, 255, "no such file or directory")
			}
			var s report.Snoop
			a.end(t, &s)
			t.Logf("%d execs and %d that failed: %d processes seen before execve, %d looks, at most %d threads; denied %v; seen after execve %v",
				runs, 2*failing, s.Tasks, s.Looks, s.Threads, s.Denied, s.After)
			judge(t, &s, runs, true)
		})
	}
}
