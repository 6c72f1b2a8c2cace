package faults

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// Catalogue row 1: SIGKILL of create, and of the process that builds, at every
// named point and every step.
func TestKillAtPoints(t *testing.T) {
	harness.Once(t) // in a short test, which is long enough
	harness.UseTagged(t, "faultpoints")
	for _, c := range buildConfigs() {
		for _, victim := range []string{"", "first:"} {
			t.Run(c.name+" "+strings.TrimSuffix(victim, ":"), func(t *testing.T) { killAtPoints(t, c, victim) })
		}
	}
}

// A buildConfig is a container, and the player that clones its first process.
type buildConfig struct {
	name string
	edit harness.Edit
	env  string
}

func buildConfigs() (list []buildConfig) {
	for _, c := range []buildConfig{
		{name: "host root", edit: configs[0].edit},
		{name: "user namespace", edit: configs[1].edit},
		{name: "caller's mounts", edit: harness.WithoutNS(specs.MountNamespace)},
		// Its first process is in somebody else's pid namespace, and so doesn't build.
		{name: "seen", edit: harness.JoinNS(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", os.Getpid()))},
	} {
		for _, player := range []string{"", "go"} {
			list = append(list, buildConfig{strings.TrimSpace(c.name + " " + player), c.edit, "RUNG_PLAYER=" + player})
		}
	}
	return list
}

var (
	createPoints = []string{"create:claimed", "create:intent", "create:cgroup", "create:ordered", "create:ready", "create:recorded", "create:done"}
	buildPoints  = []string{"build:cloned", "build:sources", "build:mounts", "build:done"}
)

func killAtPoints(t *testing.T, c buildConfig, victim string) {
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
		if victim == "" {
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
	points := buildPoints
	if victim == "" {
		points = slices.Concat(createPoints, points)
	}
	every := rounds(1, 3) // in a short test some steps, others for each victim and configuration
	for range rounds(10, 1) {
		for _, point := range points {
			if !try(point) {
				t.Errorf("%s was not reached", point)
			}
		}
		step := (len(c.name) + len(victim)) % every
		for try(fmt.Sprintf("step:%d", step)) {
			step += every
		}
		if step < 10 {
			t.Errorf("%d steps only", step)
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
				harness.Share(t)
				inv := harness.Take()
				b := sleeper(t, c.edit)
				var whole time.Duration
				for range 5 {
					whole = max(whole, b.Container(t, "create").Elapsed)
					remove(t, b, inv, "no kill")
				}
				states, done := map[string]int{}, 0
				// On a processor that others have we may be late each time.
				for try := 0; try < 5 && (states["none"] == 0 || states["none"] == done); try++ {
					for i := range kills {
						states[killAfter(t, b, inv, whole*time.Duration(i)/time.Duration(kills)*5/2, group)]++
					}
					done += kills
				}
				t.Logf("%d kills in %v, states then: %v", done, whole*5/2, states)
				if states["none"] == 0 || states["none"] == done {
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
	time.Sleep(after) // the moment is what varies
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
	for _, c := range buildConfigs() {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			inv := harness.Take()
			b := sleeper(t, c.edit)
			for range rounds(20, 2) {
				for _, point := range slices.Concat([]string{"run:started"}, createPoints, buildPoints) {
					if r := with(b.Cmd("run"), "RUNG_FAULT="+point, c.env).Run(t); r.Code != 137 {
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
