package main

import (
	"io"
	"testing"
)

func TestJudge(t *testing.T) {
	end := func(ratio float64) []point {
		return []point{{Size: 1}, {Size: 1000, timing: timing{Ratio: map[string]float64{"crun": ratio}}}}
	}
	grows := func(verdict string) map[string]fit { return map[string]fit{"rung": {Verdict: verdict}} }
	live := func(ratio float64) []point {
		return []point{{Size: 1, Alone: map[string]float64{"rung": 1}}, {Size: 1000, Alone: map[string]float64{"rung": ratio}}}
	}
	failed := func(name string) []point {
		return []point{{Size: 1}, {Size: 1000, Errors: map[string]string{name: "no"}}}
	}
	timed := func(operation string, quiet, ratio float64) results {
		return results{Times: []timing{{Operation: operation, Quiet: quiet, Ratio: map[string]float64{"crun": ratio}}}}
	}
	curved := func(c curve) results { return results{Curves: []curve{c}} }
	rated := func(n int, ratio float64) results {
		return results{Rates: []rate{{AtOnce: n, Ratio: map[string]float64{"crun": ratio}}}}
	}
	for _, c := range []struct {
		name         string
		r            results
		good, missed int
	}{
		{"run", timed("run", 0, 0.75), 1, 0},
		{"run, quiet", timed("run", 700, 0.76), 0, 1},
		{"run userns", timed("run userns", 0, 0.91), 0, 1},
		{"delete, quiet", timed("delete", 700, 0.9), 1, 0},
		{"run terminal has no target", timed("run terminal", 0, 9), 0, 0},
		{"linear", curved(curve{Operation: "run", Points: end(1), Fits: grows(linear)}), 2, 0},
		{"slower than crun", curved(curve{Operation: "run", Points: end(1.1), Fits: grows(flat)}), 1, 1},
		{"superlinear", curved(curve{Operation: "run", Points: end(0.9), Fits: grows(superlinear)}), 1, 1},
		{"crun fails", curved(curve{Operation: "run", Points: failed("crun"), Fits: grows(linear)}), 1, 0},
		{"rung fails", curved(curve{Operation: "run", Points: failed("rung"), Fits: grows(unknown)}), 0, 2},
		{"exec among others", curved(curve{Operation: "exec", Points: live(1.1), Fits: grows(superlinear)}), 1, 0},
		{"exec slower among others", curved(curve{Operation: "exec", Points: live(1.2), Fits: grows(linear)}), 0, 1},
		{"bare start has no target", curved(curve{Operation: "--version", Points: live(2), Fits: grows(linear)}), 0, 0},
		{"rate", rated(8, 1.15), 1, 0},
		{"low rate", rated(8, 1.1), 0, 1},
		{"other rates have no target", rated(4, 0.1), 0, 0},
		{"limit", results{Floors: []floor{{Runtime: "rung", View: "v1", Good: floorRuns, Smallest: 256, OnePid: true}}}, 3, 0},
		{"limit is too high", results{Floors: []floor{{Runtime: "rung", View: "v1", Good: 19, Smallest: 516}}}, 0, 3},
		{"executable", results{Binary: 6e6, Static: true}, 2, 0},
		{"large, with an interpreter", results{Binary: 10e6}, 0, 2},
		{"peaks", results{Peaks: []peak{{"rung", "run", 5 << 10, 3 << 10}, {"rung", "kill", 4 << 10, 0}, {"crun", "kill", 3 << 10, 0}}}, 2, 0},
		{"high peak", results{Peaks: []peak{{"rung", "kill", 4<<10 + 1, 0}}}, 0, 1},
	} {
		c.r.judge()
		good := 0
		for _, target := range c.r.Targets {
			if target.Passed {
				good++
			}
		}
		if missed := len(c.r.Targets) - good; good != c.good || missed != c.missed {
			t.Errorf("%s: %d targets reached, %d missed; want %d and %d: %+v", c.name, good, missed, c.good, c.missed, c.r.Targets)
		}
		c.r.print(io.Discard)
	}
}
