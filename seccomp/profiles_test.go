package seccomp

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// engineProfiles are the different profiles that engines wrote into
// configurations, by the name of the first file that has it.
func engineProfiles(t testing.TB) map[string]*specs.LinuxSeccomp {
	files, err := filepath.Glob("../tests/engines/testdata/*-config-*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configurations: %v", err)
	}
	profiles, seen := make(map[string]*specs.LinuxSeccomp), make(map[string]bool)
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var s specs.Spec
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
		if s.Linux == nil || s.Linux.Seccomp == nil {
			continue
		}
		text, _ := json.Marshal(s.Linux.Seccomp)
		if seen[string(text)] {
			continue
		}
		seen[string(text)] = true
		profiles[filepath.Base(f)] = s.Linux.Seccomp
	}
	return profiles
}

func errno(n uint) *uint { return &n }

// edges are values at which comparisons go wrong.
var edges = [...]uint64{
	0, 1, 2, 5, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
	0x100000000, 0x100000001, 0x1fffffffe, 0x1ffffffff, 0x500000005, 0x7fffffffffffffff, 0x8000000000000000,
	0xfffffffe00000000, 0xffffffff00000000, 0xfffffffffffffffe, 0xffffffffffffffff,
}

// A maker makes profiles from random numbers.
type maker struct {
	*rand.Rand
	// anything lets profiles have what libseccomp 2.6.0 gets wrong.
	anything bool
	big      bool // for machines of the other byte order
}

func pick[T any](m maker, list []T) T { return list[m.IntN(len(list))] }

// value is an edge, or near one, or anything.
func (m maker) value() uint64 {
	switch m.IntN(6) {
	case 0:
		return m.Uint64()
	case 1:
		return pick(m, edges[:]) + uint64(m.IntN(3)) - 1
	case 2:
		return uint64(m.IntN(8))
	}
	return pick(m, edges[:])
}

// archSets are architectures that a filter can be for at once, the first one
// being that of this machine or one with its byte order.
var archSets = [][]specs.Arch{
	nil,
	{specs.ArchX86_64, specs.ArchX86, specs.ArchX32},
	{specs.ArchX86_64, specs.ArchX86},
	{specs.ArchX32},
	{specs.ArchX86},
	{specs.ArchAARCH64, specs.ArchARM},
	{specs.ArchMIPSEL, specs.ArchMIPSEL64, specs.ArchMIPSEL64N32},
	{specs.ArchPPC64LE, specs.ArchRISCV64, specs.ArchLOONGARCH64},
	{specs.ArchSH, specs.ArchX86, specs.ArchARM},
}

// bigSets are the same for machines of the other byte order.
var bigSets = [][]specs.Arch{
	{specs.ArchS390X, specs.ArchS390},
	{specs.ArchMIPS64, specs.ArchMIPS, specs.ArchMIPS64N32},
	{specs.ArchPPC64, specs.ArchPPC},
	{specs.ArchPARISC64, specs.ArchPARISC},
	{specs.ArchM68K, specs.ArchSHEB},
}

var anyAction = []specs.LinuxSeccompAction{
	specs.ActKill, specs.ActKillProcess, specs.ActKillThread, specs.ActTrap, specs.ActErrno, specs.ActTrace, specs.ActAllow, specs.ActLog, specs.ActNotify,
}

func (m maker) action(but ...specs.LinuxSeccompAction) (specs.LinuxSeccompAction, *uint) {
	for {
		a := pick(m, anyAction)
		if len(but) > 0 && a == but[0] {
			continue
		}
		if (a == specs.ActErrno || a == specs.ActTrace) && m.IntN(2) == 0 {
			return a, errno(uint(m.IntN(4096)))
		}
		return a, nil
	}
}

// name is a call that some architecture has and libseccomp knows, often one that
// can be made in several ways.
func (m maker) name() string {
	if m.IntN(4) == 0 {
		return pick(m, []string{"socket", "socketcall", "ipc", "semop", "shmdt", "accept", "accept4", "sendmmsg", "send", "msgctl", "setup", "no_such_call", "breakpoint"})
	}
	for {
		n := placeName(uint16(m.IntN(len(nameEnds))))
		switch n {
		case "file_getattr", "file_setattr", "listns", "open_tree_attr", "rseq_slice_yield", "uprobe":
			continue // libseccomp doesn't know them
		case "switch_endian", "sys_debug_setcontext":
			continue // libseccomp takes one for the other when not on POWER
		case "write":
			continue // not for NOTIFY
		}
		return n
	}
}

// profile makes a profile in which libseccomp is known to be right, see
// docs/seccomp.md: where rules of a call have different actions, their
// conditions are equalities; and a rule with a comparison or an inequality has
// one condition, or is the only one of its call.
func (m maker) profile() *specs.LinuxSeccomp {
	sets := archSets
	if m.big {
		sets = bigSets
	}
	p := &specs.LinuxSeccomp{Architectures: pick(m, sets), ListenerPath: "/agent"}
	p.DefaultAction, p.DefaultErrnoRet = m.action(specs.ActNotify)
	for range m.IntN(4) {
		s := specs.LinuxSyscall{}
		s.Action, s.ErrnoRet = m.action()
		for range m.IntN(120) + 1 {
			s.Names = append(s.Names, m.name())
		}
		p.Syscalls = append(p.Syscalls, s)
	}
	for range m.IntN(8) {
		names := []string{m.name()}
		for range m.IntN(3) {
			names = append(names, m.name())
		}
		p.Syscalls = append(p.Syscalls, m.conditional(names)...)
	}
	m.Shuffle(len(p.Syscalls), func(i, j int) { p.Syscalls[i], p.Syscalls[j] = p.Syscalls[j], p.Syscalls[i] })
	return p
}

