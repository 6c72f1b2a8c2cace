package main

import "testing"

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
