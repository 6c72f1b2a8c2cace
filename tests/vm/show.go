package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// packageMark begins a line that names the package whose tests run now.
const packageMark = "=== package "

// A show takes what test binaries say with -test.v, and shows what they would say
// without: the words of tests that fail, and of nobody. At its end it lists what was skipped, and
// why: a skip is a test that proves nothing, and else nobody would hear of it.
type show struct {
	to  io.Writer
	all bool // everything is shown

	rest    []byte // of a line
	pkg     string
	test    string            // which one speaks
	text    strings.Builder   // what the test that runs, with its subtests, has said
	failed  bool              // it was the last one, and has failed
	last    map[string]string // test → its last words
	skipped []string
}

func (s *show) Write(p []byte) (int, error) {
	s.rest = append(s.rest, p...)
	for {
		line, rest, ok := bytes.Cut(s.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		s.take(string(line))
		s.rest = rest
	}
}

func (s *show) take(line string) {
	if s.all {
		fmt.Fprintln(s.to, line)
	}
	switch trimmed := strings.TrimSpace(line); {
	case strings.HasPrefix(line, packageMark):
		s.flush() // of a package that broke off
		s.pkg, s.test, s.last = strings.TrimPrefix(line, packageMark), "", make(map[string]string)
		s.print(line)
	case strings.HasPrefix(line, "=== "):
		fields := strings.Fields(line)
		s.test = fields[len(fields)-1]
		if fields[1] == "RUN" && !strings.Contains(s.test, "/") {
			s.text.Reset()
			s.failed = false
		}
	case strings.Contains(line, "--- FAIL: ") && !strings.HasPrefix(line, " "):
		s.flush()
		s.failed = true
		s.print(line)
	case strings.HasPrefix(trimmed, "--- "):
		if s.failed && line != trimmed { // a subtest of it
			s.print(line)
		} else if line == trimmed {
			s.text.Reset()
			s.test, s.failed = "", false
		}
		if name, ok := strings.CutPrefix(trimmed, "--- SKIP: "); ok {
			name, _, _ = strings.Cut(name, " ")
			s.skipped = append(s.skipped, fmt.Sprintf("%s %s: %s", s.pkg, name, s.last[name]))
		}
	case s.test == "" || s.failed:
		s.print(line)
	default:
		s.text.WriteString(line + "\n")
		if _, reason, ok := strings.Cut(trimmed, ".go:"); ok {
			_, reason, _ = strings.Cut(reason, ": ")
			s.last[s.test] = reason
		}
	}
}

func (s *show) print(line string) {
	if !s.all {
		fmt.Fprintln(s.to, line)
	}
}

func (s *show) flush() {
	if !s.all {
		_, _ = io.WriteString(s.to, s.text.String())
	}
	s.text.Reset()
}

// end shows what is left, of a package that broke off, and what was skipped.
func (s *show) end() {
	if len(s.rest) > 0 {
		s.take(string(s.rest))
		s.rest = nil
	}
	s.flush()
	if s.pkg != "" {
		fmt.Fprintf(s.to, "skipped: %d\n", len(s.skipped))
	}
	for _, what := range s.skipped {
		fmt.Fprintln(s.to, "  "+what)
	}
}
