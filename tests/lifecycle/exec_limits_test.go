package lifecycle

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A process given by a file has the limits that are asked for there, and of those that
// aren't its caller's. Those of the container's process are for commands without a file.
func TestExecProcessLimits(t *testing.T) {
	b, pid := running(t, func(s *specs.Spec) {
		s.Process.Rlimits = []specs.POSIXRlimit{
			{Type: "RLIMIT_NOFILE", Soft: 100, Hard: 200}, {Type: "RLIMIT_CORE", Soft: 1000, Hard: 2000},
		}
	})
	b.Write(t, "../none.json", `{"args":["/bin/cat","/proc/self/limits"],"cwd":"/","user":{"uid":0,"gid":0}}`, 0o644)
	b.Write(t, "../one.json", `{"args":["/bin/cat","/proc/self/limits"],"cwd":"/","user":{"uid":0,"gid":0},
		"rlimits":[{"type":"RLIMIT_CORE","soft":3000,"hard":4000}]}`, 0o644)
	for name, c := range map[string]struct {
		args        []string
		files, core string
	}{
		"without limits": {[]string{"--process", b.Dir + "/none.json", b.ID}, "300 400", "5000 6000"},
		"with one":       {[]string{"--process", b.Dir + "/one.json", b.ID}, "300 400", "3000 4000"},
		"no file":        {[]string{b.ID, "/bin/cat", "/proc/self/limits"}, "100 200", "1000 2000"},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			cmd := &harness.Cmd{
				Args: append([]string{"--root", b.Root, "exec"}, c.args...),
				Via:  []string{"prlimit", "--nofile=300:400", "--core=5000:6000"},
			}
			r := cmd.Run(t)
			r.Silent(t)
			if got := limit(r.Stdout, "Max open files"); got != c.files {
				t.Errorf("open files = %s, want %s", got, c.files)
			}
			if got := limit(r.Stdout, "Max core file size"); got != c.core {
				t.Errorf("core file size = %s, want %s", got, c.core)
			}
		})
	}
	b.End(t, pid)
}
