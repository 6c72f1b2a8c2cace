package timeline

import (
	"encoding/json"
	"testing"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func reset() {
	on, later = false, nil
	for _, t := range []*Track{Runtime, Builder, First} {
		t.spans, t.open = nil, Span{}
	}
}

// When nothing is recorded, nothing is kept, and a phase allocates nothing.
func TestOff(t *testing.T) {
	reset()
	if n := testing.AllocsPerRun(100, func() { Runtime.Phase("x"); Runtime.Phase("") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	Later(func() { t.Error("called") })
	if len(Runtime.Spans()) != 0 || len(later) != 0 {
		t.Errorf("spans %v", Runtime.Spans())
	}
}

// Phases follow each other, and what is known last is asked last.
func TestRecord(t *testing.T) {
	reset()
	defer reset()
	Start()
	Runtime.Phase("one")
	Runtime.Phase("two")
	Runtime.Phase("")
	Runtime.Phase("three")
	Builder.Add(Span{"mount x", 100, 200})
	Builder.Add(Span{"pivot", 200, 300})
	Later(func() { First.Add(Span{"birth", 100, 150}) })
	text := End("rung run x")
	names := func(tr *Track) (list []string) {
		for i, s := range tr.Spans() {
			list = append(list, s.Name)
			if s.End < s.Begin || i > 0 && s.Begin < tr.spans[i-1].End {
				t.Errorf("%s: spans %v aren't in order", tr.Name, tr.spans)
			}
		}
		return list
	}
	for _, c := range []struct {
		tr   *Track
		want string
	}{{Runtime, `["one","two","three"]`}, {Builder, `["mount x","pivot"]`}, {First, `["birth"]`}} {
		if got, _ := json.Marshal(names(c.tr)); string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.tr.Name, got, c.want)
		}
	}
	var chrome struct {
		TraceEvents []struct {
			Ph, Name string
			Pid, Tid int
			Ts, Dur  *float64
		}
	}
	if err := json.Unmarshal(text, &chrome); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	complete := 0
	for _, e := range chrome.TraceEvents {
		if e.Ph == "X" {
			complete++
			if e.Ts == nil || e.Dur == nil || *e.Ts < 0 || *e.Dur < 0 || e.Tid == 0 {
				t.Errorf("event %+v", e)
			}
		}
	}
	if complete != 6 {
		t.Errorf("%d complete events, want 6: %s", complete, text)
	}
}
