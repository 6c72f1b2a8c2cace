package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the links to the tests into the documents")

// pages are the documents with tables, and what isn't in them of the catalogues that they follow: F38 can't be had.
var pages = []struct {
	name, letter string
	last         int
	without      []int
}{
	{"threat-model.md", "R", 36, nil},
	{"faults.md", "F", 43, []int{38}},
}

// Every test that the documents name exists in the file to which its name leads, and none of a catalogue is left out.
func TestDocuments(t *testing.T) {
	for _, page := range pages {
		name := "../../docs/" + page.name
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := link(string(text))
		if err != nil {
			t.Errorf("%s: %v", page.name, err)
		}
		if *update && err == nil {
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil { //nolint:gosec // a page
				t.Fatal(err)
			}
		} else if want != string(text) {
			t.Errorf("%s: links to tests aren't to where they are: go test ./threats -update", page.name)
		}
		rows, err := parse(want)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i <= page.last; i++ {
			name := page.letter + strconv.Itoa(i)
			if !slices.Contains(page.without, i) && !slices.ContainsFunc(rows, func(r row) bool { return r.name == name }) {
				t.Errorf("%s: no row has %s", page.name, name)
			}
		}
	}
}

var (
	part = regexp.MustCompile("`([a-z/]+)`((?: \\[?Test[A-Za-z0-9/]+(?:\\]\\([^)\\s]+\\))?)+)(?: ?[;|])")
	name = regexp.MustCompile(`\[?(Test[A-Za-z0-9/]+)(?:\]\([^)\s]+\))?`)
)

// link is a document in which all names of tests in its rows lead to the tests' files, whatever they led to before.
func link(text string) (string, error) {
	var missing error
	var b strings.Builder
	for line := range strings.Lines(text) {
		if first.MatchString(line) {
			line = part.ReplaceAllStringFunc(line, func(p string) string {
				dir := part.FindStringSubmatch(p)[1]
				return name.ReplaceAllStringFunc(p, func(n string) string {
					one := test{dir, name.FindStringSubmatch(n)[1]}
					file := fileOf(one)
					if file == "" {
						missing = fmt.Errorf("there is no %s in %s", one.name, one.dir)
					}
					return "[" + one.name + "](" + file + ")"
				})
			})
		}
		b.WriteString(line)
	}
	return b.String(), missing
}

// fileOf is where a test is, from docs/ on: the file of its function, or the script that its name has besides; empty if there is none.
func fileOf(one test) string {
	function, script, _ := strings.Cut(one.name, "/")
	files, _ := filepath.Glob(filepath.Join("..", one.place(), "*_test.go"))
	at := slices.IndexFunc(files, func(f string) bool {
		text, err := os.ReadFile(f)
		return err == nil && strings.Contains(string(text), "\nfunc "+function+"(")
	})
	if at < 0 {
		return ""
	}
	file := files[at]
	if script != "" {
		file = filepath.Join("..", one.place(), "testdata", script+".txtar")
	}
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	if strings.Contains(one.dir, "/") {
		return strings.TrimPrefix(file, "../")
	}
	return "../tests/" + strings.TrimPrefix(file, "../")
}

func TestParse(t *testing.T) {
	rows, err := parse("x\n| R1 | an attack | | stopped | `security` [TestA](a) [TestB](b); `internal/user` [TestC](c) |\n|---|\n")
	if err != nil || len(rows) != 1 || rows[0].attack != "an attack" || len(rows[0].tests) != 3 || rows[0].tests[2].place() != "../internal/user" {
		t.Errorf("%v, %v", rows, err)
	}
	for _, text := range []string{"", "| R1 | a | b | c |", "| R1 | a | | c | [TestA](a) |", "| R1 | a | | c | `security` TestA |", "| R1 | a | | c | `security` |"} {
		if rows, err := parse(text); err == nil {
			t.Errorf("%q: %v", text, rows)
		}
	}
}

// Names lead to where their tests are, also if they led elsewhere before; one that isn't there is an error.
func TestLink(t *testing.T) {
	const want = "x `a` TestX\n| R1 | a | | c | `threats` [TestLink](../tests/threats/threats_test.go) [TestParse](../tests/threats/threats_test.go); " +
		"`internal/user` [TestParse](../internal/user/spec_test.go) |\n"
	for _, text := range []string{want, strings.ReplaceAll(want, "threats_test.go", "rows.go"), linked.ReplaceAllString(want, "$1")} {
		if got, err := link(text); got != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := link("| R1 | a | | c | `threats` TestNonesuch |\n"); err == nil {
		t.Error("a test that isn't there is taken")
	}
}

// What go test says becomes verdicts, and the worst of a row counts.
func TestVerdicts(t *testing.T) {
	one, two := test{"security", "TestA"}, test{"security", "TestB"}
	c := &column{verdicts: map[test]string{}, reasons: map[test]string{}}
	said := c.read(strings.NewReader(`{"Action":"output","Test":"TestA","Output":"hello\n"}
{"Action":"pass","Test":"TestA"}
{"Action":"fail","Test":"TestB/sub"}
{"Action":"output","Test":"TestB","Output":"    b_test.go:7: no controller\n"}
{"Action":"skip","Test":"TestB"}
{"Action":"pass"}
`), []test{one, two})
	if said != "hello\n    b_test.go:7: no controller\n" || c.reasons[two] != "no controller" || c.verdicts[one] != passed || c.verdicts[two] != skipped || len(c.verdicts) != 2 {
		t.Errorf("%q, %v", said, c.verdicts)
	}
	for _, r := range []struct {
		runtime string
		of      []string
		want    string
	}{
		{"", []string{passed, skipped}, passed},
		{"", []string{skipped}, skipped},
		{"", []string{passed, failed}, failed},
		{"runc", []string{passed, skipped}, partly},
		{"runc", []string{passed, passed}, passed},
		{"runc", []string{passed, failed}, differs},
	} {
		c, all := &column{verdicts: map[test]string{}, runtime: r.runtime}, row{}
		for i, v := range r.of {
			all.tests = append(all.tests, test{"x", strconv.Itoa(i)})
			c.verdicts[all.tests[i]] = v
		}
		if got := c.of(all); got != r.want {
			t.Errorf("%v: %s, want %s", r.of, got, r.want)
		}
		var out strings.Builder
		if ok := table(&out, []row{all}, []*column{c}); ok != (r.want == passed || r.runtime != "") {
			t.Errorf("%v: rung withstands: %v", r.of, ok)
		}
	}
}

// What one view can't show another has to.
func TestSkippedView(t *testing.T) {
	one, r := test{"x", "TestA"}, row{name: "F7"}
	r.tests = []test{one}
	ran := &column{name: "rung v1", verdicts: map[test]string{one: passed}}
	left := &column{name: "rung v2", verdicts: map[test]string{one: skipped}, reasons: map[test]string{one: "no controller"}}
	var out strings.Builder
	if !table(&out, []row{r}, []*column{ran, left}) || !strings.Contains(out.String(), "F7, rung v2: TestA: no controller\n") {
		t.Errorf("%s", out.String())
	}
	if table(&out, []row{r}, []*column{left}) {
		t.Error("what no view has shown isn't withstood")
	}
}
