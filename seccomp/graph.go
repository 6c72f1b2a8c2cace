package seccomp

import "slices"

// A graph is a filter as decisions: each compares something and has one of two
// others follow, until one answers. Equal decisions are one, so those that begin
// differently share how they end. A decision is made after those that it leads
// to.
type graph struct {
	nodes []decision
	known map[decision]ref
}

// A ref is a decision of a graph.
type ref int32

// A decision answers, if load is 0; else it compares 32 bits of what a filter
// sees of a call.
type decision struct {
	load  uint8 // offset in struct seccomp_data, plus 1
	op    comparison
	mask  uint32
	value uint32 // to compare with, or the answer
	t, f  ref
}

// What a filter sees: the number, the architecture, the arguments.
const (
	loadNumber = 0 + 1
	loadArch   = 4 + 1
	loadArgs   = 16 + 1
)

func newGraph(size int) *graph {
	return &graph{nodes: make([]decision, 0, size), known: make(map[decision]ref, size/8)}
}

func (g *graph) intern(d decision) ref {
	if r, ok := g.known[d]; ok {
		return r
	}
	r := g.add(d)
	g.known[d] = r
	return r
}

func (g *graph) add(d decision) ref {
	g.nodes = append(g.nodes, d)
	return ref(len(g.nodes) - 1)
}

// answer is the decision to answer value.
func (g *graph) answer(value uint32) ref { return g.intern(decision{value: value}) }

// compare is a comparison, or what follows if it can only end one way.
func (g *graph) compare(d decision) ref {
	always := d.op == opGE && d.value == 0 || d.op == opMasked && d.mask == 0
	never := d.op == opGT && d.value == ^uint32(0)
	switch {
	case d.t == d.f, always:
		return d.t
	case never:
		return d.f
	}
	if d.op == opMasked && d.mask == ^uint32(0) {
		d.op = opEQ
	}
	return g.intern(d)
}

// argument is a comparison of a tree.
func (g *graph) argument(a *arch, t test, yes, no ref) ref {
	at := loadArgs + 8*(t.word/2)
	if (t.word%2 == 1) != a.big { // the half that comes second in memory
		at += 4
	}
	return g.compare(decision{load: at, op: t.op, mask: t.mask, value: t.value, t: yes, f: no})
}

// level is a tree's level; what it leaves open goes on to next.
func (g *graph) level(a *arch, l level, next ref) ref {
	for end := len(l); end > 0; {
		start := end - 1
		for start > 0 && l[start].single() && l[start-1].single() && l[start-1].word == l[start].word {
			start--
		}
		next = g.values(a, l[start:end], next)
		end = start
	}
	return next
}

// single tells whether a node is about one value and leaves all others open.
func (n *node) single() bool {
	return n.op == opEQ && n.f.rule == nil && n.f.below == nil
}

// values is a level of one node, or of some that are each about one value of the
// same word, the largest first. Many of these are searched by halves.
func (g *graph) values(a *arch, l level, next ref) ref {
	const few = 4
	if len(l) > few {
		mid := len(l) / 2
		low := g.values(a, l[mid:], next)
		return g.argument(a, test{word: l[0].word, op: opGE, mask: ^uint32(0), value: l[mid-1].value}, g.values(a, l[:mid], next), low)
	}
	for _, n := range slices.Backward(l) {
		next = g.argument(a, n.test, g.branch(a, n.t, next), g.branch(a, n.f, next))
	}
	return next
}

func (g *graph) branch(a *arch, b branch, next ref) ref {
	if b.rule != nil {
		return g.answer(b.rule.answer)
	}
	return g.level(a, b.below, next)
}

// A span is numbers that have the same decision: from first to what is before
// the next span.
type span struct {
	first uint32
	to    ref
}

// spans is a list by number, of the whole range.
type spans []span

// add appends numbers from first on, which are above all in the list.
func (s *spans) add(first uint32, to ref) {
	n := len(*s)
	switch {
	case n > 0 && (*s)[n-1].first == first: // of no length so far
		(*s)[n-1].to = to
		if n > 1 && (*s)[n-2].to == to {
			*s = (*s)[:n-1]
		}
	case n > 0 && (*s)[n-1].to == to:
	default:
		*s = append(*s, span{first, to})
	}
}

// search is the decision among numbers: halves first, and a single number
// between two spans of the same by itself.
func (g *graph) search(s spans) ref {
	// No two are equal, so they needn't be known.
	number := func(op comparison, value uint32, t, f ref) ref {
		return g.add(decision{load: loadNumber, op: op, mask: ^uint32(0), value: value, t: t, f: f})
	}
	switch n := len(s); {
	case n == 1:
		return s[0].to
	case n == 3 && s[0].to == s[2].to && s[2].first-s[1].first == 1:
		return number(opEQ, s[1].first, s[1].to, s[0].to)
	default:
		mid := middle(s)
		low := g.search(s[:mid])
		return number(opGE, s[mid].first, g.search(s[mid:]), low)
	}
}

// middle is where to halve: near the middle, and better not inside of three spans
// that make one comparison.
func middle(s spans) int {
	mid := len(s) / 2
	if len(s) < 5 {
		return mid
	}
	for _, at := range [...]int{mid, mid + 1, mid - 1} {
		single := func(i int) bool {
			return i > 0 && i+1 < len(s) && s[i-1].to == s[i+1].to && s[i+1].first-s[i].first == 1
		}
		if !single(at) && !single(at-1) {
			return at
		}
	}
	return mid
}
