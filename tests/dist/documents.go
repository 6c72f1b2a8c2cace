package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// seeds are the papers that are shipped in any case; with them goes what they link to.
var seeds = []string{"README.md", "CHANGELOG.md", "SECURITY.md"}

// shipped tells whether a file of the project is a document that is shipped when another one links to it. Manual pages have
// places of their own.
func shipped(name string) bool {
	dir, _, below := strings.Cut(name, "/")
	return !below && path.Ext(name) == ".md" || dir == "docs" && !strings.HasPrefix(name, "docs/man/")
}

// documents are the seeds, and all that they link to, at the same places as in the project. A link to what isn't shipped leads to
// the repository's pages.
func documents(root, ref string) (map[string]file, error) {
	all := map[string]file{}
	for todo := seeds; len(todo) > 0; todo = todo[1:] {
		name := todo[0]
		if _, done := all[name]; done {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		if path.Ext(name) != ".md" {
			all[name] = file{0o644, text}
			continue
		}
		text, err = relink(text, name, func(to, link string) (string, error) {
			found, err := below(root, to)
			switch {
			case err != nil || len(found) == 0:
				return link, err
			case !shipped(found[0]) && found[0] == to:
				return homepage + "/blob/" + ref + "/" + to, nil
			case !shipped(found[0]):
				return homepage + "/tree/" + ref + "/" + to, nil
			}
			todo = append(todo, found...)
			return link, nil
		})
		if err != nil {
			return nil, err
		}
		all[name] = file{0o644, text}
	}
	return all, nil
}

// below is a file, or the files of a directory; nothing if there is none.
func below(root, name string) (found []string, err error) {
	if _, err := os.Stat(filepath.Join(root, name)); err != nil {
		return nil, nil //nolint:nilerr // what leads nowhere in the project is the business of tests/pages
	}
	err = filepath.WalkDir(filepath.Join(root, name), func(full string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, full)
		found = append(found, rel)
		return err
	})
	return found, err
}

var linked = regexp.MustCompile(`\]\(([^)\s#]+)`)

// relink changes the links of a page: to is what one leads to, from the project's root on; those to other sites stay.
func relink(text []byte, name string, change func(to, link string) (string, error)) ([]byte, error) {
	var failed error
	text = linked.ReplaceAllFunc(text, func(m []byte) []byte {
		link := string(m[2:])
		if strings.Contains(link, ":") || path.IsAbs(link) {
			return m
		}
		changed, err := change(path.Join(path.Dir(name), link), link)
		if err != nil {
			failed = err
		}
		return []byte("](" + changed)
	})
	return text, failed
}
