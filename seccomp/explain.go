package seccomp

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// An Explanation says what becomes of a call.
type Explanation struct {
	Arch   specs.Arch
	Name   string
	Number int32  // -1: the architecture has no such call
	Answer string // an action, with its error number
	Field  string // of the configuration, that decides
	Why    string // in words
	// Rules are the entries about the call, if it depends on arguments that weren't
	// given; then Answer is that of a call for which none of them holds.
	Rules []ExplainedRule
}

// An ExplainedRule is an entry of a profile about a call.
type ExplainedRule struct{ Field, Conditions, Answer string }

// Explain says which rule of a profile decides about a call on one of its
// architectures, "" being the native one. With args nil the answer is about a
// call with any.
func Explain(p *specs.LinuxSeccomp, native, on specs.Arch, name string, args []uint64) (*Explanation, error) {
	if list := Check(p, native); len(list) > 0 {
		return nil, list[0]
	}
	if on == "" {
		on = native
	}
	a, s := findArch(on), collect(p)
	if a == nil {
		return nil, fmt.Errorf("unknown architecture %q", on)
	}
	at, ok := findName(name)
	if !ok {
		return nil, fmt.Errorf("no architecture has a system call %q", name)
	}
	e := &Explanation{Arch: on, Name: name, Number: a.numbers[at]}
	member := false
	for _, b := range s.arches(native) {
		member = member || a == b
	}
	switch last, young := s.newest(a); {
	case e.Number < 0:
		e.Why = "the architecture has no such call"
		return e, nil
	case !member:
		e.Answer, e.Field, e.Why = string(specs.ActKillThread), prefix+"architectures", "the filter is not for this architecture"
		return e, nil
	case young && uint32(e.Number) > last:
		e.Answer, e.Field, e.Why = string(specs.ActErrno)+" ENOSYS", prefix+"syscalls", "the call is newer than all that the profile names"
		return e, nil
	}
	return e, s.explain(e, a, args)
}

// explain finds the rule for a number that the filter knows.
func (s *ruleset) explain(e *Explanation, a *arch, args []uint64) error {
	e.Answer, e.Field, e.Why = answerText(s.fallback), prefix+"defaultAction", "no rule is about it"
	for _, c := range s.calls(a) {
		if c.nr != uint32(e.Number) {
			continue
		}
		p := planter{ruleset: s, wide: a.wide}
		r, tree, err := p.plant(c)
		if err != nil {
			return err
		}
		if r == nil && args == nil {
			e.Why = "where no rule's conditions hold"
			e.Rules = s.explained(c)
			return nil
		}
		var given [6]uint64
		copy(given[:], args)
		if r == nil {
			e.Why = "no rule's conditions hold"
			r = tree.decide(&given)
		}
		if r != nil {
			e.Answer, e.Field = answerText(r.answer), entryField(r)
			e.Why = conditionText(r.conds)
		}
	}
	return nil
}

func entryField(r *rule) string { return fmt.Sprintf("%ssyscalls[%d]", prefix, r.entry) }

// explained are the rules of a call.
func (s *ruleset) explained(c call) (list []ExplainedRule) {
	for _, cr := range c.rules {
		r := &s.rules[cr.rule]
		list = append(list, ExplainedRule{entryField(r), conditionText(s.conditions(cr)), answerText(r.answer)})
	}
	return list
}

// conditionText writes conditions as one would in C.
func conditionText(list []cond) string {
	if len(list) == 0 {
		return "always"
	}
	signs := [...]string{opNE: "!=", opLT: "<", opLE: "<=", opEQ: "==", opGE: ">=", opGT: ">"}
	var words []string
	for _, c := range list {
		if c.op == opMasked {
			words = append(words, fmt.Sprintf("argument %d & %#x == %#x", c.arg, c.mask, c.value&c.mask))
		} else {
			words = append(words, fmt.Sprintf("argument %d %s %#x", c.arg, signs[c.op], c.value))
		}
	}
	return strings.Join(words, ", ")
}

// String is the explanation for people.
func (e *Explanation) String() string {
	var b strings.Builder
	if e.Number < 0 {
		return fmt.Sprintf("%s: %s has no such call\n", e.Name, e.Arch)
	}
	for _, r := range e.Rules {
		fmt.Fprintf(&b, "%s: %s: %s (%s)\n", e.Name, r.Answer, r.Field, r.Conditions)
	}
	fmt.Fprintf(&b, "%s: %s: %s (%s)\n", e.Name, e.Answer, e.Field, e.Why)
	return b.String()
}
