package main

import (
	"regexp"
	"strings"
)

// A point is one line of a TAP stream: something that was tested.
type point struct {
	ok, skip bool
	text     string
}

var line = regexp.MustCompile(`^(not )?ok\b(?: +\d+)?(?: +-)? *(.*)$`)

// points reads the points of a TAP stream. Diagnostics are indented, and aren't
// ours to judge.
func points(stream string) (list []point) {
	for l := range strings.Lines(stream) {
		m := line.FindStringSubmatch(strings.TrimSpace(l))
		if m == nil || strings.HasPrefix(l, " ") {
			continue
		}
		text, directive, _ := strings.Cut(m[2], "# ")
		list = append(list, point{ok: m[1] == "", skip: strings.HasPrefix(strings.ToUpper(directive), "SKIP"), text: strings.TrimSpace(text)})
	}
	return list
}