func (m maker) conditional(names []string) (list []specs.LinuxSyscall) {
	several := true
	arg := func(ops ...specs.LinuxSeccompOperator) specs.LinuxSeccompArg {
		a := specs.LinuxSeccompArg{Index: uint(m.IntN(6)), Op: pick(m, ops), Value: m.value()}
		if !m.anything && several && a.Op != specs.OpEqualTo && a.Op != specs.OpNotEqual && a.Op != specs.OpMaskedEqual {
			a.Value &= 0xffffffff
		}
		if a.Op == specs.OpMaskedEqual || m.IntN(8) == 0 {
			a.ValueTwo = m.value()
			if m.IntN(3) > 0 {
				a.ValueTwo &= a.Value
			}
		}
		return a
	}
	var every []specs.LinuxSeccompOperator
	for _, o := range operators {
		every = append(every, o.name)
	}
	action, number := m.action()
	add := func(args ...specs.LinuxSeccompArg) {
		list = append(list, specs.LinuxSyscall{Names: names, Action: action, ErrnoRet: number, Args: args})
	}
	switch m.IntN(4) {
	case 0: // one rule, anything
		var args []specs.LinuxSeccompArg
		several = m.IntN(2) == 0
		for i := range 1 + m.IntN(6) {
			a := arg(every...)
			if !several {
				a.Index = uint(i)
			}
			args = append(args, a)
		}
		add(args...)
	case 1: // several rules of one condition and one action
		for range 1 + m.IntN(6) {
			add(arg(every...))
		}
	case 2: // several of equalities
		for range 1 + m.IntN(4) {
			var args []specs.LinuxSeccompArg
			for range 1 + m.IntN(3) {
				args = append(args, arg(specs.OpEqualTo, specs.OpMaskedEqual))
			}
			add(args...)
		}
	case 3: // the same with different actions
		for i := range 1 + m.IntN(4) {
			action, number = m.action()
			a := arg(specs.OpEqualTo)
			a.Value = a.Value&^7 | uint64(i) // no two alike, which is refused
			add(a)
		}
	}
	return list
}

// probes are calls of an architecture that a profile may tell apart: every
// number of its table and around, with arguments at and around the profile's
// values.
func probes(p *specs.LinuxSeccomp, a *arch, m maker, visit func(*seen)) {
	values := []uint64{0, 1, ^uint64(0), 0xffffffff, 0x100000000}
	special := make(map[int32]bool)
	for i := range p.Syscalls {
		s := &p.Syscalls[i]
		for _, arg := range s.Args {
			for _, v := range []uint64{arg.Value, arg.ValueTwo, arg.Value & arg.ValueTwo} {
				values = append(values, v, v+1, v-1, ^v, v^1<<32, v|0xabcd00000000, v&0xffffffff, v<<32)
			}
		}
		if len(s.Args) == 0 {
			continue
		}
		for _, name := range s.Names {
			if at, ok := findName(name); ok {
				special[a.numbers[at]] = true
			}
			if nr, ok := a.through(gateOf(name)); ok {
				special[nr] = true
				values = append(values, uint64(gateOf(name).sub))
			}
		}
	}
	for i := range 26 {
		values = append(values, uint64(i))
	}
	numbers := []int64{-1, -2, 0, 1, 0x3fffffff, 0x40000000, 0x40000001, 0x7fffffff, 0x80000000, 4999, 5999, 6999}
	for _, nr := range a.numbers {
		if nr >= 0 {
			numbers = append(numbers, int64(nr), int64(nr)+1)
		}
	}
	for _, nr := range numbers {
		s := seen{nr: uint32(nr), arch: a.audit}
		visit(&s)
		for i := range s.args {
			s.args[i] = pick(m, values)
		}
		visit(&s)
		if !special[int32(nr)] {
			continue
		}
		for range 150 {
			for i := range s.args {
				if m.IntN(3) > 0 {
					s.args[i] = pick(m, values)
				}
			}
			visit(&s)
		}
		for i := range s.args {
			for _, v := range values {
				s.args[i] = v
				visit(&s)
			}
		}
	}
}

func newMaker(seed uint64) maker { return maker{Rand: rand.New(rand.NewPCG(seed, 0x5eccc0))} }

func (s *seen) String() string {
	return fmt.Sprintf("arch %#x number %d args %#x", s.arch, int32(s.nr), s.args)
}

// about is the part of a profile that is about a call.
func about(p *specs.LinuxSeccomp, a *arch, in *seen) string {
	q := *p
	q.Syscalls = nil
	for i := range p.Syscalls {
		e := p.Syscalls[i]
		e.Names = nil
		for _, name := range p.Syscalls[i].Names {
			at, ok := findName(name)
			if gate, _ := a.through(gateOf(name)); ok && (a.numbers[at] == int32(in.nr) || gate == int32(in.nr)) {
				e.Names = append(e.Names, name)
			}
		}
		if e.Names != nil {
			q.Syscalls = append(q.Syscalls, e)
		}
	}
	return text(&q)
}

func text(p *specs.LinuxSeccomp) string {
	b, _ := json.Marshal(p)
	return string(b[:min(len(b), 1200)])
}
