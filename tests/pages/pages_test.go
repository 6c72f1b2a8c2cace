// Package pages holds what the project's pages say against what is there: links lead to files and
// headings, commands and options exist, and the README's steps work when they are typed.
package pages

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

const top = "../.."

// A page is a Markdown file of the project's.
type page struct {
	name, text string
}

// all are the pages, but for what other tools write about one moment.
func all(t *testing.T) (pages []page) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "docs/guide/*.md", "tests/*.md", "tests/*/*.md"} {
		names, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, page{name, string(text)})
		}
	}
	if len(pages) < 30 {
		t.Fatalf("only %d pages found", len(pages))
	}
	return pages
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)[^\n]*\n(.*?)^```$")

// prose is a page without its blocks of code.
func (p page) prose() string { return fence.ReplaceAllString(p.text, "") }

// code is what a page shows in code: spans, and lines of blocks that are typed.
func (p page) code() (list []string) {
	for _, m := range fence.FindAllStringSubmatch(p.text, -1) {
		for line := range strings.Lines(m[2]) {
			line = strings.TrimSuffix(line, "\n")
			switch m[1] {
			case "console":
				if command, ok := strings.CutPrefix(line, "# "); ok {
					list = append(list, command)
				}
			case "sh":
				list = append(list, line)
			}
		}
	}
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(p.prose(), -1) {
		list = append(list, m[1])
	}
	return list
}
