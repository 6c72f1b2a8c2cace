package cli

import (
	"cmp"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/rung-oci/rung/internal/timeline"
)

// debug writes to the log what was decided.
func (a *app) debug(format string, args ...any) {
	a.logger.WithTime(time.Now().UTC()).Debugf(format, args...)
}

// beginPhases has phases recorded, for tellPhases.
func (a *app) beginPhases() {
	a.phases = true
	timeline.Start()
	if timeline.Runtime.Idle() { // --trace has begun already
		timeline.Runtime.Phase("begin")
	}
}

// tellPhases writes to the log what was done, by whom and how long it took: an entry
// for each phase and step, in the order of their beginnings. It comes at the end,
// because those who work beside us have told what they did only then.
func (a *app) tellPhases() {
	if !a.phases {
		return
	}
	type phase struct {
		timeline.Span
		track string
	}
	var list []phase
	for _, t := range timeline.Tracks() {
		for _, s := range t.Spans() {
			list = append(list, phase{s, t.Name})
		}
	}
	slices.SortStableFunc(list, func(a, b phase) int { return cmp.Compare(a.Begin, b.Begin) })
	now, clock := time.Now().UTC(), timeline.Now()
	for _, p := range list {
		begin := now.Add(time.Duration(p.Begin - clock))
		a.logger.WithTime(begin).WithFields(logrus.Fields{
			"by": p.track, "microseconds": float64((p.End-p.Begin)/100) / 10,
		}).Debug(clean(p.Name))
	}
}
