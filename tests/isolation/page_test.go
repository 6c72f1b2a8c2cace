package isolation

import (
	"fmt"
	"slices"
	"strings"
)

// A page is docs/isolation.md in the making.
type page struct {
	rows  []string
	lines map[string][]string // what one can do, and another can't → in which settings
}

func (p *page) add(setting, other string, ours, theirs int, more, less []string) {
	p.rows = append(p.rows, fmt.Sprintf("| %s | %s | %d | %d | %d | %d |", setting, other, ours, theirs, len(more), len(less)))
	if p.lines == nil {
		p.lines = map[string][]string{}
	}
	for _, l := range more {
		p.lines["rung, not "+other+": "+l] = append(p.lines["rung, not "+other+": "+l], setting)
	}
	for _, l := range less {
		p.lines[other+", not rung: "+l] = append(p.lines[other+", not rung: "+l], setting)
	}
}

func (p *page) text() string {
	var b strings.Builder
	b.WriteString(`# What a container sees and reaches

Made by ` + "`make isolation`" + ` (tests/isolation): a program walks all of /proc and /sys and opens every file for reading and writing, makes and opens devices, sockets of
every family, keyrings, and makes system calls that take privileges; each thing that works is a line. A container of rung's can do nothing that one of runc's with the same
configuration can't: a test in CI.

This is of cgroup v1 alone, which all three take, on the machine that made it.

| configuration | beside | rung can | the other can | rung alone | the other alone |
|---|---|---|---|---|---|
`)
	b.WriteString(strings.Join(p.rows, "\n") + "\n\n## What differs\n\n| who | what | in |\n|---|---|---|\n")
	var lines []string
	for l := range p.lines {
		lines = append(lines, l)
	}
	slices.Sort(lines)
	for _, l := range lines {
		who, what, _ := strings.Cut(l, ": ")
		fmt.Fprintf(&b, "| %s | %s | %s |\n", who, what, strings.Join(p.lines[l], "; "))
	}
	return b.String()
}
