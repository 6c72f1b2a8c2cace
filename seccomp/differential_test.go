//go:build libseccomp

package seccomp

import (
	"flag"
	"fmt"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

var generated = flag.Int("generated", 300, "how many profiles to generate")

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
				if failed++; failed <= 1 {
					t.Errorf("%s\n%v: we answer %s (%v), libseccomp %s (%v)", about(p, a, in), in, answerText(got), err, answerText(want), lerr)
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
		t.Errorf("%d differences", failed)
	}
}

// TestLibseccompMistakes says how often libseccomp answers otherwise than a
// profile says, where profiles may have anything. We never do, see TestMeaning.
func TestLibseccompMistakes(t *testing.T) {
	var ours, theirs judge
	wrong := 0
	for i := range *generated / 10 {
		m := newMaker(uint64(i))
		m.anything = true
		p := m.profile()
		p.Architectures = nil
		code, err := compileRules(p, Native())
		library, lerr := compileByLibrary(p, Native())
		if err != nil || lerr != nil {
			continue
		}
		ours.profile(t, p, newMaker(7), code)
		before := theirs.wrong
		theirs.quiet = true
		theirs.profile(t, p, newMaker(7), library)
		if theirs.wrong > before {
			wrong++
		}
	}
	fmt.Printf("of %d calls of %d profiles: libseccomp answers %d otherwise than its profile says, of %d profiles; we %d\n",
		ours.calls, ours.profiles, theirs.wrong, wrong, ours.wrong)
}

func BenchmarkLibseccomp(b *testing.B) {
	p := engineProfiles(b)["docker-config-1.json"]
	for b.Loop() {
		if _, err := compileByLibrary(p, Native()); err != nil {
			b.Fatal(err)
		}
	}
}
