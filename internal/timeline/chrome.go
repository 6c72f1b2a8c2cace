package timeline

import (
	"strconv"

	"github.com/rung-oci/rung/internal/jsontext"
)

// Chrome writes tracks as the JSON of the Trace Event Format, which
// chrome://tracing and Perfetto draw: complete events, a thread for each track,
// microseconds since the first.
func Chrome(title string, tracks ...*Track) []byte {
	first := int64(0)
	for _, t := range tracks {
		for _, s := range t.spans {
			if first == 0 || s.Begin < first {
				first = s.Begin
			}
		}
	}
	w := jsontext.NewWriter(make([]byte, 0, 8192), "")
	w.BeginObject()
	w.Key("displayTimeUnit")
	w.String("ms")
	w.Key("traceEvents")
	w.BeginArray()
	event := func(kind, name string, track int, more func()) {
		w.BeginObject()
		w.Key("ph")
		w.String(kind)
		w.Key("name")
		w.String(name)
		w.Key("pid")
		w.Int(1)
		w.Key("tid")
		w.Int(int64(track))
		more()
		w.EndObject()
	}
	label := func(name string) func() {
		return func() {
			w.Key("args")
			w.BeginObject()
			w.Key("name")
			w.String(name)
			w.EndObject()
		}
	}
	event("M", "process_name", 0, label(title))
	for i, t := range tracks {
		if len(t.spans) == 0 {
			continue
		}
		event("M", "thread_name", i+1, label(t.Name))
		for _, s := range t.spans {
			event("X", s.Name, i+1, func() {
				w.Key("ts")
				w.Raw(micro(s.Begin - first))
				w.Key("dur")
				w.Raw(micro(s.End - s.Begin))
			})
		}
	}
	w.EndArray()
	w.EndObject()
	return append(w.Bytes(), '\n')
}

// micro is a time of n ns in microseconds.
func micro(n int64) string { return strconv.FormatFloat(float64(n)/1000, 'f', 1, 64) }
