package main

import (
	"math"
	"slices"
	"time"
)

// summarize turns a series of one operation into medians and ratios.
func summarize(operation string, quiet time.Duration, s map[string][]sample) timing {
	t := timing{
		Operation: operation, Quiet: milli(quiet), Median: map[string]float64{}, Error: map[string]float64{},
		Min: map[string]float64{}, CPU: map[string]float64{}, Ratio: map[string]float64{},
		Low: map[string]float64{}, High: map[string]float64{},
	}
	for name, list := range s {
		wall, cpu, ratio := make([]float64, len(list)), make([]float64, len(list)), make([]float64, len(list))
		for i, v := range list {
			wall[i], cpu[i] = v.wall, v.cpu
			if paired(s, name) {
				ratio[i] = s["rung"][i].wall / v.wall
			}
		}
		t.Rounds = max(t.Rounds, len(list))
		t.Error[name] = medianError(wall)
		t.Median[name], t.Min[name], t.CPU[name] = quantile(wall, 0.5), slices.Min(wall), quantile(cpu, 0.5)
		if paired(s, name) {
			t.Ratio[name], t.Low[name], t.High[name] = quantile(ratio, 0.5), quantile(ratio, 0.25), quantile(ratio, 0.75)
		}
	}
	return t
}

// paired tells whether another runtime has a sample for each of rung's.
func paired(s map[string][]sample, name string) bool {
	return name != "rung" && len(s[name]) == len(s["rung"])
}

// medianError estimates the standard error of the median of a list, from its
// quartiles: a few rounds that something disturbed don't count.
func medianError(list []float64) float64 {
	deviation := (quantile(list, 0.75) - quantile(list, 0.25)) / 1.349
	return 1.2533 * deviation / math.Sqrt(float64(len(list)))
}

// quantile interpolates between the two values of a non-empty list nearest to q.
func quantile(list []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}
