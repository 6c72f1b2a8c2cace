package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

const intro = `# Conformance

What the programs of [runtime-tools](https://github.com/opencontainers/runtime-tools)
v0.9.0, the suite of the OCI, say. ` + "`make conformance`" + ` runs them and writes this file;
` + "`SUITE=DIR`" + ` takes a checkout instead, ` + "`RUNTIMES=…`" + ` other runtimes. The first one is judged:
a point that fails must be in the second table, and what is in that must fail.

The suite was made for version 1.0 of the specification. A program that "says
nothing" ends without a point, whatever it has seen.

crun refuses the hybrid cgroups of the machine that this was run on.

`

// document is docs/conformance.md.
func document(runtimes, programs []string, results []map[string]*result) []byte {
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString("| program |")
	for _, r := range runtimes {
		fmt.Fprintf(&b, " %s |", filepath.Base(r))
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(runtimes)) + "\n")
	passed, failed := make([]int, len(runtimes)), make([]int, len(runtimes))
	for _, p := range programs {
		fmt.Fprintf(&b, "| %s |", p)
		for i := range runtimes {
			r := results[i][p]
			if r == nil {
				b.WriteString(" not run |")
				continue
			}
			passed[i] += r.passed
			failed[i] += len(r.failed)
			b.WriteString(" " + r.cell() + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("| **all** |")
	for i := range runtimes {
		fmt.Fprintf(&b, " **%d passed, %d not** |", passed[i], failed[i])
	}
	b.WriteString("\n\n## What rung does not pass, and why\n\n| program | point | reason |\n|---|---|---|\n")
	for _, e := range exceptions {
		fmt.Fprintf(&b, "| %s | %s… | %s |\n", e.program, e.text, e.why)
	}
	return []byte(b.String())
}

func (r *result) cell() string {
	switch {
	case r.passed+r.skipped+len(r.failed) == 0:
		return "says nothing"
	case len(r.failed) == 0:
		return fmt.Sprintf("%d", r.passed)
	}
	return fmt.Sprintf("%d, %d not", r.passed, len(r.failed))
}
