package pages

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	span    = regexp.MustCompile("`[^`\n]*`")
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
)

// Links within the project lead to a file or directory, and to a heading if they name one.
func TestLinks(t *testing.T) {
	found := 0
	for _, p := range all(t) {
		for _, m := range link.FindAllStringSubmatch(span.ReplaceAllString(p.prose(), ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			found++
			file, anchor, _ := strings.Cut(m[1], "#")
			to := p.name
			if file != "" {
				to = filepath.Join(filepath.Dir(p.name), file)
			}
			text, err := os.ReadFile(to)
			switch fi, serr := os.Stat(to); {
			case serr != nil:
				t.Errorf("%s: %s leads nowhere", p.name, m[1])
			case fi.IsDir() || anchor == "":
			case err != nil:
				t.Errorf("%s: %v", p.name, err)
			case !hasHeading(string(text), anchor):
				t.Errorf("%s: %s has no such heading", p.name, m[1])
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d links found", found)
	}
}

// hasHeading tells whether a page has a heading by an anchor that Markdown makes of it.
func hasHeading(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		words := strings.ToLower(strings.ReplaceAll(m[1], "`", ""))
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127:
				return r
			}
			return -1
		}, words)
		if slug == anchor {
			return true
		}
	}
	return false
}
