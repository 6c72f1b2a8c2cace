package lifecycle

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// --cgroup puts a process below the container's cgroup and nowhere else.
func TestExecCgroup(t *testing.T) {
	b, pid := running(t)
	defer b.End(t, pid)
	for _, dir := range harness.CgroupDirs(b.ID) {
		if err := os.Mkdir(dir+"/below", 0o755); err != nil {
			t.Fatal(err)
		}
		// A cpuset takes no process before it has processors.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			if v, err := os.ReadFile(filepath.Join(dir, file)); err == nil {
				_ = os.WriteFile(filepath.Join(dir, "below", file), v, 0o644)
			}
		}
		// Or another container could be reached by a common prefix.
		if err := os.Mkdir(dir+"x", 0o755); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(dir + "x")
	}
	place := func(flags ...string) string {
		r := execIn(t, b, append(flags, "--detach", "--pid-file", b.Dir+"/pid"), "/bin/sleep", "300")
		r.Silent(t)
		p := harness.PID(t, b.Dir+"/pid")
		defer reapKilled(t, p)
		return procText(t, p, "cgroup")
	}
	own := procText(t, pid, "cgroup")
	if got, want := place("--cgroup", "below"), strings.ReplaceAll(own, b.ID+"\n", b.ID+"/below\n"); got != want {
		t.Errorf("cgroups %q, want %q", got, want)
	}
	if got := place("--cgroup", "/"); got != own {
		t.Errorf("cgroups %q, want %q", got, own)
	}
	for flag, text := range map[string]string{
		"..":               ".. is not a sub cgroup path",
		"../" + b.ID + "x": "is not a sub cgroup path",
		"below/../..":      "is not a sub cgroup path",
		"nosuch":           "no such file or directory",
		"nosuch:below":     "unknown controller nosuch in SubCgroupPaths",
	} {
		execIn(t, b, []string{"--cgroup", flag}, "true").Fails(t, 255, text)
	}
	if harness.HasController("memory") && harness.View() != "v2" {
		got := place("--cgroup", "memory:below")
		for line := range strings.Lines(own) {
			if strings.Contains(line, ":memory:") {
				line = strings.TrimSpace(line) + "/below\n"
			}
			if !strings.Contains(got, line) {
				t.Errorf("cgroups %q, want among them %q", got, line)
			}
		}
	}
}

// An init that somebody has moved out of its cgroup, which is gone since: its processes
// are where it is (runc#5089).
func TestExecLostCgroup(t *testing.T) {
	if harness.View() != harness.V2 {
		t.Skip("a container has several cgroups on v1, which nobody removes all of")
	}
	b, pid := running(t)
	other := harness.CgroupDirs("/" + harness.Unique())[0]
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(other); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(other+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(harness.CgroupDirs("/" + b.ID)[0]); err != nil {
		t.Fatal(err)
	}
	execIn(t, b, nil, "/bin/true").Silent(t)
	b.End(t, pid)
}
