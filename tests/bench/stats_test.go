package main

import (
	"math"
	"testing"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		list    []float64
		q, want float64
	}{
		{[]float64{3}, 0.5, 3},
		{[]float64{4, 1}, 0.5, 2.5},
		{[]float64{9, 1, 5}, 0.5, 5},
		{[]float64{5, 1, 2, 3, 4}, 0.25, 2},
		{[]float64{5, 1, 2, 3, 4}, 1, 5},
	} {
		if got := quantile(c.list, c.q); got != c.want {
			t.Errorf("quantile(%v, %v) = %v, want %v", c.list, c.q, got, c.want)
		}
	}
}

// The median of the rounds' ratios isn't the ratio of the medians.
func TestSummarizePairs(t *testing.T) {
	got := summarize("run", 0, map[string][]sample{
		"rung": {{1, 1}, {10, 1}, {3, 1}},
		"crun": {{2, 1}, {20, 1}, {30, 1}},
	})
	if got.Ratio["crun"] != 0.5 || got.Median["rung"] != 3 || got.Median["crun"] != 20 || got.Min["rung"] != 1 {
		t.Errorf("summarize() = %+v, want ratio 0.5, medians 3 and 20, minimum 1", got)
	}
	if _, ok := got.Ratio["rung"]; ok {
		t.Errorf("summarize() compares rung with itself")
	}
}

// A runtime that failed has no samples, or fewer: it isn't compared.
func TestSummarizeWithout(t *testing.T) {
	three := []sample{{1, 1}, {2, 1}, {3, 1}}
	for _, c := range []struct {
		name    string
		samples map[string][]sample
		ratios  int
	}{
		{"all", map[string][]sample{"rung": three, "crun": three, "runc": three}, 2},
		{"no runc", map[string][]sample{"rung": three, "crun": three}, 1},
		{"no rung", map[string][]sample{"crun": three, "runc": three}, 0},
		{"one short", map[string][]sample{"rung": three, "crun": three[:2], "runc": three}, 1},
		{"nobody", nil, 0},
	} {
		got := summarize("run", 0, c.samples)
		if len(got.Ratio) != c.ratios || len(got.Median) != len(c.samples) {
			t.Errorf("%s: ratios %v, medians %v; want %d ratios and %d medians", c.name, got.Ratio, got.Median, c.ratios, len(c.samples))
		}
	}
}

func TestMedianError(t *testing.T) {
	for _, c := range []struct {
		list []float64
		want float64
	}{
		{[]float64{7}, 0},
		{[]float64{7, 7, 7}, 0},
		// Quartiles 2 and 4.
		{[]float64{1, 2, 3, 4, 5}, 1.2533 * 2 / 1.349 / math.Sqrt(5)},
		// An outlier changes nothing.
		{[]float64{1, 2, 3, 4, 500}, 1.2533 * 2 / 1.349 / math.Sqrt(5)},
	} {
		if got := medianError(c.list); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("medianError(%v) = %v, want %v", c.list, got, c.want)
		}
	}
}

func TestRatesArePaired(t *testing.T) {
	got := summarizeRates(8, map[string][]float64{"rung": {100, 10, 30}, "crun": {50, 5, 60}})
	if got.Rate["rung"] != 30 || got.Rate["crun"] != 50 || got.Ratio["crun"] != 2 || got.Rounds != 3 {
		t.Errorf("summarizeRates() = %+v, want rates 30 and 50, ratio 2 of 3 rounds", got)
	}
}
