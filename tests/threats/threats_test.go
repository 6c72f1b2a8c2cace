package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pages are the documents with tables, and what isn't in them of the catalogues that they follow: R17 is R1's, and F38 can't be had.
var pages = []struct {
	name, letter string
	last         int
	without      []int
}{
	{"threat-model.md", "R", 36, []int{17}},
	{"faults.md", "F", 43, []int{38}},
}

// Every test that the documents name exists, and none of a catalogue is left out.
func TestDocuments(t *testing.T) {
	for _, page := range pages {
		text, err := os.ReadFile("../../docs/" + page.name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			for _, one := range r.tests {
				if !exists(one) {
					t.Errorf("%s: there is no %s in %s", r.name, one.name, one.dir)
				}
			}
		}
		for i := 1; i <= page.last; i++ {
			name := page.letter + strconv.Itoa(i)
			if !slices.Contains(page.without, i) && !slices.ContainsFunc(rows, func(r row) bool { return r.name == name }) {
				t.Errorf("%s: no row has %s", page.name, name)
			}
		}
	}
}

// exists tells whether there is a function of a test's name, and a script if it names one.
func exists(one test) bool {
	function, script, _ := strings.Cut(one.name, "/")
	if _, err := os.Stat(filepath.Join("..", one.place(), "testdata", script+".txtar")); script != "" && err != nil {
		return false
	}
	files, _ := filepath.Glob(filepath.Join("..", one.place(), "*_test.go"))
	return slices.ContainsFunc(files, func(f string) bool {
		text, err := os.ReadFile(f)
		return err == nil && strings.Contains(string(text), "\nfunc "+function+"(")
	})
}

func TestParse(t *testing.T) {
	rows, err := parse("x\n| R1 | an attack | | stopped | `security` TestA TestB; `internal/user` TestC |\n|---|\n")
	if err != nil || len(rows) != 1 || rows[0].attack != "an attack" || len(rows[0].tests) != 3 || rows[0].tests[2].place() != "../internal/user" {
		t.Errorf("%v, %v", rows, err)
	}
	for _, text := range []string{"", "| R1 | a | b | c |", "| R1 | a | | c | TestA |", "| R1 | a | | c | `security` |"} {
		if rows, err := parse(text); err == nil {
			t.Errorf("%q: %v", text, rows)
		}
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
