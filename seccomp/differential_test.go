//go:build libseccomp

package seccomp

import (
	"encoding/json"
	"flag"
	"fmt"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

var (
	shown     = flag.Int("shown", 500, "how much of a profile to show")
	generated = flag.Int("generated", 300, "how many profiles to generate")
)

// TestSameAsLibseccomp compares what our filters and libseccomp's answer.
func TestSameAsLibseccomp(t *testing.T) {
	var total tally
	for name, p := range engineProfiles(t) {
		t.Run(name, func(t *testing.T) { total.compare(t, p, newMaker(1)) })
	}
	for name, p := range operatorProfiles() {
		t.Run(name, func(t *testing.T) { total.compare(t, p, newMaker(1)) })
	}
	for i := range *generated {
		m := newMaker(uint64(i))
		total.compare(t, m.profile(), m)
	}
	fmt.Printf("libseccomp %s: %d profiles (%d refused by both), %d calls compared, %d differences\n",
		Library(), total.profiles, total.refused, total.calls, total.differences)
	if total.profiles < 50 {
		t.Errorf("only %d profiles", total.profiles)
	}
}

func FuzzSameAsLibseccomp(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		m := newMaker(seed)
		new(tally).compare(t, m.profile(), m)
	})
}

type tally struct{ profiles, refused, calls, differences int }

func (n *tally) compare(t testing.TB, p *specs.LinuxSeccomp, m maker) {
	t.Helper()
	n.profiles++
	if list := Check(p, Native()); len(list) > 0 {
		t.Fatal(list[0])
	}
	ours, err := compileRules(p, Native())
	theirs, lerr := compileByLibrary(p, Native())
	if (err == nil) != (lerr == nil) {
		n.differences++
		t.Errorf("we say %v, libseccomp %v, of %s", err, lerr, text(p))
		return
	}
	if err != nil {
		n.refused++
		return
	}
	s := collect(p)
	failed := 0
	check := func(a *arch) {
		probes(p, a, m, func(in *seen) {
			n.calls++
			got, _, err := run(ours, in, false)
			want, _, lerr := run(theirs, in, false)
			if err != nil || lerr != nil || got != want {
				n.differences++
				if failed++; failed <= 3 {
					t.Errorf("%v: we answer %s (%v), libseccomp %s (%v)", in, answerText(got), err, answerText(want), lerr)
				}
			}
		})
	}
	list := s.arches(Native())
	for _, a := range list {
		check(a)
	}
	foreign := arches[12]
	check(&foreign)
	if failed > 0 {
		t.Errorf("%d differences in %s", failed, text(p))
	}
}

func text(p *specs.LinuxSeccomp) string {
	b, _ := json.Marshal(p)
	return string(b[:min(len(b), *shown)])
}
