package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"
)

// An instruction is a struct sock_filter.
type instruction = unix.SockFilter

// The instructions that we need, of classic BPF.
const (
	codeLoad = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	codeAnd  = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	codeJump = unix.BPF_JMP | unix.BPF_JA | unix.BPF_K
	codeJEQ  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	codeJGT  = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	codeJGE  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	codeJSET = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	codeRet  = unix.BPF_RET | unix.BPF_K
)

// farthest is how far a conditional jump reaches.
const farthest = 255

// An emitter writes a program from its end to its beginning, so that the targets
// of all jumps, which go forward, are known.
type emitter struct {
	g    *graph
	code []instruction // last instruction first
	// near has for each instruction the newest one that does the same: itself, a
	// jump to it, or a copy.
	near []int32
	at   []entries
}

// entries are where a decision begins, for those who come with nothing, with the
// right 32 bits loaded, or with these masked.
type entries struct {
	load, loaded, masked int32
	wanted               [3]bool // by somebody
}

// emit writes the program that begins with the decision root.
func emit(g *graph, root ref) []instruction {
	e := &emitter{g: g, at: make([]entries, len(g.nodes)), code: make([]instruction, 0, 2*len(g.nodes)), near: make([]int32, 0, 2*len(g.nodes))}
	e.want(root)
	for r := range e.at {
		if w := e.at[r].wanted; w[0] || w[1] || w[2] {
			e.decision(ref(r))
		}
	}
	slices.Reverse(e.code)
	return e.code
}

// want finds out by which ways decisions are come to; those not at all from the
// root are left out. Who leads to a decision was made after it.
func (e *emitter) want(root ref) {
	e.at[root].wanted[0] = true
	for r := int(root); r >= 0; r-- {
		d, w := &e.g.nodes[r], e.at[r].wanted
		if d.load == 0 || !w[0] && !w[1] && !w[2] {
			continue
		}
		for _, to := range [...]ref{d.t, d.f} {
			e.at[to].wanted[way(d, &e.g.nodes[to])] = true
		}
	}
}

// masks tells whether a decision clears bits of what it loaded. Not where a
// single bit, or none, is wanted: there is a jump for that.
func (d *decision) masks() bool {
	return d.op == opMasked && d.value != 0 && (d.value != d.mask || d.mask&(d.mask-1) != 0)
}

// way says which of its entries a decision is come to from another one: 0 to
// load, 1 loaded, 2 loaded and masked.
func way(from, to *decision) int {
	switch {
	case from.load != to.load || to.load == 0:
		return 0
	case from.masks() && to.masks() && from.mask == to.mask:
		return 2
	case from.masks():
		return 0
	}
	return 1
}

// decision writes a decision. One that answers is a single instruction.
func (e *emitter) decision(r ref) {
	d, at := &e.g.nodes[r], &e.at[r]
	if d.load == 0 {
		at.load = e.put(instruction{Code: codeRet, K: d.value})
		return
	}
	in := instruction{K: d.value}
	yes, no := d.t, d.f
	switch {
	case d.op == opGT:
		in.Code = codeJGT
	case d.op == opGE:
		in.Code = codeJGE
	case d.op == opMasked && !d.masks():
		in = instruction{Code: codeJSET, K: d.mask}
		if d.value == 0 {
			yes, no = no, yes
		}
	default:
		in.Code = codeJEQ
	}
	t, f := e.entry(d, yes), e.entry(d, no)
	// A jump that one of both needs in between moves the other away.
	t = e.reach(t, 2)
	f = e.reach(f, 1)
	here := int32(len(e.code))
	in.Jt, in.Jf = uint8(here-t-1), uint8(here-f-1)
	at.masked = e.put(in)
	at.loaded = at.masked
	if d.masks() && (at.wanted[0] || at.wanted[1]) {
		at.loaded = e.put(instruction{Code: codeAnd, K: d.mask})
	}
	if at.wanted[0] {
		at.load = e.put(instruction{Code: codeLoad, K: uint32(d.load - 1)})
	}
}

// entry is the instruction at which one goes on from d to a decision.
func (e *emitter) entry(d *decision, to ref) int32 {
	at := &e.at[to]
	return [...]int32{at.load, at.loaded, at.masked}[way(d, &e.g.nodes[to])]
}

func (e *emitter) put(in instruction) int32 {
	n := int32(len(e.code))
	e.code, e.near = append(e.code, in), append(e.near, n)
	return n
}

// reach returns an instruction that does what target does and is near enough for
// a jump that is at most slack instructions ahead: a copy of an answer, or a
// long jump, if need be.
func (e *emitter) reach(target int32, slack int) int32 {
	closest := e.near[target]
	if len(e.code)-1+slack-int(closest) <= farthest {
		return closest
	}
	in := e.code[target]
	if in.Code != codeRet {
		in = instruction{Code: codeJump, K: uint32(int32(len(e.code)) - target - 1)}
	}
	e.near[target] = e.put(in)
	return e.near[target]
}
