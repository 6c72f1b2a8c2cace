package seccomp

import (
	"cmp"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A rule is what a profile's entry says of a call, with all its conditions to
// hold.
type rule struct {
	entry  int // in LinuxSeccomp.Syscalls
	answer uint32
	conds  []cond // by argument, each argument once
}

// A cond is a condition on an argument.
type cond struct {
	arg   uint8
	op    comparison
	mask  uint64 // all ones but for opMasked
	value uint64
}

// A use is a name with the rules of an entry: none, if the entry says what the
// default says.
type use struct {
	name        place
	gate        gate
	first, last int // of ruleset.rules, last excluded
}

// A ruleset is a profile without the names that no architecture has.
type ruleset struct {
	profile  *specs.LinuxSeccomp
	fallback uint32 // the default's answer
	rules    []rule
	uses     []use
}

// collect reads a checked profile.
func collect(p *specs.LinuxSeccomp) *ruleset {
	names := 0
	for i := range p.Syscalls {
		names += len(p.Syscalls[i].Names)
	}
	s := &ruleset{profile: p, fallback: answer(p.DefaultAction, p.DefaultErrnoRet)}
	s.rules, s.uses = make([]rule, 0, len(p.Syscalls)), make([]use, 0, names)
	for i := range p.Syscalls {
		entry := &p.Syscalls[i]
		first := len(s.rules)
		if value := answer(entry.Action, entry.ErrnoRet); value != s.fallback {
			s.split(i, value, entry.Args)
		}
		for _, name := range entry.Names {
			if at, ok := findName(name); ok {
				s.uses = append(s.uses, use{at, gateOf(name), first, len(s.rules)})
			}
		}
	}
	return s
}

// split makes the rules of an entry: one, or one for each condition if there are
// several on the same argument.
func (s *ruleset) split(entry int, value uint32, args []specs.LinuxSeccompArg) {
	var conds []cond
	seen, twice := [6]bool{}, false
	for _, a := range args {
		c := cond{arg: uint8(a.Index), mask: ^uint64(0), value: a.Value}
		if c.op, _ = operator(a.Op); c.op == opMasked {
			c.mask, c.value = a.Value, a.ValueTwo
		}
		twice = twice || seen[c.arg]
		seen[c.arg] = true
		conds = append(conds, c)
	}
	if !twice {
		slices.SortFunc(conds, func(a, b cond) int { return cmp.Compare(a.arg, b.arg) })
		s.rules = append(s.rules, rule{entry, value, conds})
		return
	}
	for i := range conds {
		s.rules = append(s.rules, rule{entry, value, conds[i : i+1]})
	}
}

// A call is a number of an architecture with the rules for it, in the order of
// the profile.
type call struct {
	nr    uint32
	rules []callRule
}

// A callRule is a rule of a call. Through a gate, its number is a condition in
// place of any other on the first argument.
type callRule struct {
	rule int32 // of ruleset.rules
	sub  uint8
}

// calls are the calls of an architecture that have rules, by number.
func (s *ruleset) calls(a *arch) []call {
	keys := make([]uint64, 0, len(s.uses)+32)
	add := func(nr int32, at int, sub uint8) {
		if nr >= 0 {
			keys = append(keys, uint64(nr)<<32|uint64(at)<<8|uint64(sub))
		}
	}
	for i := range s.uses {
		u := &s.uses[i]
		if u.first == u.last {
			continue
		}
		add(a.numbers[u.name], i, 0)
		if nr, ok := a.through(u.gate); ok {
			add(nr, i, u.gate.sub)
		}
	}
	slices.Sort(keys)
	list := make([]call, 0, len(keys))
	rules := make([]callRule, 0, len(keys))
	for _, key := range keys {
		nr, u, sub := uint32(key>>32), &s.uses[uint32(key)>>8], uint8(key)
		from := len(rules)
		for i := u.first; i < u.last; i++ {
			rules = append(rules, callRule{int32(i), sub})
		}
		if n := len(list); n > 0 && list[n-1].nr == nr {
			list[n-1].rules = append(list[n-1].rules, rules[from:]...)
		} else {
			list = append(list, call{nr, rules[from:len(rules):len(rules)]})
		}
	}
	return list
}

// conditions are those of a rule of a call: through a gate, its number comes
// first. They share no memory with the rule then.
func (s *ruleset) conditions(r callRule) []cond {
	conds := s.rules[r.rule].conds
	if r.sub == 0 {
		return conds
	}
	list := []cond{{op: opEQ, mask: ^uint64(0), value: uint64(r.sub)}}
	for _, c := range conds {
		if c.arg != 0 {
			list = append(list, c)
		}
	}
	return list
}
