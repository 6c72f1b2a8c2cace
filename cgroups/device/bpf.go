package device

import "encoding/binary"

// Insn is one eBPF instruction in the kernel's encoding (struct bpf_insn).
// github.com/cilium/ebpf/asm has the same, but links encoding/xml, go/parser,
// os/exec and 1.5 MB more into a runtime that starts in a millisecond; the
// tests use it to disassemble what is made here.
type Insn struct {
	Op       uint8
	Dst, Src uint8
	Off      int16
	Imm      int32
}

// Program is a program of type BPF_PROG_TYPE_CGROUP_DEVICE. A nil one allows
// everything and needn't be attached.
type Program []Insn

// Registers: r1 is the context on entry and, once that was read, the device's
// number as the kernel's dev_t: 12 bits of major, 20 of minor.
const (
	rResult uint8 = iota
	rContext
	rType
	rAccess
	rMajor
	rMinor
	rDev = rContext

	minorBits = 20
)

// Opcodes: class | operation | source, see linux/bpf_common.h and linux/bpf.h.
const (
	opLoad32 = 0x61 // dst = *(u32 *)(src + off)
	opMovReg = 0xbf
	opMov    = 0xb7
	opAnd    = 0x57
	opOrReg  = 0x4f
	opShl    = 0x67
	opShr    = 0x77
	opJa     = 0x05
	opJset   = 0x45
	// 32-bit compares, so that a number above 2³¹ isn't sign-extended.
	opJeq32 = 0x16
	opJne32 = 0x56
	opExit  = 0x95
)

// Offsets in struct bpf_cgroup_dev_ctx; its first word is access<<16 | type.
const (
	ctxAccessType = 0
	ctxMajor      = 4
	ctxMinor      = 8

	bpfBlock = 1
	bpfChar  = 2
)

// compiler collects a program and its jumps to the two ends.
type compiler struct {
	code        Program
	allow, deny []int
}

// Compile turns the list into a program that looks from the last rule to the
// first. rAccess holds what is still undecided: an allowing rule takes its bits
// away, and nothing left means yes; a denying rule that speaks of a bit that is
// left means no. So exceptions in either direction nest as deep as the list does.
//
// Loading costs the verifier 4 µs an instruction, most of it for branches: rules
// of the same kind in a row, whose order doesn't matter, share the tests of
// type, and one test compares a whole device number.
func Compile(l List) Program {
	if l.allowsAll() {
		return nil
	}
	c := &compiler{code: Program{
		{Op: opLoad32, Dst: rType, Src: rContext, Off: ctxAccessType},
		{Op: opMovReg, Dst: rAccess, Src: rType},
		{Op: opAnd, Dst: rType, Imm: 0xffff},
		{Op: opShr, Dst: rAccess, Imm: 16},
		{Op: opLoad32, Dst: rMajor, Src: rContext, Off: ctxMajor},
		{Op: opLoad32, Dst: rMinor, Src: rContext, Off: ctxMinor},
		{Op: opMovReg, Dst: rDev, Src: rMajor},
		{Op: opShl, Dst: rDev, Imm: minorBits},
		{Op: opOrReg, Dst: rDev, Src: rMinor},
	}}
	for end := len(l); end > 0; {
		last := l[end-1]
		if last.Type == All {
			return c.finish(last.Allow)
		}
		start := end - 1
		for start > 0 && l[start-1].Allow == last.Allow && l[start-1].Type != All {
			start--
		}
		if c.run(l[start:end]) {
			return c.finish(true)
		}
		end = start
	}
	return c.finish(false)
}

// run compiles rules that all allow or all deny. It reports that nothing gets
// past them: code behind them would be unreachable, which the verifier refuses.
func (c *compiler) run(rules List) (done bool) {
	both := wild(rules, Block) & wild(rules, Char)
	for _, typ := range []byte{Char, Block} {
		c.group(rules, typ, wild(rules, typ)&^both)
	}
	if allow := rules[0].Allow; both != 0 && !(allow && both == full) {
		c.decide(allow, both)
	}
	return rules[0].Allow && both == full
}

// wild returns what the rules say of every device of a type.
func wild(rules List, typ byte) (a Access) {
	for _, r := range rules {
		if r.Type == typ && r.Major == Any && r.Minor == Any {
			a |= r.Access
		}
	}
	return a
}

// group compiles the rules for one type; every is what they say of all devices.
func (c *compiler) group(rules List, typ byte, every Access) {
	kind := int32(bpfChar)
	if typ == Block {
		kind = bpfBlock
	}
	start := len(c.code)
	c.emit(opJne32, rType, kind)
	for _, r := range rules {
		if r.Type == typ && (r.Major != Any || r.Minor != Any) {
			c.rule(r)
		}
	}
	if every != 0 {
		c.decide(rules[0].Allow, every)
	}
	if len(c.code) == start+1 {
		c.code = c.code[:start]
		return
	}
	c.code[start].Off = int16(len(c.code) - start - 1)
}

// rule compiles a rule with at least one number. One that no dev_t can have
// never matches.
func (c *compiler) rule(r Rule) {
	if r.Major >= 1<<(32-minorBits) || r.Minor >= 1<<minorBits {
		return
	}
	reg, value := rDev, r.Major<<minorBits|r.Minor
	switch {
	case r.Minor == Any:
		reg, value = rMajor, r.Major
	case r.Major == Any:
		reg, value = rMinor, r.Minor
	}
	if r.Allow && r.Access == full {
		c.jump(&c.allow, opJeq32, reg, int32(uint32(value)))
		return
	}
	start := len(c.code)
	c.emit(opJne32, reg, int32(uint32(value)))
	c.decide(r.Allow, r.Access)
	c.code[start].Off = int16(len(c.code) - start - 1)
}

// decide acts on a rule that matches.
func (c *compiler) decide(allow bool, access Access) {
	switch {
	case !allow:
		c.jump(&c.deny, opJset, rAccess, int32(access))
	case access == full:
		c.jump(&c.allow, opJa, 0, 0)
	default:
		c.emit(opAnd, rAccess, int32(full&^access))
		c.jump(&c.allow, opJeq32, rAccess, 0)
	}
}

func (c *compiler) emit(op, reg uint8, imm int32) {
	c.code = append(c.code, Insn{Op: op, Dst: reg, Imm: imm})
}

func (c *compiler) jump(to *[]int, op, reg uint8, imm int32) {
	*to = append(*to, len(c.code))
	c.emit(op, reg, imm)
}

// finish appends the answer for what no rule decided, and the other one if
// something jumps there.
func (c *compiler) finish(allow bool) Program {
	c.end(allow, true)
	c.end(!allow, false)
	return c.code
}

func (c *compiler) end(allow, always bool) {
	jumps, answer := c.deny, int32(0)
	if allow {
		jumps, answer = c.allow, 1
	}
	if len(jumps) == 0 && !always {
		return
	}
	for _, at := range jumps {
		c.code[at].Off = int16(len(c.code) - at - 1)
	}
	c.emit(opMov, rResult, answer)
	c.emit(opExit, 0, 0)
}

// Encode is the program in memory order, 8 bytes an instruction.
func (p Program) Encode() []byte {
	b := make([]byte, 0, 8*len(p))
	for _, i := range p {
		b = append(b, i.Op, i.registers())
		b = binary.NativeEndian.AppendUint16(b, uint16(i.Off))
		b = binary.NativeEndian.AppendUint32(b, uint32(i.Imm))
	}
	return b
}

// registers packs two bit fields, whose order follows the byte order.
func (i Insn) registers() byte {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return i.Dst | i.Src<<4
	}
	return i.Src | i.Dst<<4
}
