package main

import (
	"fmt"
	"io"
	"slices"
)

// A target is a figure that rung is to reach.
type target struct {
	Name   string  `json:"name"`
	Got    float64 `json:"got"`
	Sign   string  `json:"sign"` // of what is wanted
	Want   float64 `json:"want"`
	Unit   string  `json:"unit"`
	Passed bool    `json:"passed"`
}

// wantedTimes are × crun, back to back and on a quiet host. What isn't here has no target.
var wantedTimes = map[string]float64{
	"run": 0.75, "run docker": 0.60, "run userns": 0.90, rootless: 0.90, "exec docker": 0.90,
	"create": 0.85, "start": 0.90, "exec": 0.90, "state": 0.90, "kill": 0.90, "delete": 0.90,
}

// judge compares what was measured with the targets.
func (r *results) judge() {
	r.judgeTimes()
	r.judgeMemory()
	for _, f := range r.Floors {
		if f.Runtime == "rung" {
			r.Targets = append(r.Targets, target{
				fmt.Sprintf("runs under a limit of %d KiB, %s view", floorLimit>>10, f.View),
				float64(f.Good), "", floorRuns, fmt.Sprintf("of %d", floorRuns), f.Good == floorRuns,
			})
			r.atMost("smallest memory limit, "+f.View+" view", float64(f.Smallest), floorWanted>>10, "KiB")
			r.isTrue("run under a pids.limit of 1, "+f.View+" view", f.OnePid)
		}
	}
	for _, c := range r.Curves {
		r.judgeCurve(c)
	}
	if r.Binary > 0 {
		r.atMost("size of the executable", float64(r.Binary)/1e6, 9, "MB")
		r.isTrue("the executable is static", r.Static)
	}
	for _, v := range r.Rates {
		if v.AtOnce == 8 {
			got := v.Ratio["crun"]
			r.Targets = append(r.Targets, target{"containers per second, 8 at a time", got, "≥ ", 1.15, "× crun", got >= 1.15})
		}
	}
}

func (r *results) judgeTimes() {
	for _, t := range r.Times {
		want, ok := wantedTimes[t.Operation]
		name := t.Operation + ", interleaved, back to back"
		if t.Quiet > 0 {
			name = t.Operation + ", interleaved, on a quiet host"
		}
		if ok {
			r.atMost(name, t.Ratio["crun"], want, "× crun")
		}
		r.judgeLimit(t, name)
	}
}

// judgeMemory is about the peaks of runtimes, and what a waiting container takes.
func (r *results) judgeMemory() {
	for _, p := range r.Peaks {
		parent := float64(p.Parent) / 1024
		switch {
		case p.Runtime != "rung":
		case slices.Contains([]string{"run", "create", "exec"}, p.Operation):
			r.atMost("peak RSS of the parent, "+p.Operation, parent, 5, "MiB")
		case slices.Contains([]string{"state", "kill", "delete"}, p.Operation):
			r.atMost("peak RSS, "+p.Operation, parent, 4, "MiB")
		}
	}
	for _, v := range r.Waiting {
		if v.Runtime == "rung" {
			r.atMost("private memory of the first process, created", float64(v.Private)/1024, 0.3, "MiB")
		}
	}
}

// judgeCurve wants what acts on one container to take no longer when others live,
// give or take a tenth, and everything else to grow linearly and to end not above crun.
func (r *results) judgeCurve(c curve) {
	last := c.Points[len(c.Points)-1]
	if c.Operation == oneOperations[0].name {
		return
	}
	if last.Alone != nil {
		r.atMost(fmt.Sprintf("%s, %g %s", c.Operation, last.Size, c.Unit), last.Alone["rung"], 1.1,
			fmt.Sprintf("× alone, ± %.2f", last.AloneError["rung"]))
		return
	}
	f := c.Fits["rung"]
	r.Targets = append(r.Targets, target{
		c.name() + ", cost of a unit in the last step", f.Marginal, "≤ ", steeper,
		"× the step before, or noise: " + f.Verdict, f.Verdict == flat || f.Verdict == linear,
	})
	// A size that crun can't do isn't one at which it is faster: the table has its error.
	if _, failed := last.Errors["crun"]; !failed || last.Errors["rung"] != "" {
		r.atMost(fmt.Sprintf("%s, at %g", c.name(), last.Size), last.Ratio["crun"], 1, "× crun")
	}
}

func (r *results) atMost(name string, got, want float64, unit string) {
	r.Targets = append(r.Targets, target{name, got, "≤ ", want, unit, got > 0 && got <= want})
}

func (r *results) missed() bool {
	return slices.ContainsFunc(r.Targets, func(t target) bool { return !t.Passed })
}

func (r *results) printTargets(w io.Writer) {
	if len(r.Targets) == 0 {
		return
	}
	fmt.Fprint(w, "\n## Targets\n\n| | got | wanted | |\n|---|---:|---:|---|\n")
	for _, t := range r.Targets {
		word := "PASS"
		if !t.Passed {
			word = "FAIL"
		}
		fmt.Fprintf(w, "| %s | %.4g | %s%.4g %s | %s |\n", t.Name, t.Got, t.Sign, t.Want, t.Unit, word)
	}
}

func (r *results) isTrue(name string, got bool) {
	r.Targets = append(r.Targets, target{Name: name, Got: map[bool]float64{true: 1}[got], Want: 1, Unit: "yes", Passed: got})
}
