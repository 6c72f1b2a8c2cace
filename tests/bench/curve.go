package main

import (
	"errors"
	"runtime"
	"slices"
)

// A curve is how long a command takes as there is more and more of something.
type curve struct {
	Subject   string         `json:"subject"` // what there is more of
	Unit      string         `json:"unit"`    // of sizes
	Operation string         `json:"operation"`
	Points    []point        `json:"points"`
	Fits      map[string]fit `json:"fits"`
}

// A point is the times of all runtimes at one size, in paired rounds.
type point struct {
	Size   float64           `json:"size"`
	Errors map[string]string `json:"errors,omitempty"` // why a runtime has no time here
	// Alone is of live containers: the ratio to the same with a container that is alone in
	// its state directory, median of the rounds' ratios.
	Alone map[string]float64 `json:"alone,omitempty"`
	timing
}

func (c curve) name() string { return c.Operation + " by " + c.Unit }

// fitAll draws a line through each runtime's points.
func (c *curve) fitAll() {
	c.Fits = map[string]fit{}
	for _, name := range runtimeNames {
		var x, y, e []float64
		for _, p := range c.Points {
			if median, ok := p.Median[name]; ok {
				x, y, e = append(x, p.Size), append(y, median), append(e, p.Error[name])
			}
		}
		c.Fits[name] = fitPoints(x, y, e)
	}
}

// runtimeNames in the order of tables.
var runtimeNames = []string{"rung", "crun", "runc"}

// A trial measures one point.
type trial struct {
	operation string
	size      float64
	do        func(oci) (sample, error)
	samples   map[string][]sample
	errors    map[string]string
}

func newTrial(operation string, size float64, do func(oci) (sample, error)) *trial {
	return &trial{operation, size, do, map[string][]sample{}, map[string]string{}}
}

// point of a trial's samples. A runtime that failed has none: what it did before
// that can't be compared.
func (t *trial) point() point {
	for name := range t.errors {
		delete(t.samples, name)
	}
	return point{Size: t.size, Errors: t.errors, timing: summarize(t.operation, 0, t.samples)}
}

// try takes one more sample of a runtime, unless it has failed before.
func (t *trial) try(rt oci, counts bool) error {
	if t.errors[rt.name] != "" {
		return nil
	}
	got, err := t.do(rt)
	if errors.Is(err, errInterrupted) {
		return err
	}
	if err != nil {
		t.errors[rt.name] = err.Error()
	} else if counts {
		t.samples[rt.name] = append(t.samples[rt.name], got)
	}
	return nil
}

// compete does rounds of trials, each with all runtimes in turn, and one before
// them that doesn't count. Trials of one subject's sizes are together in a round:
// what disturbs the machine doesn't bend the curve. Every other round goes backwards,
// so that none of a pair is always the first.
func (b *bench) compete(rounds int, trials []*trial) error {
	trials = slices.Clone(trials)
	for n := range rounds + 1 {
		slices.Reverse(trials)
		for _, t := range trials {
			if err := b.inTurn(n, func(rt oci) error { return t.try(rt, n > 0) }); err != nil {
				return err
			}
		}
		runtime.GC()
	}
	return nil
}
