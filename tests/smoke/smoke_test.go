// Package smoke counts what each verb costs, in numbers that don't depend on how
// fast or how busy a machine is: system calls, page faults, allocations.
package smoke

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// A cost is what a verb takes at least, of several tries.
type cost struct {
	Calls       int `json:"systemCalls"` // of all processes, those of the container's program included
	Faults      int `json:"pageFaults"`  // minor ones, of the runtime and the children that it waits for
	Allocations int `json:"allocations"` // of the runtime's heap, the builder's if it is a thread there (ADR 17)
}

// recorded is the file of costs by verb. RUNG_WRITE=1 writes it.
const recorded = "costs.json"

const (
	tracedRuns = 8
	faultRuns  = 90
	allocRuns  = 3
)

// TestCosts fails when a verb has become dearer by more than a twentieth.
func TestCosts(t *testing.T) {
	harness.NeedRung(t, "counts its own")
	harness.Once(t)
	if harness.View() != "hybrid" {
		t.Skip("the figures are those of the hybrid view")
	}
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("needs strace")
	}
	write := os.Getenv("RUNG_WRITE") != ""
	want := map[string]cost{} // all zero, which no verb reaches, if they are to be written
	if !write {
		want = read(t)
	}
	got := map[string]cost{}
	for _, verb := range []string{"run", "create", "start", "exec", "state", "kill", "delete"} {
		got[verb] = cost{Calls: calls(t, verb, bound(want[verb].Calls)), Faults: faults(t, verb, bound(want[verb].Faults))}
	}
	harness.UseTagged(t, "faultpoints")
	for verb, c := range got {
		c.Allocations = allocations(t, verb, bound(want[verb].Allocations))
		got[verb] = c
		t.Logf("%-7s %4d system calls, %5d page faults, %5d allocations", verb, c.Calls, c.Faults, c.Allocations)
	}
	if write {
		text, err := json.MarshalIndent(got, "", "\t")
		if err == nil {
			err = os.WriteFile(recorded, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	for verb, g := range got {
		w := want[verb]
		for what, n := range map[string][2]int{"system calls": {g.Calls, w.Calls}, "page faults": {g.Faults, w.Faults}, "allocations": {g.Allocations, w.Allocations}} {
			if n[0] > bound(n[1]) {
				t.Errorf("%s: %d %s, recorded are %d", verb, n[0], what, n[1])
			}
		}
	}
}

// bound is how much more than what was recorded a verb may cost: a twentieth. The first run that keeps within it is
// enough.
func bound(recorded int) int { return recorded * 105 / 100 }

// read reads the recorded costs.
func read(t *testing.T) (want map[string]cost) {
	t.Helper()
	text, err := os.ReadFile(recorded)
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// ready makes a container that the verb can be called on, and returns the call.
func ready(t *testing.T, verb string) (b *harness.Bundle, call *harness.Cmd) {
	t.Helper()
	b = harness.New(t, harness.Args("/bin/sleep", "300"))
	switch verb {
	case "run":
		b.Spec.Process.Args = []string{"/bin/true"}
		b.Save(t)
		return b, b.Cmd("run")
	case "create":
		return b, b.Cmd("create", "--pid-file", b.Dir+"/pid")
	}
	if _, r := b.Create(t); r.Code != 0 {
		t.Fatal(r)
	}
	if verb != "start" {
		b.Must(t, "start")
	}
	switch verb {
	case "exec":
		return b, &harness.Cmd{Args: []string{"--root", b.Root, "exec", b.ID, "/bin/true"}}
	case "kill":
		return b, &harness.Cmd{Args: []string{"--root", b.Root, "kill", b.ID, "KILL"}}
	case "delete":
		b.Must(t, "kill", "KILL")
		b.WaitStatus(t, "stopped")
	}
	return b, &harness.Cmd{Args: []string{"--root", b.Root, verb, b.ID}}
}

// over removes the container and waits for its processes.
func over(t *testing.T, b *harness.Bundle) {
	t.Helper()
	if r := b.Run(t, "delete", "--force", b.ID); r.Code != 0 {
		t.Error(r)
	}
	b.ReapAll(t)
}

// least returns the smallest of n numbers, or the first that is enough.
func least(n, enough int, one func() int) int {
	m := one()
	for ; n > 1 && m > enough; n-- {
		m = min(m, one())
	}
	return m
}

// asides are calls whose number depends on how threads meet.
var asides = []string{"futex", "nanosleep", "sigaction", "sigprocmask", "sigreturn", "sigaltstack", "tgkill", "sched_yield", "poll", "wait", "restart_syscall", "getpid", "gettid"}

func calls(t *testing.T, verb string, enough int) int {
	return least(tracedRuns, enough, func() int {
		b, c := ready(t, verb)
		defer over(t, b)
		log := harness.TempDir(t) + "/log"
		c.Via = []string{"strace", "-f", "-qq", "--signal=none", "-o", log}
		p := c.Start(t)
		if verb == "create" { // strace stays with the first process
			harness.UntilFile(t, b.Dir+"/pid")
			b.Must(t, "delete", "--force")
		}
		if r := p.Wait(t); r.Code != 0 {
			t.Fatal(r)
		}
		return count(t, log)
	})
}

// count counts the beginnings of calls in strace's output.
func count(t *testing.T, log string) (n int) {
	t.Helper()
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
lines:
	for s.Scan() {
		_, text, _ := strings.Cut(s.Text(), " ")
		text = strings.TrimSpace(text)
		name, _, ok := strings.Cut(text, "(")
		if !ok || strings.HasPrefix(text, "<...") || strings.HasPrefix(text, "+++") || strings.HasPrefix(text, "---") {
			continue
		}
		for _, a := range asides {
			if strings.Contains(name, a) {
				continue lines
			}
		}
		n++
	}
	return n
}

func faults(t *testing.T, verb string, enough int) int {
	return least(faultRuns, enough, func() int {
		b, c := ready(t, verb)
		defer over(t, b)
		p := c.Start(t)
		if r := p.Wait(t); r.Code != 0 {
			t.Fatal(r)
		}
		return int(p.ProcessState.SysUsage().(*syscall.Rusage).Minflt)
	})
}

func allocations(t *testing.T, verb string, enough int) int {
	return least(allocRuns, enough, func() int {
		b, c := ready(t, verb)
		defer over(t, b)
		file := filepath.Join(harness.TempDir(t), "n")
		c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "RUNG_ALLOCATIONS=" + file}
		if r := c.Run(t); r.Code != 0 {
			t.Fatal(r)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(string(text))
		if err != nil {
			t.Fatal(fmt.Errorf("allocations: %w", err))
		}
		return n
	})
}
