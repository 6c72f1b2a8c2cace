package faults

import (
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// together starts the calls at once and returns their results.
func together(t *testing.T, calls ...*harness.Cmd) []*harness.Result {
	t.Helper()
	var procs []*harness.Proc
	for _, c := range calls {
		procs = append(procs, c.Start(t))
	}
	var list []*harness.Result
	for _, p := range procs {
		list = append(list, p.Wait(t))
	}
	return list
}

func times(n int, make func() *harness.Cmd) (list []*harness.Cmd) {
	for range n {
		list = append(list, make())
	}
	return list
}

// winners counts successes; every loser must say one of the texts, in one line.
func winners(t *testing.T, list []*harness.Result, texts ...string) int {
	t.Helper()
	n := 0
	for _, r := range list {
		if r.Code == 0 {
			n++
			continue
		}
		known := false
		for _, text := range texts {
			known = known || strings.Contains(r.Stderr, text)
		}
		if !known || r.Code != 1 || strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("want one of %q: %v", texts, r)
		}
	}
	return n
}

const (
	exists  = "already exists"
	missing = "does not exist"
)

// Catalogue row 16: many calls on one id at once.
func TestSameID(t *testing.T) {
	harness.Once(t) // in a short test, which is long enough
	inv := harness.Take()
	b := sleeper(t)
	verb := func(args ...string) func() *harness.Cmd {
		return func() *harness.Cmd { return &harness.Cmd{Args: append([]string{"--root", b.Root}, args...)} }
	}
	create := func() *harness.Cmd { return b.Cmd("create") }
	start, force := verb("start", b.ID), verb("delete", "--force", b.ID)
	clean := func(what string) {
		t.Helper()
		remove(t, b, inv, what)
	}
	for range rounds(20, 1) {
		if n := winners(t, together(t, times(50, create)...), exists); n != 1 {
			t.Errorf("%d creates won, want 1", n)
		}
		if n := winners(t, together(t, times(10, start)...), "cannot start", "not created", "running"); n != 1 {
			t.Errorf("%d starts won, want 1", n)
		}
		if n := winners(t, together(t, times(10, verb("kill", b.ID, "KILL"))...), "not running"); n < 1 {
			t.Error("no kill worked")
		}
		harness.Reap()
		if n := winners(t, together(t, times(10, force)...)); n != 10 {
			t.Errorf("%d forced deletes worked, want all", n)
		}
		clean("after deletes")
	}
	for range rounds(100, 10) {
		r := together(t, create(), force(), create(), force())
		// A forced delete doesn't wait for a create: it kills the process that is being set up.
		winners(t, []*harness.Result{r[0], r[2]}, exists, missing, "container init was killed")
		winners(t, []*harness.Result{r[1], r[3]})
		clean("create against delete")

		b.Container(t, "create").Silent(t)
		r = together(t, start(), force(), start())
		winners(t, []*harness.Result{r[0], r[2]}, missing, "stopped", "died", "running")
		winners(t, r[1:2])
		clean("start against delete")

		r = together(t, b.Cmd("run", "--detach"), force(), verb("kill", b.ID, "KILL")(), verb("state", b.ID)(), verb("list")())
		winners(t, r[:1], missing, exists, "stopped", "died", "killed", "ended")
		winners(t, r[1:2])
		winners(t, r[2:4], missing, "not running")
		winners(t, r[4:], "no such file")
		clean("run against all")
	}
}

