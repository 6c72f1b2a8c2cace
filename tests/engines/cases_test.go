package engines

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/harness"
)

// A scenario is one command line of an engine's user, and what it must do.
// testdata/*.cases holds one a line: name, what it needs (a cgroup controller,
// "no-criu" or "-"), exit code, expression that the output matches, and a shell
// command, with tabs between.
type scenario struct {
	name, needs string
	code        int
	output      *regexp.Regexp
	command     string
	// do is what a test does in place of a command.
	do func(runtime string) error
}

func scenarios(t testing.TB, file string) (list []scenario) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	tabs := regexp.MustCompile(`\t+`)
	for n, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		f := tabs.Split(line, 5)
		if len(f) != 5 {
			t.Fatalf("%s:%d: %d columns, not 5", file, n+1, len(f))
		}
		code, err := strconv.Atoi(f[2])
		if err != nil {
			t.Fatalf("%s:%d: %v", file, n+1, err)
		}
		list = append(list, scenario{name: f[0], needs: f[1], code: code, output: regexp.MustCompile("(?m)" + f[3]), command: patient(f[4])})
	}
	return list
}

// met reports whether this host has what the scenario needs.
func (s *scenario) met() bool {
	switch s.needs {
	case "-":
		return true
	case "no-criu":
		return !criuWorks()
	}
	return harness.HasController(s.needs)
}

// play runs the command: nil if it does what it must. A command of ctr that says nothing is given again, twice at most: ctr
// gives up opening the FIFO of a process's output if that has ended by then, which is seen on a busy machine.
func (s *scenario) play(runtime string, env []string) error {
	if s.do != nil {
		return s.do(runtime)
	}
	for tries := 1; ; tries++ {
		code, out := s.once(env)
		if code == s.code && s.output.MatchString(out) {
			return nil
		}
		if code != s.code || out != "" || tries == 3 || !strings.HasPrefix(s.command, "ctr ") {
			return fmt.Errorf("%s\nexit code %d, want %d; output, want %q:\n%s", s.command, code, s.code, s.output, out)
		}
	}
}

// once runs the command once.
func (s *scenario) once(env []string) (code int, output string) {
	ctx, cancel := context.WithTimeout(context.Background(), harness.Patience(time.Minute))
	defer cancel()
	var out bytes.Buffer
	c := exec.CommandContext(ctx, "sh", "-c", s.command)
	c.Env, c.Stdout, c.Stderr = env, &out, &out
	c.WaitDelay = time.Second
	c.Run()
	return c.ProcessState.ExitCode(), out.String()
}

// runtimes are those that an engine's cases are run with: rung alone in a short
// test, in a long one Debian's beside it, to compare ($RUNG_BESIDE: only some, with
// commas). crun refuses the hybrid view.
func runtimes() map[string]string {
	list := map[string]string{"rung": harness.Runtime()}
	if !testing.Short() {
		for _, name := range strings.Split(cmp.Or(os.Getenv("RUNG_BESIDE"), "runc,crun"), ",") {
			path := map[string]string{"runc": "/usr/sbin/runc", "crun": "/usr/bin/crun"}[name]
			if _, err := os.Stat(path); err == nil && (name != "crun" || harness.View() != "hybrid") {
				list[name] = path
			}
		}
	}
	return list
}

// perform runs all cases with all runtimes, one after another as in the file. What
// rung fails fails the test; what the others do is for the table. RUNG_CASES is an
// expression of the only ones that are wanted, each of which may need earlier ones.
func perform(t *testing.T, engine string, list []scenario, env []string) {
	t.Helper()
	failed := map[string]map[string]bool{}
	var faults []string // said after the table, where a reader of a long output looks
	names := runtimes()
	only := regexp.MustCompile(os.Getenv("RUNG_CASES"))
	list = slices.DeleteFunc(list, func(s scenario) bool { return !only.MatchString(s.name) })
	for _, name := range []string{"rung", "runc", "crun"} {
		if names[name] == "" {
			continue
		}
		failed[name] = map[string]bool{}
		for _, s := range list {
			if !s.met() {
				continue
			}
			begin := time.Now()
			err := s.play(name, append(env, "RT="+name, "BIN="+names[name]))
			if harness.Emulated() { // an hour without a word would be long
				fmt.Fprintf(os.Stderr, "%s: %s: %s: %v, %.0f s\n", engine, name, s.name, map[bool]string{true: "ok", false: "FAIL"}[err == nil], time.Since(begin).Seconds())
				if err != nil {
					fmt.Fprintf(os.Stderr, "\t%s\n", strings.ReplaceAll(err.Error(), "\n", "\n\t"))
				}
			}
			failed[name][s.name] = err != nil
			switch {
			case err == nil:
			case name == "rung":
				faults = append(faults, fmt.Sprintf("%s: %v", s.name, err))
			default:
				t.Logf("%s doesn't pass %s: %v", name, s.name, err)
			}
		}
	}
	table(t, engine, list, failed)
	for _, fault := range faults {
		t.Error(fault)
	}
}

// table prints what every runtime passed, as Markdown.
func table(t *testing.T, engine string, list []scenario, failed map[string]map[string]bool) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "| %s, %s | rung | runc | crun |\n|---|---|---|---|\n", engine, harness.View())
	for _, s := range list {
		fmt.Fprintf(&b, "| %s |", s.name)
		for _, name := range []string{"rung", "runc", "crun"} {
			bad, ran := failed[name][s.name]
			fmt.Fprintf(&b, " %s |", map[bool]string{true: "FAIL", false: "ok"}[bad]+map[bool]string{false: " (not run)"}[ran])
		}
		b.WriteString("\n")
	}
	text := strings.ReplaceAll(b.String(), "ok (not run)", "–")
	t.Logf("%s", "\n"+text)
	if file := os.Getenv("RUNG_TABLE"); file != "" {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text + "\n"); err != nil {
			t.Fatal(err)
		}
	}
}
