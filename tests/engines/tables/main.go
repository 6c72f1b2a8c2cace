// Command tables reads what tests of engines have said, in their verbose output, and
// writes what came out of it: how many cases of each engine every runtime passes, and
// which it fails.
//
//	go run ./engines/tables [-write PAGE] FILE...
//
// In a page it replaces what is between the lines <!-- tables --> and <!-- end -->.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

// A suite is the table of one engine with one driver of cgroups.
type suite struct {
	name     string
	runtimes []string
	cases    [][]string // a name, and what each runtime made of it
}

func main() {
	page := flag.String("write", "", "replace the tables in this `page`, in place of printing them")
	flag.Parse()
	if err := run(*page, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "tables:", err)
		os.Exit(1)
	}
}

func run(page string, files []string) error {
	var suites []suite
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		suites = merge(suites, parse(string(text)))
	}
	if len(suites) == 0 {
		return fmt.Errorf("no table in %s: tests say them with -v only", strings.Join(files, ", "))
	}
	if page == "" {
		_, err := fmt.Print(format(suites))
		return err
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	changed, err := replace(string(text), format(suites))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(changed), 0o644)
}

// parse finds the tables in a test's output.
func parse(text string) (suites []suite) {
	in := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || !strings.HasSuffix(line, " |") {
			in = in && strings.HasPrefix(line, "|--")
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
		switch {
		case len(cells) > 1 && cells[1] == "rung":
			suites = append(suites, suite{name: cells[0], runtimes: cells[1:]})
			in = true
		case in:
			last := &suites[len(suites)-1]
			last.cases = append(last.cases, cells)
		}
	}
	return suites
}

// merge has a later table of the same engine stand for an earlier one.
func merge(old, later []suite) []suite {
next:
	for _, s := range later {
		for i := range old {
			if old[i].name == s.name {
				old[i] = s
				continue next
			}
		}
		old = append(old, s)
	}
	return old
}

// format writes the tables of a page.
func format(suites []suite) string {
	var counts, failures strings.Builder
	for _, s := range suites {
		if counts.Len() == 0 {
			head := strings.Join(s.runtimes, " | ") + " |\n"
			fmt.Fprintf(&counts, "| engine | cases | %s|---|---:|%s\n", head, strings.Repeat("---:|", len(s.runtimes)))
			fmt.Fprintf(&failures, "\n| engine | case | %s|---|---|%s\n", head, strings.Repeat("---|", len(s.runtimes)))
		}
		passed, ran := make([]int, len(s.runtimes)), make([]int, len(s.runtimes))
		for _, c := range s.cases {
			failed := false
			for i, word := range c[1:] {
				ran[i] += number(word != "–")
				passed[i] += number(word == "ok")
				failed = failed || word == "FAIL"
			}
			if failed {
				fmt.Fprintf(&failures, "| %s | %s |\n", s.name, strings.Join(c, " | "))
			}
		}
		fmt.Fprintf(&counts, "| %s | %d |", s.name, ran[0])
		for i := range passed {
			switch ran[i] {
			case 0:
				counts.WriteString(" – |")
			case ran[0]:
				fmt.Fprintf(&counts, " %d |", passed[i])
			default:
				fmt.Fprintf(&counts, " %d of %d |", passed[i], ran[i])
			}
		}
		counts.WriteString("\n")
	}
	return counts.String() + failures.String()
}

func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

const begin, end = "<!-- tables -->\n", "<!-- end -->\n"

// replace puts tables where a page has others.
func replace(page, tables string) (string, error) {
	before, rest, ok := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", fmt.Errorf("it lacks the lines %q and %q", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + tables + end + after, nil
}
