package seccomp

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A Filter is a compiled profile.
type Filter struct {
	Program []unix.SockFilter
	Flags   uint32 // of seccomp(2)
	Notify  bool   // seccomp(2) returns a descriptor for the agent
}

// MaxInstructions is the longest program that the kernel takes.
const MaxInstructions = unix.BPF_MAXINSNS

// compileRules makes a program of a checked profile.
func compileRules(p *specs.LinuxSeccomp, native specs.Arch) ([]instruction, error) {
	s := collect(p)
	c := compiler{ruleset: s, graph: newGraph(512), arches: s.arches(native)}
	root, err := c.root()
	if err != nil {
		return nil, err
	}
	code := emit(c.graph, root)
	if len(code) > MaxInstructions {
		return nil, s.tooLong(len(code))
	}
	return code, nil
}

type compiler struct {
	*ruleset
	*graph
	arches []*arch
	nodes  int // of all trees
}

// arches are the architectures of a profile, the native one first.
func (s *ruleset) arches(native specs.Arch) (list []*arch) {
	for _, name := range append([]specs.Arch{native}, s.profile.Architectures...) {
		if a := findArch(name); a != nil && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}

// root is the decision between the architectures. Calls of others end the thread
// that makes them, whatever the default. The native one comes last in the graph,
// which puts it next to the beginning of the program.
func (c *compiler) root() (ref, error) {
	next := c.answer(unix.SECCOMP_RET_KILL_THREAD)
	for i, a := range slices.Backward(c.arches) {
		if slices.ContainsFunc(c.arches[:i], func(b *arch) bool { return b.audit == a.audit }) {
			continue // with the other one
		}
		calls, err := c.numbers(a)
		if err != nil {
			return 0, err
		}
		next = c.compare(decision{load: loadArch, op: opEQ, mask: ^uint32(0), value: a.audit, t: calls, f: next})
	}
	return next, nil
}

// numbers is the decision between the calls of all architectures that have a's
// audit number. A range that no architecture of the profile has is as foreign as
// another audit number, but -1: that is how a tracer skips a call.
func (c *compiler) numbers(a *arch) (ref, error) {
	var s spans
	for i := range arches {
		b := &arches[i]
		switch {
		case b.audit != a.audit:
		case slices.Contains(c.arches, b):
			if err := c.numbersOf(b, &s); err != nil {
				return 0, err
			}
		default:
			s.add(b.first, c.answer(unix.SECCOMP_RET_KILL_THREAD))
			if b.last == all {
				s.add(all, c.answer(c.fallback))
			}
		}
	}
	return c.search(s), nil
}

// numbersOf adds the calls of one architecture.
func (c *compiler) numbersOf(a *arch, s *spans) error {
	fallback := c.answer(c.fallback)
	s.add(a.first, fallback)
	p := planter{ruleset: c.ruleset, wide: a.wide, nodes: c.nodes}
	for _, call := range c.calls(a) {
		to, err := c.call(a, &p, call)
		if err != nil {
			return err
		}
		s.add(call.nr, to)
		if call.nr < a.last {
			s.add(call.nr+1, fallback)
		}
	}
	c.nodes = p.nodes
	c.young(a, s)
	return nil
}

// call is the decision about one call. Most have one rule without conditions.
func (c *compiler) call(a *arch, p *planter, call call) (ref, error) {
	if first := call.rules[0]; len(call.rules) == 1 && len(c.rules[first.rule].conds) == 0 && first.sub == 0 {
		return c.answer(c.rules[first.rule].answer), nil
	}
	always, tree, err := p.plant(call)
	if err != nil {
		return 0, err
	}
	if always != nil {
		return c.answer(always.answer), nil
	}
	return c.level(a, tree, c.answer(c.fallback)), nil
}

// young answers ENOSYS to calls that are newer than the profile.
func (c *compiler) young(a *arch, s *spans) {
	last, ok := c.newest(a)
	if !ok {
		return
	}
	nosys := c.answer(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS))
	if last < a.last {
		s.add(last+1, nosys)
	}
	if a.name == specs.ArchS390 || a.name == specs.ArchS390X {
		// Of a call that it doesn't know, the kernel shows the number 0.
		rest := slices.Clone((*s)[1:])
		*s = append((*s)[:0], span{0, nosys})
		if len(rest) == 0 || rest[0].first > 1 {
			s.add(1, c.answer(c.fallback))
		}
		*s = append(*s, rest...)
	}
}

// newest is the highest number of what the profile names, if those above it are
// to get ENOSYS: not where the default lets calls through, or asks a tracer,
// which can judge for itself.
func (s *ruleset) newest(a *arch) (last uint32, ok bool) {
	switch s.profile.DefaultAction {
	case specs.ActAllow, specs.ActLog, specs.ActTrace:
		return 0, false
	}
	for i := range s.uses {
		u := &s.uses[i]
		if nr := a.numbers[u.name]; nr >= 0 {
			last, ok = max(last, uint32(nr)), true
		}
		if nr, through := a.through(u.gate); through {
			last, ok = max(last, uint32(nr)), true
		}
	}
	return last, ok
}

// tooLong names the entry that needs most of a program that is too long.
func (s *ruleset) tooLong(n int) error {
	at, most := prefix+"architectures", 0
	sizes := make(map[int]int)
	for i := range s.uses {
		u := &s.uses[i]
		for _, r := range s.rules[u.first:u.last] {
			sizes[r.entry] += len(r.conds)
			if sizes[r.entry] > most {
				at, most = fmt.Sprintf("%ssyscalls[%d].args", prefix, r.entry), sizes[r.entry]
			}
		}
	}
	return &Problem{at, fmt.Sprintf("the filter needs %d instructions, the kernel takes %d; most are for this", n, MaxInstructions)}
}

// Bytes are the program as the kernel reads it.
func (f *Filter) Bytes() []byte {
	if len(f.Program) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&f.Program[0])), len(f.Program)*unix.SizeofSockFilter)
}

// Compile makes the filter of a profile for a machine of the architecture
// native. What is wrong with the profile is a [Problem], or several joined.
func Compile(p *specs.LinuxSeccomp, native specs.Arch) (*Filter, error) {
	if list := Check(p, native); len(list) > 0 {
		return nil, list[0]
	}
	code, err := backend(p, native)
	if err != nil {
		return nil, err
	}
	return &Filter{Program: code, Flags: flagBits(p), Notify: UsesNotify(p)}, nil
}
