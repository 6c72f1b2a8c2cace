package sweep

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/seccomp"
	"github.com/rung-oci/rung/tests/harness"
)

var (
	whole  = flag.Bool("whole", false, "all faults, not some by chance")
	seed   = flag.Uint64("seed", 1, "of the chance")
	budget = flag.Duration("budget", 15*time.Second, "how long a sample may take")
	only   = flag.String("verb", "", "one `verb` alone")
	bundle = flag.String("kind", "", "one `kind` of bundle alone")
)

func TestMain(m *testing.M) { harness.Main(m) }

// longest is how long a call may take with a fault: some wait ten seconds for a process that should end.
const longest = 30 * time.Second

// Every call fails once, and every process is killed at every call: none hangs, none lies, nothing is left.
func TestSweep(t *testing.T) {
	harness.NeedRung(t, "what it promises when calls fail")
	if !able {
		t.Skip("calls are had to fail on amd64 only")
	}
	if harness.View() != "hybrid" && !*whole {
		t.Skip("a sample is taken in the hybrid view; make sweep does all")
	}
	dice := rand.New(rand.NewPCG(*seed, 0))
	var all []*sweep
	for _, k := range kinds() {
		for _, v := range verbs {
			if (*only == "" || v.name == *only) && (*bundle == "" || k.name == *bundle) {
				all = append(all, newSweep(t, k, v))
			}
		}
	}
	for _, s := range all {
		s.count(t)
	}
	end := time.Now().Add(*budget)
	if *whole {
		for _, s := range all {
			for _, f := range s.faults {
				s.try(t, f)
			}
		}
	} else {
		for time.Now().Before(end) {
			s := all[dice.IntN(len(all))]
			s.try(t, s.faults[dice.IntN(len(s.faults))])
		}
	}
	report(t, all)
}

// A sweep is that of a verb on a kind of bundle.
type sweep struct {
	verb   verb
	kind   string
	b      *harness.Bundle
	inv    *harness.Inventory
	dir    string
	faults []fault
	tried  int
	killed int
	missed int // whose place wasn't reached
	failed int // after which the call has said so
}

func newSweep(t *testing.T, k kind, v verb) *sweep {
	t.Helper()
	program := harness.Args("/bin/sleep", "600")
	if v.program != "" {
		program = harness.Args(v.program)
	}
	b := harness.New(t, append([]harness.Edit{program}, k.edits...)...)
	b.Chown(t)
	return &sweep{verb: v, kind: k.name, b: b, inv: harness.Take(), dir: harness.TempDir(t)}
}

// call makes the verb, traced.
func (s *sweep) call(t *testing.T, f *fault) *outcome {
	t.Helper()
	for _, verb := range s.verb.before {
		if verb == "create" {
			s.b.Create(t)
		} else {
			s.b.Must(t, verb)
		}
	}
	argv := append([]string{harness.Runtime(), "--root", s.b.Root}, s.verb.args(s.b)...)
	out, err := run(argv, []string{"PATH=" + os.Getenv("PATH")}, s.dir, f, longest)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return out
}

func (s *sweep) String() string { return s.verb.name + ", " + s.kind }

// count finds out what can fail.
func (s *sweep) count(t *testing.T) {
	t.Helper()
	out := s.call(t, nil)
	if out.code != 0 || out.hung {
		t.Fatalf("%s: code %d without a fault: %.300s", s, out.code, out.stderr)
	}
	if problem := s.after(t, 0, false); problem != "" {
		t.Fatalf("%s: without a fault: %s", s, problem)
	}
	for _, at := range slices.SortedFunc(maps.Keys(out.made), func(a, b point) int {
		return strings.Compare(fmt.Sprintf("%3d %5d %5d", a.who, a.nr, a.nth), fmt.Sprintf("%3d %5d %5d", b.who, b.nr, b.nth))
	}) {
		own := runtimes[at.nr] && at.who == 0
		if spared[at.nr] || own && at.nth >= few {
			continue
		}
		for _, errno := range plausible(at.nr) {
			s.faults = append(s.faults, fault{at, errno})
		}
		s.faults = append(s.faults, fault{at, 0})
	}
	if len(s.faults) < 50 {
		t.Errorf("%s: only %d faults", s, len(s.faults))
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

// try makes the call with a fault, and judges.
func (s *sweep) try(t *testing.T, f fault) {
	t.Helper()
	out := s.call(t, &f)
	s.tried++
	switch {
	case !out.reached:
		s.missed++
	case f.errno == 0:
		s.killed++
	case out.code != 0:
		s.failed++
	}
	problem := said(&f, out)
	if after := s.after(t, out.code, ofGo(&f)); problem == "" {
		problem = after
	}
	if problem != "" {
		t.Errorf("%s: %s: %s (code %d, stderr %.300q)", s, &f, problem, out.code, out.stderr)
	}
}

// said judges what the call has said and how it has ended.
func said(f *fault, out *outcome) string {
	lines := strings.Count(out.stderr, "\n")
	crash := strings.Contains(out.stderr, "goroutine ") || strings.Contains(out.stderr, "fatal error") || strings.Contains(out.stderr, "panic")
	switch {
	case out.hung:
		return "it hangs"
	case out.reached && f.errno == 0 && f.at.who == 0:
		if out.code != 128+int(unix.SIGKILL) {
			return "it wasn't killed"
		}
		return ""
	case out.reached && ofGo(f):
		return "" // the Go runtime's own words
	case crash:
		return "it crashes"
	case out.code == 0 && strings.Contains(out.stderr, "level=error"):
		return "an error without a code"
	case out.code != 0 && (lines != 1 || !strings.Contains(out.stderr, "level=error msg=\"")) && !strings.Contains(out.stderr, "level=warning"):
		return fmt.Sprintf("%d lines, want one", lines)
	}
	return ""
}

// after judges the container and what is left once it is deleted. What has crashed had no time to undo, nor what was killed.
func (s *sweep) after(t *testing.T, code int, crashed bool) string {
	t.Helper()
	harness.Reap()
	want := s.verb.good
	switch {
	case code == 128+int(unix.SIGKILL), code != 0 && crashed:
		want = "" // any
	case code != 0:
		want = s.verb.bad
	}
	is := state(t, s.b)
	if want == "" && !strings.HasPrefix(is, "undefined") {
		want = is
	}
	problem := ""
	if !allowed(is, want) {
		problem = fmt.Sprintf("the container is %s, want %s", is, want)
	}
	if r := s.b.Run(t, "delete", "--force", s.b.ID); r.Code != 0 {
		return fmt.Sprintf("delete --force: %v", r)
	}
	if left := s.inv.Left(s.b); len(left) > 0 {
		return strings.Join(left, "; ")
	}
	return problem
}

func report(t *testing.T, all []*sweep) {
	t.Helper()
	tried, killed := 0, 0
	for _, s := range all {
		t.Logf("%-30s %5d faults, %5d tried: %d kills, %d told, %d not reached", s, len(s.faults), s.tried, s.killed, s.failed, s.missed)
		tried, killed = tried+s.tried, killed+s.killed
	}
	t.Logf("%d faults tried, %d of them kills", tried, killed)
	if tried < 5 {
		t.Errorf("only %d faults tried", tried)
	}
}
