package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
)

// rate is how many containers a second come and go, so many at a time.
type rate struct {
	AtOnce int                `json:"at_once"`
	Rounds int                `json:"rounds"`
	Rate   map[string]float64 `json:"rate"`  // median
	Ratio  map[string]float64 `json:"ratio"` // rung / other, median of the rounds' ratios
}

var ratesAtOnce = []int{1, 2, 4, 8, 16}

// A lane is what one of the commands at a time has for itself.
type lane struct {
	dir   string // bundle, with a cgroup of its own
	files stdio
}

// rate measures `run` of a program that does nothing, for a while with each
// runtime in turn.
func (b *bench) rate(r *results) error {
	lanes, err := b.lanes()
	if err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	for _, n := range ratesAtOnce {
		fmt.Fprintf(os.Stderr, "%d rounds of %v with %d runs at a time\n", b.rateRounds, b.rateTime, n)
		got := map[string][]float64{}
		for round := range b.rateRounds {
			err := inTurn(b.runtimes(), round, func(rt oci) error {
				perSecond, err := b.flow(rt, lanes[rt.name][:n], b.rateTime)
				got[rt.name] = append(got[rt.name], perSecond)
				runtime.GC()
				return err
			})
			if err != nil {
				return fmt.Errorf("%d at a time: %w", n, err)
			}
		}
		r.Rates = append(r.Rates, summarizeRates(n, got))
	}
	return nil
}

// lanes makes, by runtime, as many lanes as the largest number needs.
func (b *bench) lanes() (map[string][]lane, error) {
	lanes := map[string][]lane{}
	for _, rt := range b.runtimes() {
		for i := range ratesAtOnce[len(ratesAtOnce)-1] {
			kind := "rate" + strconv.Itoa(i)
			l := lane{dir: b.bundleDir(rt, kind)}
			if err := bundle(b.rung, l.dir, b.prefix+rt.name+"-"+kind, "/bin/true", nil); err != nil {
				return nil, err
			}
			var err error
			if l.files, err = plainFiles(l.dir + "/stderr"); err != nil {
				return nil, err
			}
			lanes[rt.name] = append(lanes[rt.name], l)
		}
	}
	return lanes, nil
}

// flow runs one container after the other in each lane, and counts per second
// until the last of them has ended.
func (b *bench) flow(rt oci, lanes []lane, during time.Duration) (float64, error) {
	counts, errs := make([]int, len(lanes)), make([]error, len(lanes))
	begin := time.Now()
	var group sync.WaitGroup
	for i, l := range lanes {
		group.Go(func() {
			for time.Since(begin) < during && errs[i] == nil {
				_, errs[i] = b.runOnce(rt, l.files, l.dir)
				counts[i]++
			}
		})
	}
	group.Wait()
	took := time.Since(begin)
	sum := 0
	for i, n := range counts {
		if errs[i] != nil {
			return 0, errs[i]
		}
		sum += n
	}
	return float64(sum) / took.Seconds(), nil
}

func summarizeRates(n int, got map[string][]float64) rate {
	r := rate{AtOnce: n, Rounds: len(got["rung"]), Rate: map[string]float64{}, Ratio: map[string]float64{}}
	for name, list := range got {
		r.Rate[name] = quantile(list, 0.5)
		ratios := make([]float64, len(list))
		for i := range list {
			ratios[i] = got["rung"][i] / list[i]
		}
		if name != "rung" {
			r.Ratio[name] = quantile(ratios, 0.5)
		}
	}
	return r
}
