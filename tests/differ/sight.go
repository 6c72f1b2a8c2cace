package differ

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Line is one thing that was seen. Keys are unique in a sight.
type Line struct{ Key, Value string }

// A Sight is all that was seen of a case on one runtime, in order.
type Sight struct {
	Lines  []Line
	Texts  []string // what was written beside the report: recorded, not compared
	Failed bool     // there was no container, or no program ran in it
	Took   time.Duration
	seen   map[string]int
}

// Add adds a line. A key that is there already gets a number.
func (s *Sight) Add(key, format string, args ...any) {
	if s.seen == nil {
		s.seen = make(map[string]int)
	}
	s.seen[key]++
	if n := s.seen[key]; n > 1 {
		key = fmt.Sprintf("%s (%d)", key, n)
	}
	s.Lines = append(s.Lines, Line{key, fmt.Sprintf(format, args...)})
}

// Get returns the value of a key.
func (s *Sight) Get(key string) string {
	for _, l := range s.Lines {
		if l.Key == key {
			return l.Value
		}
	}
	return ""
}

// String is the whole sight.
func (s *Sight) String() string {
	var b strings.Builder
	for _, l := range s.Lines {
		fmt.Fprintf(&b, "%s: %s\n", l.Key, l.Value)
	}
	for _, text := range s.Texts {
		fmt.Fprintf(&b, "said %s\n", text)
	}
	return b.String()
}

// absent is the value of a line that one of the sights hasn't.
const absent = "(nothing)"

// A Difference is a key whose values differ.
type Difference struct{ Key, Rung, Runc string }

func (d Difference) String() string {
	return fmt.Sprintf("%s\n\t- rung %s\n\t+ runc %s", d.Key, d.Rung, d.Runc)
}

// outcome reports whether a line says what happened, rather than what was seen.
func outcome(key string) bool {
	for _, prefix := range []string{"do ", "exit", "report", "left ", "rig", "clear"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// compare returns the differences in the order of rung's lines, then of those
// that only runc has. When the outcomes differ, what was seen differs for that
// reason, and isn't worth a word. When there was no container, how far each
// runtime came before it gave up isn't either.
func compare(rung, runc *Sight) []Difference {
	all := compareLines(rung, runc)
	outcomes := slices.DeleteFunc(slices.Clone(all), func(d Difference) bool { return !outcome(d.Key) })
	if len(outcomes) > 0 || rung.Failed {
		return outcomes
	}
	return all
}

func compareLines(rung, runc *Sight) (diffs []Difference) {
	other := make(map[string]string, len(runc.Lines))
	for _, l := range runc.Lines {
		other[l.Key] = l.Value
	}
	for _, l := range rung.Lines {
		value, ok := other[l.Key]
		if !ok {
			value = absent
		}
		if value != l.Value {
			diffs = append(diffs, Difference{l.Key, l.Value, value})
		}
		delete(other, l.Key)
	}
	for _, l := range runc.Lines {
		if _, ok := other[l.Key]; ok {
			diffs = append(diffs, Difference{l.Key, absent, l.Value})
		}
	}
	return diffs
}

// sorted returns a sorted copy.
func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