// Row 17: two ids and one cgroup. The second create is refused while the first has a
// process, and neither it nor what removes a killed one harms the first.
func TestSharedCgroup(t *testing.T) {
	harness.UseTagged(t, "faultpoints")
	for _, state := range []string{"created", "running", "paused"} {
		t.Run(state, func(t *testing.T) {
			first := sleeper(t)
			pid, _ := first.Create(t)
			if state != "created" {
				first.Must(t, "start")
			}
			if state == "paused" {
				first.Must(t, "pause")
			}
			for _, point := range []string{"", "create:claimed"} { // beyond that it doesn't come
				second := sharing(t, first)
				r := with(second.Cmd("create"), "RUNG_FAULT="+point).Run(t)
				if point != "" && r.Code != 137 || point == "" && (r.Code != 1 || !strings.Contains(r.Stderr, "not empty")) {
					t.Errorf("%s: want an error: %v", point, r)
				}
				if r := second.Run(t, "delete", "--force", second.ID); r.Code != 0 {
					t.Errorf("%s: %v", point, r)
				}
				harness.Reap()
				if !alive(pid) {
					t.Fatalf("%s: the first container was killed", point)
				}
			}
			if st := status(t, first); st != state {
				t.Errorf("state %s, want %s", st, state)
			}
			first.End(t, pid)
		})
	}
}

// sharing makes a bundle of another container in the first one's cgroup.
func sharing(t *testing.T, first *harness.Bundle) *harness.Bundle {
	t.Helper()
	second := sleeper(t)
	second.Root = first.Root
	second.Spec.Linux.CgroupsPath = first.Spec.Linux.CgroupsPath
	second.Save(t)
	return second
}

// Row 17 again: the first has stopped, or was killed while it was made, and its cgroup
// is empty, so the second may have it (engines make cgroups before they create). What
// is left of the first can then be removed, or says why not, and the second is none
// the worse.
func TestSharedStoppedCgroup(t *testing.T) {
	harness.UseTagged(t, "faultpoints")
	for _, first := range []string{"stopped", "create:intent", "create:cgroup"} {
		for _, verb := range [][]string{{"kill"}, {"delete"}, {"delete", "--force"}} {
			t.Run(first+" "+strings.Join(verb, " "), func(t *testing.T) { sharedStopped(t, first, verb) })
		}
	}
}

func sharedStopped(t *testing.T, how string, verb []string) {
	first := sleeper(t)
	if how == "stopped" {
		pid, _ := first.Create(t)
		first.Must(t, "start")
		first.Must(t, "kill", "KILL")
		harness.Wait(t, pid)
	} else if r := with(first.Cmd("create"), "RUNG_FAULT="+how).Run(t); r.Code != 137 {
		t.Fatalf("want a killed runtime: %v", r)
	}
	harness.Reap()
	second := sharing(t, first)
	pid, _ := second.Create(t)
	r := first.Run(t, append(append([]string{}, verb...), first.ID)...)
	if r.Code != 0 && strings.Count(r.Stderr, "\n") != 1 {
		t.Errorf("want success or a line: %v", r)
	}
	if !alive(pid) {
		t.Fatalf("%v of the first container has killed the second", verb)
	}
	if st := status(t, second); st != "created" {
		t.Errorf("the second is %s, want created", st)
	}
	second.Must(t, "start")
	second.Run(t, "exec", second.ID, "/bin/true").Silent(t)
	second.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	second.Must(t, "delete")
	if r := first.Run(t, "delete", "--force", first.ID); r.Code != 0 {
		t.Errorf("the cgroup has gone with the second: %v", r)
	}
}

// Row 18: containers that end at once.
func TestShortLived(t *testing.T) {
	harness.Once(t) // in a short test, which is long enough
	tiny := harness.C(t, "exit7", `void _start(void) { for (;;) sys(NR_exit, 7, 0, 0, 0, 0, 0); }`)
	inv := harness.Take()
	b := harness.New(t, harness.Args("/bin/tiny"))
	data := readFile(t, tiny)
	b.Write(t, "bin/tiny", data, 0o755)
	runs := rounds(10000, 200)
	for i := range runs {
		if r := b.Container(t, "run"); r.Code != 7 || r.Stderr != "" {
			t.Fatalf("run %d: want 7: %v", i, r)
		}
	}
	for i := range rounds(1000, 30) {
		b.Container(t, "run", "--detach").Silent(t)
		harness.Reap()
		if r := b.Run(t, "delete", "--force", b.ID); r.Code != 0 {
			t.Fatalf("delete %d: %v", i, r)
		}
	}
	remove(t, b, inv, "short-lived")
	t.Logf("%d runs", runs)
}
