// Package timeline records how long the phases of a call take, for --trace. Without
// it nothing is recorded, and a phase costs a comparison.
//
// There is a track for each of those who work side by side. A track is used by one
// goroutine at a time.
package timeline

import (
	"golang.org/x/sys/unix"
)

// A Span is one phase. Times are nanoseconds of CLOCK_MONOTONIC, which all processes
// of a machine share.
type Span struct {
	Name       string
	Begin, End int64
}

// A Track is a sequence of spans.
type Track struct {
	Name string

	spans []Span
	open  Span
}

// The tracks.
var (
	Runtime = &Track{Name: "runtime"}
	Builder = &Track{Name: "builder"} // what the runtime has the first process build
	First   = &Track{Name: "first process"}
)

var (
	on    bool
	later []func()
)

// On tells whether phases are recorded.
func On() bool { return on }

// Start begins to record.
func Start() { on = true }

// Later calls read when the timeline is written: it adds what is known only then.
func Later(read func()) {
	if on {
		later = append(later, read)
	}
}

// End ends all phases and is the timeline as a text, see [Chrome].
func End(title string) []byte { return Chrome(title, Tracks()...) }

// Tracks ends all phases and returns all that was recorded.
func Tracks() []*Track {
	Runtime.Phase("")
	for _, read := range later {
		read()
	}
	later = nil
	return []*Track{Runtime, Builder, First}
}

// Phase ends the track's phase and begins the next; "" only ends it.
func (t *Track) Phase(name string) {
	if on {
		t.next(name)
	}
}

// Idle tells whether the track is in no phase.
func (t *Track) Idle() bool { return t.open.Name == "" }

func (t *Track) next(name string) {
	now := Now()
	if t.open.Name != "" {
		t.open.End = now
		t.spans = append(t.spans, t.open)
	}
	t.open = Span{Name: name, Begin: now}
}

// Add records a span that somebody else has measured.
func (t *Track) Add(s Span) { t.spans = append(t.spans, s) }

// Spans are those that have ended, in the order of their ends.
func (t *Track) Spans() []Span { return t.spans }

// Clock is the clock that spans are in.
const Clock = unix.CLOCK_MONOTONIC

// Now is the time in nanoseconds.
func Now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(Clock, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}
