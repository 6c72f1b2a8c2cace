package sweep

import (
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
)

// A table is what came of all sweeps.
type table struct{ sweeps []*sweep }

func (r *table) add(s *sweep) { r.sweeps = append(r.sweeps, s) }

func (a *tally) add(b tally) {
	a.all += b.all
	a.tried += b.tried
	a.killed += b.killed
	a.told += b.told
	a.missed += b.missed
	a.wrong += b.wrong
}

// report prints the numbers of each pair, each verb, each kind, and in all.
func (r *table) report(t *testing.T) {
	t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tfaults\ttried\tkills\ttold\tnot reached\tunexplained\t")
	row := func(name string, n tally) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, n.all, n.tried, n.killed, n.told, n.missed, n.wrong)
	}
	byVerb, byKind, sum := map[string]*tally{}, map[string]*tally{}, tally{}
	for _, s := range r.sweeps {
		row(s.String(), s.tally)
		for by, name := range map[*map[string]*tally]string{&byVerb: s.verb.name, &byKind: s.kind.name} {
			if (*by)[name] == nil {
				(*by)[name] = new(tally)
			}
			(*by)[name].add(s.tally)
		}
		sum.add(s.tally)
	}
	for _, v := range verbs {
		if n := byVerb[v.name]; n != nil {
			row(v.name, *n)
		}
	}
	for _, k := range kinds {
		if n := byKind[k.name]; n != nil {
			row(k.name, *n)
		}
	}
	row("all", sum)
	w.Flush()
	t.Log("\n" + b.String())
	if sum.tried < 5 && !*whole && *sample == 0 && *which == "" {
		t.Errorf("only %d faults tried", sum.tried)
	}
}
