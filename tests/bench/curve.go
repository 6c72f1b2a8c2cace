package main

import (
	"errors"
	"runtime"
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
	// its state directory, median of the rounds' ratios, and that median's standard error.
	Alone      map[string]float64 `json:"alone,omitempty"`
	AloneError map[string]float64 `json:"alone_error,omitempty"`
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

// A trial measures one point. Its twin, if it has one, is what to compare it with,
// and is measured with each runtime directly before or after it.
type trial struct {
	operation string
	size      float64
	do        func(oci) (sample, error)
	samples   map[string][]sample
	errors    map[string]string
	twin      *trial
}

func newTrial(operation string, size float64, do func(oci) (sample, error)) *trial {
	return &trial{operation, size, do, map[string][]sample{}, map[string]string{}, nil}
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
// what disturbs the machine doesn't bend the curve.
func (b *bench) compete(rounds int, trials []*trial) error {
	for n := range rounds + 1 {
		for _, t := range trials {
			err := inTurn(b.runtimes(), n, func(rt oci) error {
				for _, t := range t.order(n) {
					if err := t.try(rt, n > 0); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		runtime.GC()
	}
	return nil
}

// order is of a trial and its twin: every other round the other way round, so that
// neither is always the first.
func (t *trial) order(n int) []*trial {
	switch {
	case t.twin == nil:
		return []*trial{t}
	case n%2 == 0:
		return []*trial{t, t.twin}
	}
	return []*trial{t.twin, t}
}
