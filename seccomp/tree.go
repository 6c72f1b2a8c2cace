package seccomp

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// A level is a list of nodes that are asked in turn until one has an answer. A
// call's rules make a tree of them: rules that begin alike share what they begin
// with.
type level []*node

// A node compares 32 bits of an argument. What it has no answer for goes on to
// the next node of its level, and from the last to the next of the level above.
type node struct {
	test
	cond cond   // that it is of
	t, f branch // it holds, it doesn't
}

// A test is a comparison of 32 bits: equal under a mask, greater, or greater or
// equal.
type test struct {
	word  uint8 // argument*2, plus 1 for its high half
	op    comparison
	mask  uint32
	value uint32
}

// A branch is an answer, or a level that has to be asked, or neither.
type branch struct {
	rule  *rule // whose answer it is
	by    cond  // of the rule, by which it is
	below level
}

// maxNodes bounds the trees of a filter. None that came near could be one.
const maxNodes = 1 << 16

// A planter grows trees.
type planter struct {
	*ruleset
	wide  bool
	nodes int
	rule  *rule // being added
	conds []cond
	// clash is the rule that says something else under the same conditions.
	clash *rule
}

// plant makes the tree of a call. Of rules without conditions the first alone
// counts; it is returned instead of a tree.
func (p *planter) plant(c call) (always *rule, tree level, err error) {
	var kept []condRule
	lengths := make(map[int]bool)
	for _, r := range c.rules {
		add := condRule{&p.rules[r.rule], p.needed(p.conditions(r))}
		if len(add.conds) == 0 {
			return add.rule, nil, nil
		}
		n := len(kept)
		if lengths[len(add.conds)] = true; len(lengths) > 1 { // else none is shorter than another
			if add.covered(kept) {
				continue
			}
			kept = slices.DeleteFunc(kept, add.covers)
		}
		kept = append(kept, add)
		from := len(kept) - 1
		if len(kept) <= n { // some rules have gone
			tree, from = nil, 0
		}
		for _, k := range kept[from:] {
			p.rule, p.conds = k.rule, k.conds
			p.add(&tree, 0, 0)
			if p.clash != nil || p.nodes > maxNodes {
				return nil, nil, p.problem()
			}
		}
	}
	return nil, tree, nil
}

// A condRule is a rule with its conditions on some architecture.
type condRule struct {
	rule  *rule
	conds []cond
}

// covers tells whether r says all that a longer rule says: the same answer with
// some of its conditions.
func (r condRule) covers(longer condRule) bool {
	if len(r.conds) >= len(longer.conds) || r.rule.answer != longer.rule.answer {
		return false
	}
	for _, c := range r.conds {
		if !slices.Contains(longer.conds, c) {
			return false
		}
	}
	return true
}

func (r condRule) covered(list []condRule) bool {
	return slices.ContainsFunc(list, func(k condRule) bool { return k.covers(r) })
}

// problem is why the rule can't be added: it contradicts another one, or it is
// one too many.
func (p *planter) problem() error {
	at := fmt.Sprintf("%ssyscalls[%d].args", prefix, p.rule.entry)
	if p.clash == nil {
		return &Problem{at, fmt.Sprintf("the conditions need more than the %d instructions that a filter may have", MaxInstructions)}
	}
	return &Problem{at, fmt.Sprintf("contradicts syscalls[%d]: the same call under the same conditions has another action", p.clash.entry)}
}

// needed leaves out conditions that always hold: those that look at no bit.
func (p *planter) needed(list []cond) []cond {
	look := func(c cond) bool { return uint32(c.mask) != 0 || p.wide && c.mask != 0 }
	for i, c := range list {
		if look(c) {
			continue
		}
		short := append([]cond(nil), list[:i]...)
		for _, c := range list[i:] {
			if look(c) {
				short = append(short, c)
			}
		}
		return short
	}
	return list
}

// Where a comparison of a condition leads: to another one of it, to the next
// condition, or nowhere.
type lead int8

const (
	nowhere lead = -1
	done    lead = 9
)

// part is comparison i of a condition, and where it leads. With 64 bits, the
// high halves are compared first; only where they are equal the low halves
// matter.
func (p *planter) part(c cond, i lead) (n node, t, f lead) {
	n = node{cond: c, test: test{word: c.arg * 2, op: opEQ, mask: uint32(c.mask), value: uint32(c.value & c.mask)}}
	low := !p.wide
	switch {
	case low:
	case c.op == opEQ || c.op == opNE || c.op == opMasked:
		low = i == 1
	default:
		low = i == 2
	}
	if !low {
		n.word++
		n.mask, n.value = uint32(c.mask>>32), uint32(c.value&c.mask>>32)
	}
	switch c.op {
	case opMasked:
		n.op = opMasked
		fallthrough
	case opEQ:
		if low {
			return n, done, nowhere
		}
		return n, 1, nowhere
	case opNE:
		if low {
			return n, nowhere, done
		}
		return n, 1, done
	}
	holds, fails := done, nowhere // what greater means
	if c.op == opLT || c.op == opLE {
		holds, fails = nowhere, done
	}
	switch {
	case low && (c.op == opGE || c.op == opLT):
		n.op = opGE
		return n, holds, fails
	case low:
		n.op = opGT
		return n, holds, fails
	case i == 0:
		n.op = opGT
		return n, holds, 1
	}
	return n, 2, fails // equal so far; what is neither greater nor equal is less
}

