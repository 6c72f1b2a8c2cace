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
	Want   float64 `json:"want"`
	Unit   string  `json:"unit"`
	Passed bool    `json:"passed"`
}

// judge compares what was measured with the targets.
func (r *results) judge() {
	for _, t := range r.Times {
		want, ok := map[string]float64{"run": 0.75, "run docker": 0.70, "exec": 1, "exec docker": 1}[t.Operation]
		if !ok {
			continue
		}
		name := t.Operation + ", interleaved, back to back"
		if t.Quiet > 0 {
			name = t.Operation + ", interleaved, on a quiet host"
		}
		r.atMost(name, t.Ratio["crun"], want, "× crun")
	}
	for _, p := range r.Peaks {
		if p.Runtime == "rung" && slices.Contains([]string{"run", "create", "exec"}, p.Operation) {
			r.atMost("peak RSS of the parent, "+p.Operation, float64(p.Parent)/1024, 6, "MiB")
			r.atMost("peak RSS of the stage, "+p.Operation, float64(p.Child)/1024, 6, "MiB")
		}
	}
	for _, f := range r.Floors {
		if f.Runtime == "rung" {
			r.Targets = append(r.Targets, target{
				"runs under a limit of 1 MiB, " + f.View + " view", float64(f.MiB),
				floorRuns, fmt.Sprintf("of %d", floorRuns), f.MiB == floorRuns,
			})
		}
	}
}

func (r *results) atMost(name string, got, want float64, unit string) {
	r.Targets = append(r.Targets, target{name, got, want, unit, got > 0 && got <= want})
}

func (r *results) missed() bool {
	return slices.ContainsFunc(r.Targets, func(t target) bool { return !t.Passed })
}

func (r *results) print(w io.Writer) {
	fmt.Fprintf(w, "# %s, %s, %s\n\nLinux %s, %d CPUs, load %s, %s\n", r.Versions["rung"], r.Versions["crun"], r.Versions["runc"],
		r.Kernel, r.CPUs, r.Load, r.Date)
	quiet := -1.0
	for _, t := range r.Times {
		if t.Quiet != quiet {
			quiet = t.Quiet
			timesHead(w, t)
		}
		timesRow(w, t)
	}
	if len(r.Times) > 0 {
		fmt.Fprint(w, "\nWithout linux.resources rung still attaches its default device program on cgroup2; crun and runc don't: rung does more.\n")
	}
	r.printPeaks(w)
	r.printFloors(w)
	if len(r.Targets) > 0 {
		fmt.Fprint(w, "\n## Targets\n\n| | got | wanted | |\n|---|---:|---:|---|\n")
	}
	for _, t := range r.Targets {
		word := "PASS"
		if !t.Passed {
			word = "FAIL"
		}
		sign := "≤ "
		if t.Want == floorRuns {
			sign = ""
		}
		fmt.Fprintf(w, "| %s | %.4g | %s%.4g %s | %s |\n", t.Name, t.Got, sign, t.Want, t.Unit, word)
	}
}

func timesHead(w io.Writer, t timing) {
	title := "back to back"
	if t.Quiet > 0 {
		title = fmt.Sprintf("%.1f s of quiet before each command", t.Quiet/1000)
	}
	fmt.Fprintf(w, "\n## Time: %d interleaved rounds, %s\n\n", t.Rounds, title)
	fmt.Fprint(w, "Milliseconds, median (minimum); ratios are the medians of the rounds' ratios (quartiles).\n\n")
	fmt.Fprint(w, "| | rung | crun | runc | rung/crun | rung/runc | CPU rung, crun, runc |\n|---|---:|---:|---:|---:|---:|---:|\n")
}

func timesRow(w io.Writer, t timing) {
	fmt.Fprintf(w, "| %s |", t.Operation)
	for _, name := range []string{"rung", "crun", "runc"} {
		fmt.Fprintf(w, " %.2f (%.2f) |", t.Median[name], t.Min[name])
	}
	for _, name := range []string{"crun", "runc"} {
		fmt.Fprintf(w, " %.2f (%.2f–%.2f) |", t.Ratio[name], t.Low[name], t.High[name])
	}
	fmt.Fprintf(w, " %.2f, %.2f, %.2f |\n", t.CPU["rung"], t.CPU["crun"], t.CPU["runc"])
}

func (r *results) printPeaks(w io.Writer) {
	if len(r.Peaks) == 0 {
		return
	}
	fmt.Fprint(w, "\n## Memory, MiB\n\nPeak resident set of the command's process + of the largest process that it started.\n\n")
	fmt.Fprint(w, "| | rung | crun | runc |\n|---|---:|---:|---:|\n")
	for _, operation := range operations {
		fmt.Fprintf(w, "| %s |", operation)
		for _, p := range r.Peaks {
			if p.Operation != operation {
				continue
			}
			fmt.Fprintf(w, " %.1f", float64(p.Parent)/1024)
			if p.Child > 0 {
				fmt.Fprintf(w, " + %.1f", float64(p.Child)/1024)
			}
			fmt.Fprint(w, " |")
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "| first process, created: private |")
	for _, v := range r.Waiting {
		fmt.Fprintf(w, " %.2f |", float64(v.Private)/1024)
	}
	fmt.Fprintln(w)
}

func (r *results) printFloors(w io.Writer) {
	if len(r.Floors) == 0 {
		return
	}
	fmt.Fprint(w, "\n## Memory limits of a static program without a libc\n\n")
	fmt.Fprintf(w, "| runtime, view of cgroups | of %d runs under 1 MiB, good | smallest limit that works, KiB |\n|---|---:|---:|\n", floorRuns)
	for _, f := range r.Floors {
		smallest := fmt.Sprint(f.Smallest)
		if f.Smallest == 0 {
			smallest = "> 4096"
		}
		fmt.Fprintf(w, "| %s, %s | %d | %s |\n", f.Runtime, f.View, f.MiB, smallest)
	}
}
