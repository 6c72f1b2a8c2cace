// Skips runs `go test -json` with its arguments, shows what go test shows, and then
// a table of the packages, the tests that took longest, and those that were skipped, with
// their reasons: a skip is a test that proves nothing, and go test says nothing of it.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
)

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // go test gets it too, and ends in order
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "skips:", err)
		os.Exit(1)
	}
	r := newRun()
	r.read(out, os.Stdout)
	whole := r.table(os.Stdout)
	if cmd.Wait() != nil || !whole {
		os.Exit(1)
	}
}

// An event is what go test -json says (cmd/test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64 // seconds
}

// A run is what was said until now.
type run struct {
	text    map[string]*strings.Builder // package and test → its output, while it isn't known how it ends
	skipped map[skip]int                // → times: once in each view
	ran     map[string]bool             // package and test, in some view
	counts  map[string]*count           // by package
	slow    map[string]float64          // package and test → seconds, of all views together
}

func newRun() *run {
	return &run{
		text: make(map[string]*strings.Builder), skipped: make(map[skip]int), ran: make(map[string]bool),
		counts: make(map[string]*count), slow: make(map[string]float64),
	}
}

// A skip is of a test, named with its package.
type skip struct{ test, reason string }

// elsewhere is how the reason begins that harness.Share and Once give.
const elsewhere = "a short test runs it in "

// A count is of a package's tests, each as often as there were views.
type count struct {
	passed, failed, skipped int
	seconds                 float64
}

func (r *run) read(from io.Reader, to io.Writer) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if len(line) > 0 && json.Unmarshal(line, &e) != nil {
			fmt.Fprintf(to, "%s", line) // not an event: a tool's own words
		} else if len(line) > 0 {
			r.take(&e, to)
		}
		if err != nil {
			return
		}
	}
}

// take shows a package's last line when it has passed, and everything when it hasn't.
func (r *run) take(e *event, to io.Writer) {
	key := e.Package + " " + e.Test
	r.count(e)
	if r.text[key] == nil {
		r.text[key] = new(strings.Builder)
	}
	switch e.Action {
	case "output":
		r.text[key].WriteString(e.Output)
		return
	case "build-output":
		fmt.Fprint(to, e.Output)
		return
	case "skip":
		if e.Test != "" {
			r.skipped[skip{short(e.Package) + " " + e.Test, reason(r.text[key].String())}]++
		}
	case "fail":
		fmt.Fprint(to, r.text[key].String())
	case "pass":
		if e.Test == "" {
			fmt.Fprint(to, lastLine(r.text[key].String()))
		}
	default:
		return
	}
	delete(r.text, key)
}

func (r *run) count(e *event) {
	if e.Action == "pass" || e.Action == "fail" {
		r.ran[short(e.Package)+" "+e.Test] = true
	}
	c := r.counts[e.Package]
	if c == nil {
		c = new(count)
		r.counts[e.Package] = c
	}
	switch {
	case e.Test == "":
		c.seconds = max(c.seconds, e.Elapsed)
	case e.Action == "pass":
		c.passed++
		if !strings.Contains(e.Test, "/") {
			r.slow[short(e.Package)+" "+e.Test] += e.Elapsed
		}
	case e.Action == "fail":
		c.failed++
	case e.Action == "skip":
		c.skipped++
	}
}

// table writes what there is to say of all tests. Each test that was left to another view must have
// been run in one, or been skipped there for a reason of its own: else not the whole was tested.
func (r *run) table(to io.Writer) (whole bool) {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "passed\tfailed\tskipped\tseconds\t  package")
	for _, name := range slices.Sorted(maps.Keys(r.counts)) {
		if c := r.counts[name]; c.passed+c.failed+c.skipped > 0 {
			fmt.Fprintf(out, "%d\t%d\t%d\t%.0f\t  %s\n", c.passed, c.failed, c.skipped, c.seconds, short(name))
		}
	}
	out.Flush()
	r.slowest(to)
	rows, shared, lost := r.skips()
	fmt.Fprintf(to, "in one view each: %d (make test-views: in all)\nskipped: %d\n%s", shared, len(rows), strings.Join(rows, ""))
	for _, test := range lost {
		fmt.Fprintf(to, "in no view: %s\n", test)
	}
	return len(lost) == 0
}

// skips lists the tests that were skipped for a reason that isn't another view, counts those that
// another view had, and lists those that none had.
func (r *run) skips() (rows []string, shared int, lost []string) {
	others := make(map[string]bool)
	for s := range r.skipped {
		others[s.test] = others[s.test] || !strings.HasPrefix(s.reason, elsewhere)
	}
	for s, n := range r.skipped {
		switch {
		case !strings.HasPrefix(s.reason, elsewhere):
			rows = append(rows, fmt.Sprintf("  %d× %s: %s\n", n, s.test, s.reason))
		case r.ran[s.test]:
			shared++
		case !others[s.test]:
			lost = append(lost, s.test)
		}
	}
	slices.SortFunc(rows, func(a, b string) int { return strings.Compare(after(a), after(b)) })
	slices.Sort(lost)
	return rows, shared, lost
}

// slowest names the tests in which the time goes.
func (r *run) slowest(to io.Writer) {
	const named, worth = 30, 5 // tests, seconds
	tests := slices.SortedFunc(maps.Keys(r.slow), func(a, b string) int { return cmp.Compare(r.slow[b], r.slow[a]) })
	for _, t := range tests[:min(named, len(tests))] {
		if r.slow[t] >= worth {
			fmt.Fprintf(to, "%.0f s  %s\n", r.slow[t], t)
		}
	}
}

func after(row string) string {
	_, what, _ := strings.Cut(row, "× ")
	return what
}

func short(pkg string) string { return strings.TrimPrefix(pkg, "github.com/rung-oci/rung/") }

// reason is what a test said last, without what the test framework says.
func reason(text string) string {
	last := "no reason"
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") && !strings.HasSuffix(line, ": residue 0") {
			last = line
		}
	}
	if at, what, ok := strings.Cut(last, ": "); ok && strings.Contains(at, ".go:") {
		return what
	}
	return last
}

func lastLine(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for _, l := range slices.Backward(lines) {
		if strings.TrimSpace(l) != "" {
			return l
		}
	}
	return ""
}
