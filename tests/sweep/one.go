package sweep

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/seccomp"
	"github.com/rung-oci/rung/tests/harness"
)

// longest is how long a call may take with a fault: some wait ten seconds for a process that should end.
const longest = 30 * time.Second

// A sweep is that of a verb on a kind of bundle.
type sweep struct {
	verb *verb
	kind *kind
	b    *harness.Bundle
	inv  *harness.Inventory
	host host
	dir  string

	global   []string // options before the verb
	cgroup   string   // of the container
	units    string   // of systemd, a pattern
	ordinary bool     // the caller is an ordinary user
	console  *keeper  // of terminals
	agent    *keeper  // of seccomp
	tty      *terminal
	network  bool   // the container is given a device
	device   string // how that was
	children map[int]bool

	faults []fault
	tally
}

// A tally is what came of faults.
type tally struct {
	all    int // that there are
	tried  int
	killed int
	told   int // after which the call has said so
	missed int // whose place wasn't reached
	wrong  int
}

func newSweep(t *testing.T, k *kind, v *verb) *sweep {
	t.Helper()
	program := harness.Args("/bin/sleep", "600")
	if v.program != "" {
		program = harness.Args(v.program)
	}
	b := harness.New(t, append([]harness.Edit{program}, k.edits...)...)
	b.Chown(t)
	s := &sweep{verb: v, kind: k, b: b, dir: harness.TempDir(t), cgroup: "/" + b.ID}
	write(t, b.Dir+"/resources.json", changed())
	if k.prepare != nil {
		k.prepare(t, s)
	}
	b.Save(t)
	if s.terminal() && v.tty {
		s.tty = openTerminal(t)
	}
	return s
}

func (s *sweep) String() string { return s.verb.name + ", " + s.kind.name }

// terminal tells whether the container's process has one.
func (s *sweep) terminal() bool { return s.console != nil }

func (s *sweep) pidFile() string { return s.b.Dir + "/pid" }

// create are the words that make the container.
func (s *sweep) create(more ...string) []string {
	words := append([]string{"create", "--bundle", s.b.Dir}, more...)
	if s.terminal() {
		words = append(words, "--console-socket", s.console.path)
	}
	return append(words, s.b.ID)
}

// call makes the verb, traced.
func (s *sweep) call(t *testing.T, f *fault) *outcome {
	t.Helper()
	if s.network {
		s.device = newDevice(t)
	}
	for _, verb := range s.verb.before {
		words := []string{verb, s.b.ID}
		if verb == "create" {
			words = s.create()
		}
		s.b.Run(t, append(slices.Clone(s.global), words...)...).Silent(t)
	}
	argv := slices.Concat(s.b.Via, []string{harness.Runtime(), "--root", s.b.Root}, s.global, s.verb.args(s))
	c := &call{argv: argv, env: []string{"PATH=" + os.Getenv("PATH")}, dir: s.dir, atMost: longest}
	if s.tty != nil {
		c.stdin = s.tty.slave
	}
	out, err := c.run(f)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return out
}

// count finds out what can fail.
func (s *sweep) count(t *testing.T) {
	t.Helper()
	s.inv = harness.Take()
	s.children = map[int]bool{}
	for _, pid := range harness.Children(os.Getpid()) {
		s.children[pid] = true
	}
	out := s.call(t, nil)
	if out.code != 0 || out.hung {
		t.Fatalf("%s: code %d without a fault: %.300s", s, out.code, out.stderr)
	}
	if problem := s.after(t, &fault{}, out, true); problem != "" {
		t.Fatalf("%s: without a fault: %s", s, problem)
	}
	s.host = s.look()
	for _, at := range slices.SortedFunc(maps.Keys(out.made), point.compare) {
		own := runtimes[at.nr] && at.who == 0
		if spared[at.nr] || own && at.nth >= few {
			continue
		}
		for _, errno := range plausible(at.nr) {
			s.faults = append(s.faults, fault{at, errno})
		}
		s.faults = append(s.faults, fault{at, 0})
	}
	if s.tally.all = len(s.faults); s.tally.all < 50 {
		t.Errorf("%s: only %d faults", s, s.tally.all)
	}
}

func (f *fault) String() string {
	what := "SIGKILL"
	if f.errno != 0 {
		what = unix.ErrnoName(f.errno)
	}
	who := "the runtime"
	if f.at.who > 0 {
		who = fmt.Sprintf("process %d", f.at.who)
	}
	return fmt.Sprintf("%s at %s %d of %s", what, seccomp.Name(uintptr(f.at.nr)), f.at.nth, who)
}

// all tries faults, and looks at the whole host after every few. If that has changed, they are tried again one by one.
func (s *sweep) all(t *testing.T, faults []fault) {
	t.Helper()
	for batch := range slices.Chunk(faults, max(1, *every)) {
		for _, f := range batch {
			s.try(t, f, false)
		}
		left := s.inv.Left(s.b)
		if s.units != "" {
			left = append(left, unitsLeft(s.units)...)
		}
		if len(left) == 0 {
			continue
		}
		s.wrong++
		t.Errorf("%s: after %d faults: %q; one by one:", s, len(batch), left)
		s.inv = harness.Take()
		for _, f := range batch {
			s.try(t, f, true)
		}
	}
}

// try makes the call with a fault, and judges. What isn't reached is tried once more: threads don't run in the same order each time.
func (s *sweep) try(t *testing.T, f fault, whole bool) {
	t.Helper()
	out := s.call(t, &f)
	if !out.reached {
		s.judge(t, &f, out, whole)
		out = s.call(t, &f)
	}
	s.tried++
	switch {
	case !out.reached:
		s.missed++
	case f.errno == 0:
		s.killed++
	case out.code != 0:
		s.told++
	}
	s.judge(t, &f, out, whole)
}

func (s *sweep) judge(t *testing.T, f *fault, out *outcome, whole bool) {
	t.Helper()
	problem := s.said(f, out)
	if after := s.after(t, f, out, whole); problem == "" {
		problem = after
	}
	if problem != "" {
		s.wrong++
		t.Errorf("%s: %s: %s (code %d, stderr %.300q)", s, f, problem, out.code, out.stderr)
	}
}
