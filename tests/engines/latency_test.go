package engines

import (
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// TestDockerLatency measures `docker run --rm` and `docker exec` with each runtime,
// one after the other in every round, and prints medians and how they compare with
// rung's.
func TestDockerLatency(t *testing.T) {
	if testing.Short() {
		t.Skip("a long test: make test-engines")
	}
	need(t, "dockerd", "docker")
	inPlace(t, 5*time.Minute, func(t *testing.T, dir string) {
		env := docker(t, dir, cgroupfs, nil)
		call := func(args ...string) time.Duration {
			cmd := exec.Command("docker", args...)
			cmd.Env = env
			start := time.Now()
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("docker %q: %v, %s", args, err, out)
			}
			return time.Since(start)
		}
		names := []string{"rung"}
		for name := range runtimes() {
			if name != "rung" {
				names = append(names, name)
			}
		}
		// A runtime that refuses the cgroups of this view is left out, by name.
		names = slices.DeleteFunc(names, func(name string) bool {
			cmd := exec.Command("docker", "run", "--rm", "--net", "none", "--runtime", name, "bb", "true")
			cmd.Env = env
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Logf("left out: %s: %s", name, out)
			}
			return err != nil && name != "rung"
		})
		for _, name := range names {
			call("run", "-d", "--net", "none", "--runtime", name, "--name", "latency-"+name, "bb", "sleep", "300")
			defer call("rm", "-f", "latency-"+name)
		}
		const rounds = 25
		for _, what := range []string{"run --rm", "exec"} {
			times, ratios := map[string][]time.Duration{}, map[string][]float64{}
			for range rounds {
				for _, name := range names {
					args := []string{"run", "--rm", "--net", "none", "--runtime", name, "bb", "true"}
					if what == "exec" {
						args = []string{"exec", "latency-" + name, "true"}
					}
					times[name] = append(times[name], call(args...))
				}
				for _, name := range names[1:] {
					last := latest(times, name)
					ratios[name] = append(ratios[name], float64(latest(times, "rung"))/float64(last))
				}
			}
			for _, name := range names {
				slices.Sort(times[name])
				text := ""
				if r := ratios[name]; r != nil {
					slices.Sort(r)
					text = "rung takes " + fmt.Sprintf("%.0f %%", 100*r[len(r)/2]) + " of its time"
					if r[len(r)/2] > 1.5 {
						t.Errorf("docker %s: rung is slower than %s: %s", what, name, text)
					}
				}
				t.Logf("docker %-8s with %-4s: median %5.1f ms  %s", what, name, float64(times[name][rounds/2])/float64(time.Millisecond), text)
			}
		}
	})
}

func latest(times map[string][]time.Duration, name string) time.Duration {
	list := times[name]
	return list[len(list)-1]
}
