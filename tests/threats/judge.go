package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// A column is what becomes of the tests on a runtime in a view.
type column struct {
	name, view, runtime string // the runtime's path, "" for rung
	verdicts            map[test]string
	reasons             map[test]string // of those that were skipped
}

const (
	passed  = "pass"
	failed  = "FAIL"
	skipped = "skip"
	differs = "differs" // of another runtime: the tests judge words and exit codes as well
	partly  = "partly"  // of another runtime: some tests are of what rung alone promises
)

// judge runs all tests of the rows, a directory's together.
func (c *column) judge(rows []row) error {
	c.verdicts, c.reasons = map[test]string{}, map[test]string{}
	by := map[string][]test{}
	for _, r := range rows {
		for _, t := range r.tests {
			if key := t.place() + sub(t.name); !slices.Contains(by[key], t) {
				by[key] = append(by[key], t)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(by)) {
		group := by[key]
		if c.runtime != "" && strings.Contains(group[0].dir, "/") {
			continue // a package of rung's
		}
		if err := c.run(group); err != nil {
			return err
		}
	}
	return nil
}

// sub is what a test's name has after its function; only one such can be asked for at a time.
func sub(name string) string {
	_, rest, _ := strings.Cut(name, "/")
	return rest
}

func (c *column) run(group []test) error {
	names := make([]string, 0, len(group))
	for _, t := range group {
		function, _, _ := strings.Cut(t.name, "/")
		names = append(names, regexp.QuoteMeta(function))
	}
	pattern := "^(" + strings.Join(names, "|") + ")$"
	if rest := sub(group[0].name); rest != "" {
		pattern += "/^" + regexp.QuoteMeta(rest) + "$"
	}
	cmd := exec.Command("go", "test", "-count=1", "-short", "-json", "-timeout", "20m", "-run", pattern, ".")
	cmd.Dir = group[0].place()
	cmd.Env = append(os.Environ(), "RUNG_VIEW="+c.view)
	if c.runtime != "" {
		cmd.Env = append(cmd.Env, "RUNTIME="+c.runtime)
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	text := c.read(out, group)
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return err
	}
	for _, t := range group {
		if c.verdicts[t] == "" {
			return fmt.Errorf("%s %s has not run:\n%s", t.dir, t.name, text)
		}
	}
	if err != nil && c.runtime == "" {
		fmt.Fprint(os.Stderr, text)
	}
	return nil
}

// read takes the verdicts out of what go test -json says, and returns what was said.
func (c *column) read(out io.Reader, group []test) string {
	var said strings.Builder
	last := map[string]string{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		said.WriteString(e.Output)
		if at, what, ok := strings.Cut(strings.TrimSpace(e.Output), ": "); ok && strings.Contains(at, ".go:") && what != "residue 0" {
			last[e.Test] = what
		}
		verdict := map[string]string{"pass": passed, "fail": failed, "skip": skipped}[e.Action]
		if t := (test{group[0].dir, e.Test}); verdict != "" && slices.Contains(group, t) {
			if c.verdicts[t] = verdict; verdict == skipped {
				c.reasons[t] = last[e.Test]
			}
		}
	}
	return said.String()
}

// of is the verdict of a row: the worst of its tests, skipped if none was run.
func (c *column) of(r row) string {
	has := map[string]bool{}
	for _, t := range r.tests {
		has[c.verdicts[t]] = true
	}
	other := c.runtime != ""
	switch {
	case has[failed] && other:
		return differs
	case has[failed]:
		return failed
	case has[passed] && other && len(has) > 1:
		return partly
	case has[passed]:
		return passed
	}
	return skipped
}
