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
	var why []string
	for _, r := range rows {
		fmt.Fprint(out, r.name)
		of := map[string]bool{} // rung's verdicts
		for _, c := range all {
			verdict := c.of(r)
			if c.runtime == "" {
				of[verdict] = true
			}
			if verdict == skipped {
				why = append(why, c.why(r)...)
			}
			fmt.Fprint(out, "\t"+verdict)
		}
		withstands = withstands && !of[failed] && (of[passed] || len(of) == 0)
		fmt.Fprintf(out, "\t%s\n", r.attack)
	}
	out.Flush()
	for _, line := range why {
		fmt.Fprintln(to, line)
	}
	return withstands
}

// why tells of a row that was skipped what kept its tests from running.
func (c *column) why(r row) (lines []string) {
	for _, t := range r.tests {
		if reason := c.reasons[t]; reason != "" {
			lines = append(lines, fmt.Sprintf("%s, %s: %s: %s", r.name, c.name, t.name, reason))
		}
	}
	return lines
}
