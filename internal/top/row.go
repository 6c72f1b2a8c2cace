// Package top is what `rung top` shows: samples → rates → rows → the lines of a screen, and what keys do to it. Nothing in it asks the kernel, or
// writes to a terminal: all is values, which tables and golden screens test.
//
// It draws by itself. A framework makes a program larger (bubbletea 1.3 by 1.3 MB, tview 0.42 by 1.6 MB; all of this by 0.2 MB), brings goroutines and an
// event loop, and has tables that are made before main, for every verb: 23 and 48 more packages are initialized. A table of lines that is written whole once a
// second needs none of these.
package top

import (
	"slices"
	"time"

	"github.com/rung-oci/rung/cgroups/gauge"
)

// A Sample is what was read of a container at one time.
type Sample struct {
	ID, Root string // the id is one in its state directory only
	Status   string
	PID      int
	At       time.Time // when it was read
	Usage    gauge.Usage
}

// key names a container among all.
func (s *Sample) key() string { return s.Root + "\x00" + s.ID }

// A Rate is what was used in a time, unless there is nothing to compare with.
type Rate struct {
	Value float64
	Known bool
}

// A Row is a container with what it has used since the sample before.
type Row struct {
	Sample
	CPU       Rate // percent of one processor
	Throttled Rate // percent of the periods of its quota
	Read      Rate // bytes a second
	Written   Rate
	OOMKills  uint64 // since the first sample

	past *past
}

// past is what is remembered of a container.
type past struct {
	at     time.Time
	last   gauge.Usage
	kills  uint64 // of the first sample
	series [seriesCount]series
	seen   bool
}

// remembered is how many samples are: a screen's width.
const remembered = 240

// series are the last values of one kind, the newest last. What wasn't known is negative.
type series []float32

func (s *series) add(v float64, known bool) {
	if !known {
		v = -1
	}
	if len(*s) == remembered {
		copy(*s, (*s)[1:])
		*s = (*s)[:remembered-1]
	}
	*s = append(*s, float32(v))
}

// The kinds of series, in the order of the page of history.
const (
	seriesCPU = iota
	seriesThrottled
	seriesMemory
	seriesSwap
	seriesPids
	seriesPressureCPU
	seriesPressureMemory
	seriesPressureIO
	seriesRead
	seriesWritten
	seriesCount
)

// A History remembers what the samples before have said. Its zero value remembers nothing.
type History struct{ of map[string]*past }

// Add takes the samples of all containers that there are, and returns their rows.
func (h *History) Add(list []Sample) []Row {
	if h.of == nil {
		h.of = make(map[string]*past)
	}
	for _, p := range h.of {
		p.seen = false
	}
	rows := make([]Row, 0, len(list))
	for i := range list {
		rows = append(rows, h.add(&list[i]))
	}
	for key, p := range h.of {
		if !p.seen {
			delete(h.of, key)
		}
	}
	return rows
}

func (h *History) add(s *Sample) Row {
	u := &s.Usage
	p := h.of[s.key()]
	if p == nil || u.CPU.Value < p.last.CPU.Value { // another one of the name
		p = &past{kills: u.OOMKills.Value}
		h.of[s.key()] = p
	}
	r := Row{Sample: *s, past: p, OOMKills: u.OOMKills.Value - min(u.OOMKills.Value, p.kills)}
	if seconds := s.At.Sub(p.at).Seconds(); !p.at.IsZero() && seconds > 0 {
		r.CPU = over(p.last.CPU, u.CPU, seconds*1e9/100)
		r.Read, r.Written = over(p.last.Read, u.Read, seconds), over(p.last.Written, u.Written, seconds)
		if periods := over(p.last.Periods, u.Periods, 1); periods.Known && periods.Value > 0 {
			r.Throttled = over(p.last.Throttled, u.Throttled, periods.Value/100)
		}
	}
	p.at, p.last, p.seen = s.At, *u, true
	p.remember(&r)
	return r
}

// over is what a counter has grown by in each of some units.
func over(before, now gauge.Number, units float64) Rate {
	if !before.Known || !now.Known || now.Value < before.Value {
		return Rate{}
	}
	return Rate{float64(now.Value-before.Value) / units, true}
}

func (p *past) remember(r *Row) {
	u := &r.Usage
	for i, v := range [seriesCount]Rate{
		seriesCPU: r.CPU, seriesThrottled: r.Throttled, seriesMemory: plain(u.Memory), seriesSwap: plain(u.Swap), seriesPids: plain(u.Pids),
		seriesPressureCPU: some(u, gauge.CPU), seriesPressureMemory: some(u, gauge.Memory), seriesPressureIO: some(u, gauge.IO),
		seriesRead: r.Read, seriesWritten: r.Written,
	} {
		p.series[i].add(v.Value, v.Known)
	}
}

func plain(n gauge.Number) Rate { return Rate{float64(n.Value), n.Known} }

func some(u *gauge.Usage, of int) Rate { return Rate{u.Pressure[of].Some, u.Pressure[of].Known} }

// Keys are what rows can be sorted by.
var Keys = [...]string{"cpu", "throttling", "memory", "swap", "pids", "pressure", "io", "oom", "id"}

// Sort sorts rows by a key: the largest first, ids by the alphabet, or the other way round. Among equals ids decide. Those of which it isn't known are
// the last ones anyway.
func Sort(rows []Row, key string, reverse bool) {
	sign := 1
	if reverse {
		sign = -1
	}
	slices.SortFunc(rows, func(a, b Row) int {
		if key == "id" {
			return sign * byName(&a, &b)
		}
		x, y := a.value(key), b.value(key)
		switch {
		case x == y:
			return byName(&a, &b)
		case x < 0:
			return 1
		case y < 0:
			return -1
		case x > y:
			return -sign
		}
		return sign
	})
}

func byName(a, b *Row) int {
	switch x, y := a.ID+"\x00"+a.Root, b.ID+"\x00"+b.Root; {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// value is what a row is sorted by, -1 if it isn't known.
func (r *Row) value(key string) float64 {
	u := &r.Usage
	v := Rate{}
	switch key {
	case "cpu":
		v = r.CPU
	case "throttling":
		v = r.Throttled
	case "memory":
		v = plain(u.Memory)
	case "swap":
		v = plain(u.Swap)
	case "pids":
		v = plain(u.Pids)
	case "pressure":
		for i := range u.Pressure {
			v.Value, v.Known = max(v.Value, u.Pressure[i].Some), v.Known || u.Pressure[i].Known
		}
	case "io":
		v = Rate{r.Read.Value + r.Written.Value, r.Read.Known}
	case "oom":
		v = plain(u.OOMKills)
	}
	if !v.Known {
		return -1
	}
	return v.Value
}
