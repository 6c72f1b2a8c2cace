package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// What tunes the Go program that calls us, an engine, tunes only that: each verb
// works, is silent, and is as quick as without.
func TestTunedCaller(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "runc is tuned by them")
	for _, env := range []string{
		"GOMEMLIMIT=1", "GOMEMLIMIT=4MiB", "GOMEMLIMIT=nonsense", "GOGC=1", "GOGC=off", "GOGC=nonsense", "GOMAXPROCS=1", "GOMAXPROCS=100000",
		"GOTRACEBACK=crash", "GODEBUG=inittrace=1", "GODEBUG=gctrace=1,schedtrace=1", "GODEBUG=containermaxprocs=1,updatemaxprocs=1",
		"GODEBUG=gcstoptheworld=2,asyncpreemptoff=1", "GODEBUG=madvdontneed=x,=,,", "GODEBUG=",
	} {
		t.Run(env, func(t *testing.T) {
			b := sleeper(t)
			for _, args := range [][]string{
				{"create", "--bundle", b.Dir, b.ID},
				{"start", b.ID},
				{"state", b.ID},
				{"list"},
				{"exec", b.ID, "/bin/true"},
				{"features"},
				{"kill", b.ID, "KILL"},
				{"delete", "--force", b.ID},
			} {
				r := with(&harness.Cmd{Args: append([]string{"--root", b.Root}, args...)}, env).Run(t)
				if r.Code != 0 || r.Stderr != "" {
					t.Errorf("%v", r)
				}
			}
			b.ReapAll(t)
		})
	}
}

// None of that is the container's either, unless it asks for it; and what only looks
// alike is no business of ours.
func TestTunedContainer(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Shell("env"))
	b.Spec.Process.Env = append(b.Spec.Process.Env, "GOGC=7", "GOPATH=/go")
	b.Save(t)
	r := with(b.Cmd("run"), "GOGC=1", "GOMEMLIMIT=100MiB").Run(t)
	r.Silent(t)
	if !strings.Contains(r.Stdout, "GOGC=7\n") || !strings.Contains(r.Stdout, "GOPATH=/go\n") || strings.Contains(r.Stdout, "GOMEMLIMIT") {
		t.Errorf("the container's environment: %s", r.Stdout)
	}
}

// A machine that gives the Go runtime neither threads nor memory: one line that says
// so, the exit code of an error, and nothing left.
func TestStarvedRuntime(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "the Go runtime's own words")
	b := sleeper(t)
	for script, want := range map[string]string{
		"ulimit -v 100000": "can't get memory", "ulimit -v 400000": "can't get memory", "ulimit -v 700000": "can't get memory",
		"ulimit -d 2000": "can't get memory", "ulimit -d 20000": "can't get memory",
	} {
		for _, args := range [][]string{{"state", b.ID}, {"run", "--bundle", b.Dir, b.ID}, {"doctor"}, {"plan", b.Dir}} {
			t.Run(script+" "+args[0], func(t *testing.T) {
				code := 1
				if args[0] == "doctor" || args[0] == "plan" {
					code = 2
				}
				starved(t, via(&harness.Cmd{Args: append([]string{"--root", b.Root}, args...)}, script+`; exec "$@"`).Run(t), code, want)
			})
		}
	}
	for limit := 1; limit <= 6; limit++ {
		t.Run(fmt.Sprintf("pids.max %d", limit), func(t *testing.T) {
			dir := "/sys/fs/cgroup/pids/" + harness.Unique()
			if _, err := os.Stat("/sys/fs/cgroup/pids/cgroup.procs"); err != nil {
				t.Skip("no pids controller of cgroup v1 in this view")
			}
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := os.Remove(dir); err != nil {
					t.Error(err)
				}
			})
			// The limit comes last: entering is never refused.
			if err := os.WriteFile(filepath.Join(dir, "pids.max"), []byte("64"), 0o644); err != nil {
				t.Fatal(err)
			}
			script := fmt.Sprintf(`echo $$ >%s/cgroup.procs; echo %d >%s/pids.max; exec "$@"`, dir, limit, dir)
			r := via(b.Cmd("run", "--detach"), script).Run(t)
			if limit < 4 {
				starved(t, r, 1, "can't start a thread")
			} else if r.Code != 0 && (strings.Count(r.Stderr, "\n") != 1 || r.Code != 1) {
				// How many threads the Go runtime wants depends on how busy the machine is.
				t.Errorf("want success, or one line and exit code 1: %v", r)
			}
			b.Run(t, "delete", "--force", b.ID).Silent(t)
			b.ReapAll(t)
		})
	}
}

func starved(t *testing.T, r *harness.Result, code int, want string) {
	t.Helper()
	if r.Code != code || strings.Count(r.Stderr, "\n") != 1 || !strings.Contains(r.Stderr, want) {
		t.Errorf("want exit code %d and one line with %q: %v", code, want, r)
	}
}
