package main

import (
	"path"
	"strings"
	"testing"
)

// Every link of an installed page leads to something that is installed too, and README's pages are there.
func TestDocuments(t *testing.T) {
	_, c := fake(t)
	var err error
	if c.papers, err = documents("../..", "abc"); err != nil {
		t.Fatal(err)
	}
	c.papers["LICENSE"], c.papers[thirdParty] = file{0o644, nil}, file{0o644, nil}
	outside := 0
	for _, k := range kinds {
		all, err := k.places(c)
		if err != nil {
			t.Fatal(err)
		}
		there := map[string]bool{}
		for name, f := range all {
			if strings.HasPrefix(name, docs) && f.mode != 0o644 {
				t.Errorf("%s: %s has mode %o", k.name, name, f.mode)
			}
			for ; name != "/"; name = path.Dir(name) {
				there[name] = true
			}
		}
		for _, name := range []string{"README.md", "docs/guide/podman.md", "docs/pictures/run.svg", "docs/plots/run-by-config.svg", "docs/schema/plan.json", "docs/adr/0001-three-processes.md"} {
			if !there[docs+name] {
				t.Errorf("%s: no %s", k.name, name)
			}
		}
		if there[docs+"docs/man"] {
			t.Errorf("%s: manual pages twice", k.name)
		}
		for name, f := range all {
			if path.Ext(name) != ".md" {
				continue
			}
			_, _ = relink(f.text, name, func(to, link string) (string, error) {
				if !there[path.Clean(to)] {
					t.Errorf("%s: %s: %s leads nowhere", k.name, name, link)
				}
				return link, nil
			})
			outside += strings.Count(string(f.text), "("+homepage+"/blob/abc/") + strings.Count(string(f.text), "("+homepage+"/tree/abc/")
		}
	}
	if outside == 0 {
		t.Error("no link leads to the repository's pages")
	}
}