// before tells whether n is to be asked before x.
func (n *node) before(x *node) bool {
	if n.word != x.word {
		return n.word > x.word
	}
	return n.cond.order(x.cond, uint64(n.value), uint64(x.value)) > 0
}

// order is positive if a condition is to be asked before one on the same
// argument, negative if after, and 0 if the profile decides. v and w are their
// values, or parts of them.
func (c cond) order(d cond, v, w uint64) int {
	if r := cmp.Compare(c.op.rank(), d.op.rank()); r != 0 {
		return r
	}
	if d.op == opLT || d.op == opLE {
		return cmp.Compare(w, v)
	}
	return cmp.Compare(v, w)
}

// rank is higher for what is likely to hold for fewer values.
func (c comparison) rank() int {
	switch c {
	case opLT, opLE:
		return 2
	case opGT, opGE:
		return 1
	}
	return equalities
}

const equalities = 3

// add adds the rule's conditions from number ci on, and of that the comparisons
// from i on, to a level.
func (p *planter) add(to *level, ci int, i lead) {
	n, t, f := p.part(p.conds[ci], i)
	at, first := n.place(*to)
	for _, x := range (*to)[first:at] {
		if x.test == n.test {
			leaf := isLeaf(x) || ci == len(p.conds)-1 && (t == done || t == nowhere) && (f == done || f == nowhere)
			p.follow(x, true, ci, t, &n, leaf)
			p.follow(x, false, ci, f, &n, leaf)
			return
		}
	}
	x := new(node)
	*x = n
	if p.nodes++; p.nodes > maxNodes {
		return
	}
	p.follow(x, true, ci, t, &n, false)
	p.follow(x, false, ci, f, &n, false)
	*to = append(*to, nil)
	copy((*to)[at+1:], (*to)[at:])
	(*to)[at] = x
}

// place is where n goes in a level, and from where on before it there may be a
// node that makes the same comparison. Of equalities, which come first, those
// can only be among nodes of the same value.
func (n *node) place(l level) (at, first int) {
	at = sort.Search(len(l), func(i int) bool { return n.before(l[i]) })
	if n.cond.op.rank() == equalities {
		for first = at; first > 0 && !l[first-1].before(n); first-- {
		}
	}
	return at, first
}

func isLeaf(x *node) bool { return x.t.below == nil && x.f.below == nil }

// follow adds what comes where the comparison n led, to node x that makes the
// same comparison.
func (p *planter) follow(x *node, holds bool, ci int, to lead, n *node, leaf bool) {
	b := &x.f
	if holds {
		b = &x.t
	}
	switch {
	case to == nowhere:
	case to != done:
		p.descend(b, ci, to)
	case ci+1 < len(p.conds):
		p.descend(b, ci+1, 0)
	case b.below != nil:
		// The rule has fewer conditions than others; what they answer must be the same.
		if p.clash = otherAnswer(b.below, p.rule); p.clash == nil {
			*b = branch{rule: p.rule, by: n.cond}
		}
	case b.rule == nil:
		b.rule, b.by = p.rule, n.cond
	case b.rule.answer == p.rule.answer:
	case leaf:
		p.clash = b.rule
	case n.cond.order(b.by, n.cond.value, b.by.value) > 0:
		b.rule, b.by = p.rule, n.cond
	}
}

// descend adds the rest of the rule below a branch, unless a rule with fewer
// conditions has answered there.
func (p *planter) descend(b *branch, ci int, i lead) {
	if b.rule == nil {
		p.add(&b.below, ci, i)
	}
}

// otherAnswer returns a rule of the level that answers something else.
func otherAnswer(l level, r *rule) *rule {
	for _, n := range l {
		for _, b := range []branch{n.t, n.f} {
			if b.rule != nil && b.rule.answer != r.answer {
				return b.rule
			}
			if other := otherAnswer(b.below, r); other != nil {
				return other
			}
		}
	}
	return nil
}

// decide asks a level: the rule that answers a call with these arguments, or
// nil.
func (l level) decide(args *[6]uint64) *rule {
	for _, n := range l {
		b := n.f
		if n.holds(args) {
			b = n.t
		}
		if b.rule != nil {
			return b.rule
		}
		if r := b.below.decide(args); r != nil {
			return r
		}
	}
	return nil
}

func (t *test) holds(args *[6]uint64) bool {
	v := uint32(args[t.word/2] >> (32 * (t.word % 2)))
	switch t.op {
	case opGT:
		return v > t.value
	case opGE:
		return v >= t.value
	}
	return v&t.mask == t.value
}
