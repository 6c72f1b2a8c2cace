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
	r := &run{text: make(map[string]*strings.Builder), skipped: make(map[string]int), counts: make(map[string]*count), slow: make(map[string]float64)}
	r.read(out, os.Stdout)
	r.table(os.Stdout)
	if cmd.Wait() != nil {
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
	skipped map[string]int              // "package test: reason" → times: once in each view
	counts  map[string]*count           // by package
	slow    map[string]float64          // package and test → seconds, of all views together
}

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
			r.skipped[fmt.Sprintf("%s %s: %s", short(e.Package), e.Test, reason(r.text[key].String()))]++
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

func (r *run) table(to io.Writer) {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "passed\tfailed\tskipped\tseconds\t  package")
	for _, name := range slices.Sorted(maps.Keys(r.counts)) {
		if c := r.counts[name]; c.passed+c.failed+c.skipped > 0 {
			fmt.Fprintf(out, "%d\t%d\t%d\t%.0f\t  %s\n", c.passed, c.failed, c.skipped, c.seconds, short(name))
		}
	}
	out.Flush()
	r.slowest(to)
	var rows []string
	for what, n := range r.skipped {
		rows = append(rows, fmt.Sprintf("  %d× %s\n", n, what))
	}
	slices.SortFunc(rows, func(a, b string) int { return strings.Compare(after(a), after(b)) })
	fmt.Fprintf(to, "skipped: %d\n%s", len(rows), strings.Join(rows, ""))
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
