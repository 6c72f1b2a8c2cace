package faults

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// Catalogue row 1: SIGKILL of create, of its stage and of its builder at every
// named point and every step.
func TestKillAtPoints(t *testing.T) {
	harness.UseTagged(t, "faultpoints")
	for _, c := range stageConfigs() {
		for _, victim := range []string{"", "parent:", "first:"} {
			byItself := strings.HasSuffix(c.name, "by itself")
			if c.runtime && victim == "parent:" || byItself != (victim == "first:") && victim != "" {
				continue // it is the runtime that dies in any case, or there is nobody else
			}
			// Root of a user namespace, as the builder is, can't kill the runtime.
			inside := victim != "" && c.name == "user namespace"
			t.Run(c.name+" "+strings.TrimSuffix(victim, ":"), func(t *testing.T) { killAtPoints(t, c, victim, inside) })
		}
	}
}

// A stageConfig is a container, and what builds it: a stage or, where there is a
// program that plays the first process's tape, the runtime.
type stageConfig struct {
	name    string
	edit    harness.Edit
	env     string
	runtime bool
}

func stageConfigs() []stageConfig {
	list := []stageConfig{
		{"host root", configs[0].edit, "RUNG_STAGE=process", false},
		{"user namespace", configs[1].edit, "RUNG_STAGE=process", false},
		{"caller's mounts", harness.WithoutNS(specs.MountNamespace), "RUNG_STAGE=process", false},
	}
	if runtime.GOARCH == "amd64" {
		list = append(list, stageConfig{"host root by itself", configs[0].edit, "RUNG_STAGE=", true},
			stageConfig{"user namespace by itself", configs[1].edit, "RUNG_STAGE=", true},
			// Its first process is in somebody else's pid namespace, and so doesn't build.
			stageConfig{"seen", harness.JoinNS(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", os.Getpid())), "RUNG_STAGE=", false})
	}
	return list
}

// dies tells whether a process that is killed at the point is the runtime itself, and
// not one that it has started.
func (c *stageConfig) dies(point string) bool {
	return strings.HasPrefix(point, "create:") || c.runtime
}

// points are the named points that the container's stage comes to.
func (c *stageConfig) points() []string {
	if c.runtime {
		return []string{"stage:cloned", "stage:sources", "stage:mounts", "stage:built"}
	}
	return stagePoints
}

var (
	createPoints = []string{
		"create:spawned", "create:claimed", "create:intent", "create:cgroup", "create:ordered", "create:ready",
		"create:recorded", "create:done",
	}
	stagePoints = []string{"stage:orders", "stage:cloned", "stage:released", "stage:sources", "stage:mounts", "stage:built"}
)

func killAtPoints(t *testing.T, c stageConfig, victim string, inside bool) {
	inv := harness.Take()
	b := sleeper(t, c.edit, harness.DropMount("/dev/mqueue"))
	kills, states := 0, map[string]int{}
	try := func(point string) (reached bool) {
		r := with(b.Cmd("create"), "RUNG_FAULT="+victim+point, c.env).Run(t)
		if r.Code == 0 {
			remove(t, b, inv, point)
			return false
		}
		kills++
		if victim == "parent:" || victim == "" && c.dies(point) {
			if r.Code != 137 {
				t.Errorf("%s: want 137: %v", point, r)
			}
		} else {
			// The runtime lives: it says what happened and leaves nothing.
			if r.Code != 1 || !strings.Contains(r.Stderr, "killed") {
				t.Errorf("%s: want an error that says who was killed: %v", point, r)
			}
			for _, line := range inv.Left(b) {
				t.Errorf("%s: left by the failed create: %s", point, line)
			}
		}
		harness.Reap()
		states[status(t, b)]++
		if r := b.Run(t, "delete", b.ID); r.Code != 0 && r.Stderr == "" {
			t.Errorf("%s: %v", point, r)
		}
		remove(t, b, inv, point)
		return true
	}
	points := c.points()
	switch {
	case victim == "":
		points = slices.Concat(createPoints, points)
	case inside:
		points = points[:len(points)-1]
	}
	for range rounds(10, 1) {
		for _, point := range points {
			if !try(point) {
				t.Errorf("%s was not reached", point)
			}
		}
		steps := 0
		for !inside && try(fmt.Sprintf("step:%d", steps)) {
			steps++
		}
		if steps < 10 && !inside {
			t.Errorf("%d steps only", steps)
		}
	}
	t.Logf("%d kills, states then: %v", kills, states)
	if states["none"]+states["stopped"]+states["created"] != kills {
		t.Errorf("states %v, want none, stopped or created", states)
	}
}

// Row 1 by the clock: SIGKILL of create, or of its process group, at moments
// that are spread over the time that it takes, and some more.
func TestKillAtTimes(t *testing.T) {
	kills := rounds(200, 40)
	for _, c := range configs {
		for _, group := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, group), func(t *testing.T) {
				inv := harness.Take()
				b := sleeper(t, c.edit)
				var whole time.Duration
				for range 5 {
					whole = max(whole, b.Container(t, "create").Elapsed)
					remove(t, b, inv, "no kill")
				}
				states := map[string]int{}
				for i := range kills {
					states[killAfter(t, b, inv, whole*time.Duration(i)/time.Duration(kills)*5/2, group)]++
				}
				t.Logf("%d kills in %v, states then: %v", kills, whole*5/2, states)
				if states["none"] == 0 || states["none"] == kills {
					t.Errorf("all kills had the same end: %v", states)
				}
			})
		}
	}
}

