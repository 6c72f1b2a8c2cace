package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A row is an attack of the table.
type row struct {
	name, attack string
	tests        []test
}

// A test is one that shows that an attack fails: of a directory below tests/, or of a package.
type test struct{ dir, name string }

// columns are those of the table in the document.
const columns = 5

// A part of the last cell is a directory and its tests, each of which leads to its file.
var (
	named  = regexp.MustCompile("^`([a-z/]+)`((?: \\[Test[A-Za-z0-9/]+\\]\\([^)\\s]+\\))+)$")
	linked = regexp.MustCompile(`\[([A-Za-z0-9/]+)\]\([^)]+\)`)
	first  = regexp.MustCompile(`^\| [RXF]\d+ \|`)
)

// parse reads the rows out of the document: those whose first cell is a letter and a number.
func parse(text string) (rows []row, err error) {
	for line := range strings.Lines(text) {
		if !first.MatchString(line) {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != columns {
			return nil, fmt.Errorf("%d cells, want %d: %s", len(cells), columns, line)
		}
		r := row{name: strings.TrimSpace(cells[0]), attack: strings.TrimSpace(cells[1])}
		for part := range strings.SplitSeq(cells[columns-1], ";") {
			m := named.FindStringSubmatch(strings.TrimSpace(part))
			if m == nil {
				return nil, fmt.Errorf("%s: %q isn't a directory and links to its tests", r.name, part)
			}
			for _, name := range linked.FindAllStringSubmatch(m[2], -1) {
				r.tests = append(r.tests, test{m[1], name[1]})
			}
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("no row in the document")
	}
	return rows, nil
}

// chosen are the rows with some names; all if there are none.
func chosen(rows []row, names string) []row {
	if names == "" {
		return rows
	}
	return slices.DeleteFunc(rows, func(r row) bool { return !slices.Contains(strings.Split(names, ","), r.name) })
}

// place is the directory of a test, from tests/ on.
func (t test) place() string {
	if strings.Contains(t.dir, "/") {
		return "../" + t.dir
	}
	return t.dir
}
