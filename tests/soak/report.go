package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// report prints how long each act has taken: percentiles, and a picture of the whole, each bar twice as long as the one before.
func (s *soak) report() {
	var b strings.Builder
	fmt.Fprintf(&b, "%-30s %7s %9s %9s %9s %9s   1 ms to 1 min\n", "", "times", "p50", "p95", "p99", "most")
	for _, name := range slices.Sorted(maps.Keys(s.took)) {
		list := slices.Sorted(slices.Values(s.took[name]))
		at := func(part float64) time.Duration {
			return list[int(part*float64(len(list)-1))].Round(100 * time.Microsecond)
		}
		fmt.Fprintf(&b, "%-30s %7d %9v %9v %9v %9v   %s\n", name, len(list), at(0.5), at(0.95), at(0.99), at(1), bars(list))
	}
	fmt.Fprintf(&b, "\nexec over time, by breaks:\n%s%s", s.overTime("p50", 0.5), s.overTime("p99", 0.99))
	s.t.Log("\n" + b.String())
}

// overTime draws a percentile of the probes in each part of the time, from 0 to the longest.
func (s *soak) overTime(name string, part float64) string {
	var list []time.Duration
	for _, probes := range s.probes {
		d := time.Duration(0)
		if sorted := slices.Sorted(slices.Values(probes)); len(sorted) > 0 {
			d = sorted[int(part*float64(len(sorted)-1))]
		}
		list = append(list, d)
	}
	most := max(1, slices.Max(list))
	var b strings.Builder
	for _, d := range list {
		b.WriteRune(levels[int(d*time.Duration(len(levels)-1)/most)])
	}
	return fmt.Sprintf("%s  0 %s %v\n", name, b.String(), most.Round(100*time.Microsecond))
}

// levels are bars from none to a whole one.
var levels = []rune(" ▁▂▃▄▅▆▇█")

// bars are how many of some times lie between 1 and 2 ms, 2 and 4, and so on.
func bars(list []time.Duration) string {
	var counts [17]int
	most := 1
	for _, d := range list {
		i := 0
		for limit := 2 * time.Millisecond; d >= limit && i < len(counts)-1; limit *= 2 {
			i++
		}
		counts[i]++
		most = max(most, counts[i])
	}
	var b strings.Builder
	for _, n := range counts {
		b.WriteRune(levels[(n*(len(levels)-1)+most-1)/most])
	}
	return b.String()
}
