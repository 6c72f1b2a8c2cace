package differ

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A Session compares many cases and counts.
type Session struct {
	Run    runner
	Repeat int
	Save   string // directory for cases that differ, "" for none
	Shrink int    // so many of them are made small
	Logf   func(format string, args ...any)

	Cases, Failed int // Failed: no program ran, on either
	Differing     int
	Took          [2]time.Duration
	keys          map[string]int
}

// Compare compares one case; name is what it is called in reports.
func (s *Session) Compare(name string, c *Case) *verdict {
	v := judge(c, s.Run, max(1, s.Repeat))
	s.Cases++
	s.Took[0] += v.Rung.Took
	s.Took[1] += v.Runc.Took
	if v.Rung.Failed && v.Runc.Failed {
		s.Failed++
	}
	if len(v.Left) == 0 {
		return v
	}
	s.Differing++
	if s.keys == nil {
		s.keys = make(map[string]int)
	}
	for _, d := range v.Left {
		s.keys[d.Key]++
	}
	if s.Save == "" {
		return v
	}
	dir := filepath.Join(s.Save, name)
	s.write(dir, c, v)
	if s.Shrink > 0 {
		s.Shrink--
		small, tries := shrink(c, s.stillFails(v))
		s.Logf("%s: shrunk from %d to %d bytes in %d tries", name, len(c.text()), len(small.text()), tries)
		s.write(dir+"/small", small, judge(small, s.Run, max(1, s.Repeat)))
	}
	return v
}

// stillFails is what a smaller case has to do: differ in the same line, and, when
// that is an outcome, for the same reason.
func (s *Session) stillFails(before *verdict) func(*Case) bool {
	first := before.Left[0]
	return func(c *Case) bool {
		v := judge(c, s.Run, max(1, s.Repeat))
		for _, d := range v.Left {
			if plainKey(d.Key) == plainKey(first.Key) && (!outcome(d.Key) || sameWords(before, v)) {
				return true
			}
		}
		return false
	}
}

// sameWords reports whether the runtimes complain as they did.
func sameWords(a, b *verdict) bool {
	return complaints(a.Rung) == complaints(b.Rung) && complaints(a.Runc) == complaints(b.Runc)
}

var changing = regexp.MustCompile(`time="[^"]*"|level=\w+|msg=|[0-9\\"]+`)

// complaints is the first thing a runtime said, without what changes.
func complaints(s *Sight) string {
	for _, text := range s.Texts {
		if _, words, _ := strings.Cut(text, ": "); !strings.HasPrefix(text, "state ") && strings.TrimSpace(words) != "" {
			return strings.Join(strings.Fields(changing.ReplaceAllString(words, "")), " ")
		}
	}
	return ""
}

// plainKey is a key without the number of its occurrence.
func plainKey(key string) string {
	if i := strings.LastIndex(key, " ("); i > 0 && strings.HasSuffix(key, ")") {
		return key[:i]
	}
	return key
}

// write saves a case: what to run, and what came out.
func (s *Session) write(dir string, c *Case, v *verdict) {
	files := map[string]string{
		"case.json":   c.text() + "\n",
		"config.json": specText(c) + "\n",
		"differences": Text(v.Left),
		"commands":    strings.Join(v.Commands, "\n") + "\n",
		"rung":        v.Rung.String(),
		"runc":        v.Runc.String(),
	}
	err := os.MkdirAll(dir, 0o755)
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
		}
	}
	if err != nil {
		s.Logf("save %s: %v", dir, err)
	}
}

// Text is a list of differences, for people.
func Text(diffs []Difference) string {
	var b strings.Builder
	for _, d := range diffs {
		fmt.Fprintln(&b, d)
	}
	return b.String()
}

// Summary says what was compared, and which entries of the tables were used.
func (s *Session) Summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cases, %d of them with no program run, %d differ; %.0f s on rung, %.0f s on runc\n",
		s.Cases, s.Failed, s.Differing, s.Took[0].Seconds(), s.Took[1].Seconds())
	for _, line := range sortedCounts(s.keys) {
		fmt.Fprintln(&b, line)
	}
	var unused []string
	for _, part := range tables {
		fmt.Fprintf(&b, "%s:\n", part.title)
		for _, k := range part.list {
			if k.hits == 0 {
				unused = append(unused, k.Name)
			} else {
				fmt.Fprintf(&b, "%7d  %s\n", k.hits, k.Name)
			}
		}
	}
	if len(unused) > 0 {
		fmt.Fprintf(&b, "never met: %s\n", strings.Join(unused, "; "))
	}
	return b.String()
}
