package pages

import (
	"regexp"
	"strings"
	"testing"
)

var item = regexp.MustCompile(`^ *([-*]|[0-9]+\.) `)

// The lines of a list's item stand below its text: Markdown takes one that doesn't for the item's too, so nobody who reads the page sees it, but who edits it.
func TestListsIndented(t *testing.T) {
	for _, p := range all(t) {
		before, inItem := "", false
		for line := range strings.Lines(p.prose()) {
			line = strings.TrimRight(line, "\n")
			switch {
			case item.MatchString(line):
				inItem = true
			case line == "" || strings.HasPrefix(line, "#"):
				inItem = false
			case inItem && !strings.HasPrefix(line, " "):
				t.Errorf("%s: %q, which goes on after %q, isn't indented", p.name, line, before)
				inItem = false
			}
			before = line
		}
	}
}
