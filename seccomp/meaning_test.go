package seccomp

import (
	"fmt"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// meaning is what a profile says of a call, read off it without trees: the
// answers that the rules whose conditions hold give, the default if none do.
func meaning(p *specs.LinuxSeccomp, a *arch, in *seen) map[uint32]bool {
	answers := make(map[uint32]bool)
	if int32(in.nr) < 0 { // no call's number; the tables have -1 for none
		return answers
	}
	for i := range p.Syscalls {
		e := &p.Syscalls[i]
		value := answer(e.Action, e.ErrnoRet)
		if value == answer(p.DefaultAction, p.DefaultErrnoRet) {
			continue
		}
		for _, name := range e.Names {
			at, ok := findName(name)
			if ok && a.numbers[at] == int32(in.nr) && entryHolds(a, e.Args, in) {
				answers[value] = true
			}
			g := gateOf(name)
			gate, ok := a.through(g)
			if !ok {
				continue
			}
			var rest []specs.LinuxSeccompArg
			for _, arg := range e.Args {
				if arg.Index > 0 {
					rest = append(rest, arg)
				}
			}
			first := in.args[0]
			if !a.wide {
				first = uint64(uint32(first))
			}
			if gate == int32(in.nr) && first == uint64(g.sub) && (len(e.Args) > 0 && len(rest) == 0 || entryHolds(a, rest, in)) {
				answers[value] = true
			}
		}
	}
	return answers
}

func entryHolds(a *arch, args []specs.LinuxSeccompArg, in *seen) bool {
	seen, twice, some, every := map[uint]bool{}, false, false, true
	for _, c := range args {
		twice = twice || seen[c.Index]
		seen[c.Index] = true
		v, value, two := in.args[c.Index], c.Value, c.ValueTwo
		if !a.wide {
			v, value, two = uint64(uint32(v)), uint64(uint32(value)), uint64(uint32(two))
		}
		holds := false
		switch c.Op {
		case specs.OpEqualTo:
			holds = v == value
		case specs.OpNotEqual:
			holds = v != value
		case specs.OpLessThan:
			holds = v < value
		case specs.OpLessEqual:
			holds = v <= value
		case specs.OpGreaterThan:
			holds = v > value
		case specs.OpGreaterEqual:
			holds = v >= value
		case specs.OpMaskedEqual:
			holds = v&value == two&value
		}
		some, every = some || holds, every && holds
	}
	if twice {
		return some
	}
	return every
}

// splits tells whether several conditions are on one argument. If that is the
// first, a gate takes one of them away, which meaning doesn't know.
func splits(p *specs.LinuxSeccomp) bool {
	for i := range p.Syscalls {
		n := [6]int{}
		for _, a := range p.Syscalls[i].Args {
			n[a.Index]++
		}
		for _, k := range n {
			if k > 1 {
				return true
			}
		}
	}
	return false
}

// A judge compares filters with what their profiles mean.
type judge struct {
	profiles, calls, wrong int
	quiet                  bool // errors are expected
}

// profile judges the filter code that was made of a profile for hosts of an architecture.
func (j *judge) profile(t *testing.T, p *specs.LinuxSeccomp, native specs.Arch, m maker, code []instruction) {
	t.Helper()
	j.profiles++
	s := collect(p)
	for _, a := range s.arches(native) {
		last, young := s.newest(a)
		probes(p, a, m, func(in *seen) {
			if in.nr < a.first || in.nr > a.last || young && (in.nr > last || in.nr == unknownCall(a)) {
				return // see TestRanges
			}
			want := meaning(p, a, in)
			if len(want) > 1 {
				return // which comes first, is for libseccomp to say
			}
			if len(want) == 0 {
				want = map[uint32]bool{s.fallback: true}
			}
			j.calls++
			got, _, err := run(code, in, a.big)
			if err != nil {
				t.Fatal(err)
			}
			if !want[got] {
				if j.wrong++; j.wrong < 5 && !j.quiet {
					t.Errorf("%v: answered %s, the profile says %v\n%s", in, answerText(got), want, about(p, a, in))
				}
			}
		})
	}
}

// unknownCall is the number that the kernel of an architecture shows for every call that it
// doesn't know; one that no call has where there is no such number.
func unknownCall(a *arch) uint32 {
	if a.name == specs.ArchS390 || a.name == specs.ArchS390X {
		return 0
	}
	return all
}

// TestMeaning compares filters of profiles that have anything with what the
// profiles mean, for hosts of several kinds, whatever this one is.
func TestMeaning(t *testing.T) {
	n := 12
	if testing.Short() {
		n = 4
	}
	for _, native := range []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchAARCH64, specs.ArchS390X, specs.ArchMIPSEL64} {
		t.Run(string(native), func(t *testing.T) { meansWhatItSays(t, native, n) })
	}
}

func meansWhatItSays(t *testing.T, native specs.Arch, n int) {
	var j judge
	for i := range n {
		m := newMaker(uint64(i))
		m.anything = true
		p := m.profile()
		if splits(p) && len(p.Architectures) > 0 {
			p.Architectures = nil
		}
		code, err := compileRules(p, native)
		if err != nil {
			continue // contradictions
		}
		before := j.wrong
		j.profile(t, p, native, m, code)
		if j.wrong > before {
			t.Errorf("profile %d: %d calls answered wrongly", i, j.wrong-before)
		}
	}
	fmt.Printf("%d profiles, %d calls, %d answered otherwise than the profile says\n", j.profiles, j.calls, j.wrong)
}
