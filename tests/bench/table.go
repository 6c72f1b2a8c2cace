package main

import (
	"fmt"
	"io"
)

func (r *results) print(w io.Writer) {
	fmt.Fprintf(w, "# %s, %s, %s\n\nLinux %s, %d CPUs, load %s, %s\n", r.Versions["rung"], r.Versions["crun"], r.Versions["runc"],
		r.Kernel, r.CPUs, r.Load, r.Date)
	for i, t := range r.Times {
		if i == 0 || t.Quiet != r.Times[i-1].Quiet || t.View != r.Times[i-1].View {
			timesHead(w, t)
		}
		timesRow(w, t)
	}
	if len(r.Times) > 0 {
		fmt.Fprint(w, "\nWithout linux.resources rung still attaches its default device program on cgroup2; crun and runc don't: rung does more.\n")
	}
	r.printLimit(w)
	r.printEmbedded(w)
	r.printPeaks(w)
	r.printFloors(w)
	r.printCurves(w)
	r.printRates(w)
	r.printTargets(w)
}

func timesHead(w io.Writer, t timing) {
	title := "back to back"
	if t.Quiet > 0 {
		title = fmt.Sprintf("%.1f s of quiet before each command", t.Quiet/1000)
	}
	fmt.Fprintf(w, "\n## Time: %d interleaved rounds, %s, %s view\n\n", t.Rounds, title, t.View)
	fmt.Fprint(w, "Milliseconds, median (minimum); ratios are the medians of the rounds' ratios (quartiles).\n\n")
	fmt.Fprint(w, "| | rung | crun | runc | rung/crun | rung/runc | CPU rung, crun, runc |\n|---|---:|---:|---:|---:|---:|---:|\n")
}

func timesRow(w io.Writer, t timing) {
	fmt.Fprintf(w, "| %s |", t.Operation)
	for _, name := range runtimeNames {
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
	fmt.Fprintf(w, "| runtime, view of cgroups | of %d runs under %d KiB, good | smallest limit that works, KiB | runs under a pids.limit of 1 |\n|---|---:|---:|---|\n", floorRuns, floorLimit>>10)
	for _, f := range r.Floors {
		smallest := fmt.Sprint(f.Smallest)
		if f.Smallest == 0 {
			smallest = "> 4096"
		}
		fmt.Fprintf(w, "| %s, %s | %d | %s | %s |\n", f.Runtime, f.View, f.Good, smallest, map[bool]string{true: "yes", false: "no"}[f.OnePid])
	}
}
