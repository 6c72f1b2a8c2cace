package device

import (
	"encoding/binary"
	"slices"
)

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

// Registers: r1 is the context on entry, r0 the result.
const (
	rResult uint8 = iota
	rContext
	rType
	rAccess
	rMajor
	rMinor
)

// Opcodes: class | operation | source, see linux/bpf_common.h and linux/bpf.h.
const (
	opLoad32 = 0x61 // dst = *(u32 *)(src + off)
	opMovReg = 0xbf
	opMov    = 0xb7
	opAnd    = 0x57
	opShr    = 0x77
	opJa     = 0x05
	opJneImm = 0x55
	opJset   = 0x45
	// 32-bit compare, so that a number above 2³¹ isn't sign-extended.
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

// Compile turns the list into a program that looks from the last rule to the
// first. rAccess holds what is still undecided: an allowing rule takes its bits
// away, and nothing left means yes; a denying rule that speaks of a bit that is
// left means no. So exceptions in either direction nest as deep as the list does.
func Compile(l List) Program {
	if l.allowsAll() {
		return nil
	}
	p := Program{
		{Op: opLoad32, Dst: rType, Src: rContext, Off: ctxAccessType},
		{Op: opMovReg, Dst: rAccess, Src: rType},
		{Op: opAnd, Dst: rType, Imm: 0xffff},
		{Op: opShr, Dst: rAccess, Imm: 16},
		{Op: opLoad32, Dst: rMajor, Src: rContext, Off: ctxMajor},
		{Op: opLoad32, Dst: rMinor, Src: rContext, Off: ctxMinor},
	}
	for _, r := range slices.Backward(l) {
		if r.Type == All {
			// It decides what is left; code after it would be unreachable,
			// which the verifier refuses.
			return append(p, answer(r.Allow)...)
		}
		p = append(p, ruleCode(r)...)
	}
	return append(p, answer(false)...)
}

// ruleCode skips over its end when the rule doesn't speak of the device.
func ruleCode(r Rule) Program {
	body := decide(r)
	var p Program
	skip := func(reg uint8, value uint32) {
		p = append(p, Insn{Op: opJne32, Dst: reg, Imm: int32(value)})
	}
	if r.Type == Block {
		skip(rType, bpfBlock)
	} else {
		skip(rType, bpfChar)
	}
	if r.Major != Any {
		skip(rMajor, uint32(r.Major))
	}
	if r.Minor != Any {
		skip(rMinor, uint32(r.Minor))
	}
	for i := range p {
		p[i].Off = int16(len(p) - 1 - i + len(body))
	}
	return append(p, body...)
}

func decide(r Rule) Program {
	switch {
	case !r.Allow:
		return append(Program{
			{Op: opJset, Dst: rAccess, Imm: int32(r.Access), Off: 1},
			{Op: opJa, Off: 2},
		}, answer(false)...)
	case r.Access == full:
		return answer(true)
	}
	return append(Program{
		{Op: opAnd, Dst: rAccess, Imm: int32(full &^ r.Access)},
		{Op: opJneImm, Dst: rAccess, Off: 2},
	}, answer(true)...)
}

func answer(allow bool) Program {
	p := Program{{Op: opMov, Dst: rResult}, {Op: opExit}}
	if allow {
		p[0].Imm = 1
	}
	return p
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
