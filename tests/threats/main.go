// Threats runs the tests that docs/threat-model.md or docs/faults.md name, row by row, in the views of the cgroup
// hierarchy, and prints which attacks fail on which runtime:
//
//	go run ./threats [-page ../docs/faults.md] [-views hybrid,v1,v2] [-run R9,R10] [RUNTIME...]
//
// rung is always judged, and what it doesn't withstand is an error. Other runtimes are given by their
// paths, with the view after a colon in which they are to be seen: runc, crun:v2. What they fail is only shown, as
// a difference, for it may be one of words; and tests of what only rung promises are skipped.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	views := flag.String("views", "hybrid,v1,v2", "the `views` in which rung is judged")
	page := flag.String("page", "../docs/threat-model.md", "the `file` with the table")
	only := flag.String("run", "", "only the rows with these `names`")
	flag.Parse()
	text, err := os.ReadFile(*page)
	if err != nil {
		fatal(err)
	}
	rows, err := parse(string(text))
	if err != nil {
		fatal(err)
	}
	if rows = chosen(rows, *only); len(rows) == 0 {
		fatal(fmt.Errorf("no row has one of the names %s", *only))
	}
	var all []*column
	for view := range strings.SplitSeq(*views, ",") {
		all = append(all, &column{name: "rung " + view, view: view})
	}
	for _, arg := range flag.Args() {
		path, view, ok := strings.Cut(arg, ":")
		if !ok {
			view = "hybrid"
		}
		all = append(all, &column{name: filepath.Base(path) + " " + view, view: view, runtime: path})
	}
	for _, c := range all {
		fmt.Fprintln(os.Stderr, "threats:", c.name)
		if err := c.judge(rows); err != nil {
			fatal(fmt.Errorf("%s: %w", c.name, err))
		}
	}
	if !table(os.Stdout, rows, all) {
		os.Exit(1)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "threats:", err)
	os.Exit(2)
}