func killAfter(t *testing.T, b *harness.Bundle, inv *harness.Inventory, after time.Duration, group bool) string {
	t.Helper()
	call := b.Cmd("create")
	if group {
		call.Via = []string{"setsid"}
	}
	p := call.Start(t)
	time.Sleep(after)
	pid := p.Process.Pid
	if group && after > 0 {
		// The program needs a moment to become the leader of its group.
		if pgid, err := unix.Getpgid(pid); err == nil && pgid == pid {
			pid = -pid
		}
	}
	unix.Kill(pid, unix.SIGKILL)
	p.Wait(t)
	st := status(t, b)
	remove(t, b, inv, after.String())
	return st
}

// Row 2: SIGKILL of run in the foreground, and of start. The container is
// consistent, and a second start is an error.
func TestKillRunAndStart(t *testing.T) {
	harness.UseTagged(t, "faultpoints")
	for _, c := range stageConfigs() {
		t.Run(c.name, func(t *testing.T) {
			inv := harness.Take()
			b := sleeper(t, c.edit)
			stage := c.points()
			for range rounds(20, 2) {
				for _, point := range append(append([]string{"run:started"}, createPoints...), stage[:len(stage)-1]...) {
					victim := ""
					if strings.HasPrefix(point, "stage:") {
						victim = "parent:"
					}
					if r := with(b.Cmd("run"), "RUNG_FAULT="+victim+point, c.env).Run(t); r.Code != 137 {
						t.Errorf("run, %s: want 137: %v", point, r)
					}
					harness.Reap()
					if st := status(t, b); point == "run:started" && st != "running" {
						t.Errorf("run, %s: state %s, want running", point, st)
					}
					remove(t, b, inv, "run, "+point)
				}
				for _, point := range []string{"start:opened", "start:running"} {
					killStart(t, b, inv, point)
				}
			}
		})
	}
}

func killStart(t *testing.T, b *harness.Bundle, inv *harness.Inventory, point string) {
	t.Helper()
	if r := b.Container(t, "create"); r.Code != 0 {
		t.Fatalf("%v", r)
	}
	start := &harness.Cmd{Args: []string{"--root", b.Root, "start", b.ID}}
	if r := with(start, "RUNG_FAULT="+point).Run(t); r.Code != 137 {
		t.Errorf("start, %s: want 137: %v", point, r)
	}
	b.WaitStatus(t, specs.StateRunning)
	if r := b.Run(t, "start", b.ID); r.Code == 0 || r.Stderr == "" {
		t.Errorf("second start after %s: want an error: %v", point, r)
	}
	if st := status(t, b); st != "running" {
		t.Errorf("after %s and a second start: %s, want running", point, st)
	}
	b.Must(t, "kill", "KILL")
	harness.Reap()
	b.WaitStatus(t, specs.StateStopped)
	remove(t, b, inv, "start, "+point)
}

// Row 3: the first process is killed before start.
func TestKillWaiting(t *testing.T) {
	inv := harness.Take()
	b := sleeper(t)
	for range rounds(100, 10) {
		pid, _ := b.Create(t)
		unix.Kill(pid, unix.SIGKILL)
		harness.Wait(t, pid)
		if st := status(t, b); st != "stopped" {
			t.Errorf("state %s, want stopped", st)
		}
		r := b.Run(t, "start", b.ID)
		if r.Code == 0 || r.Stderr == "" || r.Elapsed > 2*time.Second {
			t.Errorf("start: want an error at once: %v in %v", r, r.Elapsed)
		}
		b.Must(t, "delete")
		remove(t, b, inv, "killed before start")
	}
}

// Row 4: the program can't be run. Create says so, or start does; nothing is left.
func TestBadProgram(t *testing.T) {
	for _, c := range []struct{ name, program, text string }{
		{"missing", "/bin/none", "no such file"},
		{"not in PATH", "none", "executable file not found"},
		{"directory", "/bin", ""},
		{"not executable", "/etc/passwd", "permission denied"},
		{"no interpreter", "/bin/script", "no such file"},
		{"empty", "/bin/empty", "exec format error"},
		{"garbage", "/bin/garbage", "exec format error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inv := harness.Take()
			b := sleeper(t, harness.Args(c.program))
			b.Write(t, "bin/script", "#!/none\n", 0o755)
			b.Write(t, "bin/empty", "", 0o755)
			b.Write(t, "bin/garbage", "\x7fELF\x00\x00garbage", 0o755)
			r := b.Container(t, "run")
			if r.Code == 0 || !strings.Contains(r.Stderr, c.text) || strings.Count(r.Stderr, "\n") != 1 {
				t.Errorf("want one line with %q: %v", c.text, r)
			}
			if st := status(t, b); st != "none" {
				t.Errorf("state %s, want none", st)
			}
			for _, line := range inv.Left(b) {
				t.Error(line)
			}
			if r := b.Container(t, "create"); r.Code == 0 {
				harness.Reap()
				s := b.Run(t, "start", b.ID)
				s.Fails(t, 1, c.text)
				harness.Reap()
				if st := status(t, b); st != "stopped" {
					t.Errorf("after start: %s, want stopped", st)
				}
				b.Must(t, "delete")
			} else if !strings.Contains(r.Stderr, c.text) {
				t.Errorf("create: want %q: %v", c.text, r)
			}
			remove(t, b, inv, c.name)
		})
	}
}
