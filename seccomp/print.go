package seccomp

import (
	"fmt"
	"strings"
)

// String prints the program for people: one line for each instruction, with the
// numbers of architectures and calls as names.
func (f *Filter) String() string {
	var b strings.Builder
	p := printer{code: f.Program, arch: make([]*arch, len(f.Program)), load: make([]int64, len(f.Program))}
	p.flow()
	for i := range f.Program {
		fmt.Fprintf(&b, "%4d: %s\n", i, p.line(i))
	}
	return b.String()
}

// A printer knows what is loaded at each instruction, and for which
// architecture.
type printer struct {
	code []instruction
	arch []*arch
	load []int64 // offset, -1: nothing that is the same on all ways
}

// flow goes through the program, whose jumps all go forward.
func (p *printer) flow() {
	seen := make([]bool, len(p.code))
	for i := range p.code {
		in, load, a := p.code[i], p.load[i], p.arch[i]
		reach := func(to int, load int64, a *arch) {
			switch {
			case to >= len(p.code):
			case !seen[to]:
				seen[to], p.load[to], p.arch[to] = true, load, a
			default:
				if p.load[to] != load {
					p.load[to] = -1
				}
				if p.arch[to] != a {
					p.arch[to] = nil
				}
			}
		}
		switch in.Code {
		case codeLoad:
			reach(i+1, int64(in.K), a)
		case codeAnd:
			reach(i+1, load, a)
		case codeJump:
			reach(i+1+int(in.K), load, a)
		case codeRet:
		default:
			yes := a
			if load == loadArch-1 && in.Code == codeJEQ {
				yes = auditArch(in.K)
			}
			reach(i+1+int(in.Jt), load, yes)
			reach(i+1+int(in.Jf), load, a)
		}
	}
}

// auditArch is the first architecture that has the audit number.
func auditArch(audit uint32) *arch {
	for i := range arches {
		if arches[i].audit == audit {
			return &arches[i]
		}
	}
	return nil
}

func (p *printer) line(i int) string {
	in := p.code[i]
	switch in.Code {
	case codeLoad:
		return "load " + p.field(i, in.K)
	case codeAnd:
		return fmt.Sprintf("and %#x", in.K)
	case codeJump:
		return fmt.Sprintf("goto %d", i+1+int(in.K))
	case codeRet:
		return "return " + answerText(in.K)
	}
	op := map[uint16]string{codeJEQ: "==", codeJGT: ">", codeJGE: ">=", codeJSET: "&"}[in.Code]
	return fmt.Sprintf("if %s %s goto %d else %d", op, p.value(i, in), i+1+int(in.Jt), i+1+int(in.Jf))
}

// field names what is at an offset.
func (p *printer) field(i int, offset uint32) string {
	switch {
	case offset == loadNumber-1:
		return "number"
	case offset == loadArch-1:
		return "architecture"
	}
	word := (offset - (loadArgs - 1)) / 4
	half := "low"
	if a := p.arch[i]; (word%2 == 1) != (a != nil && a.big) {
		half = "high"
	}
	return fmt.Sprintf("argument %d, %s half", word/2, half)
}

func (p *printer) value(i int, in instruction) string {
	a := p.arch[i]
	switch {
	case p.load[i] == loadArch-1:
		if a := auditArch(in.K); a != nil {
			return string(a.name)
		}
	case p.load[i] == loadNumber-1 && a != nil:
		for j := range arches {
			b := &arches[j]
			if name := b.nameOf(in.K); b.audit == a.audit && name != "" {
				return fmt.Sprintf("%d (%s)", in.K, name)
			}
		}
		return fmt.Sprint(in.K)
	}
	return fmt.Sprintf("%#x", in.K)
}

// nameOf is the name of a number, "" if it has none.
func (a *arch) nameOf(nr uint32) string {
	for i, n := range a.numbers {
		if n >= 0 && uint32(n) == nr {
			return placeName(place(i))
		}
	}
	return ""
}
