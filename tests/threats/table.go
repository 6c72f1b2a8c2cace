package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table prints the verdicts, and tells whether rung withstands everything.
func table(to io.Writer, rows []row, all []*column) (withstands bool) {
	withstands = true
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	names := make([]string, 0, len(all))
	for _, c := range all {
		names = append(names, c.name)
	}
	fmt.Fprintf(out, "\t%s\tattack\n", strings.Join(names, "\t"))
	for _, r := range rows {
		fmt.Fprint(out, r.name)
		for _, c := range all {
			verdict := c.of(r)
			withstands = withstands && (c.runtime != "" || verdict == passed)
			fmt.Fprint(out, "\t"+verdict)
		}
		fmt.Fprintf(out, "\t%s\n", r.attack)
	}
	out.Flush()
	return withstands
}
