//go:build libseccomp

package seccomp

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

// Library is the version of the library that compiles filters, "" if we do it
// ourselves.
func Library() string {
	major, minor, micro := libseccomp.GetLibraryVersion()
	return fmt.Sprintf("%d.%d.%d", major, minor, micro)
}

var backend = compileByLibrary

// compileByLibrary has libseccomp make the program, and puts before it what
// libseccomp doesn't do: ENOSYS for calls that are newer than the profile.
func compileByLibrary(p *specs.LinuxSeccomp, native specs.Arch) ([]instruction, error) {
	raw, err := libraryProgram(p, func(*libseccomp.ScmpFilter) error { return nil })
	if err != nil {
		return nil, err
	}
	code := youngProgram(p, native)
	for b := range slices.Chunk(raw, unix.SizeofSockFilter) {
		code = append(code, decode(b, binary.NativeEndian))
	}
	if len(code) > MaxInstructions {
		return nil, collect(p).tooLong(len(code))
	}
	return code, nil
}

// binaryTree has libseccomp search numbers by halves. It is not only faster:
// without it, libseccomp 2.6.0 forgets to load the number where an architecture
// lacks the call that comes first.
const binaryTree = 2

// decode reads an instruction.
func decode(b []byte, order binary.ByteOrder) instruction {
	return instruction{Code: order.Uint16(b), Jt: b[2], Jf: b[3], K: order.Uint32(b[4:])}
}

// libraryProgram has libseccomp compile a checked profile, after prepare has done
// something to the empty filter.
func libraryProgram(p *specs.LinuxSeccomp, prepare func(*libseccomp.ScmpFilter) error) ([]byte, error) {
	fallback := scmpAction(p.DefaultAction, p.DefaultErrnoRet)
	f, err := libseccomp.NewFilter(fallback)
	if err != nil {
		return nil, fmt.Errorf("make filter by libseccomp: %w", err)
	}
	defer f.Release()
	if err := f.SetOptimize(binaryTree); err != nil {
		return nil, fmt.Errorf("optimize filter by libseccomp: %w", err)
	}
	if err := prepare(f); err != nil {
		return nil, err
	}
	for i, name := range p.Architectures {
		a, err := libseccomp.GetArchFromString(scmpArch(name))
		if err == nil {
			err = f.AddArch(a)
		}
		if err != nil {
			return nil, &Problem{fmt.Sprintf("%sarchitectures[%d]", prefix, i), err.Error()}
		}
	}
	for i := range p.Syscalls {
		if err := addToLibrary(f, i, &p.Syscalls[i], fallback); err != nil {
			return nil, err
		}
	}
	raw, err := f.ExportBPFMem()
	if err != nil {
		return nil, fmt.Errorf("compile filter by libseccomp: %w", err)
	}
	return raw, nil
}

func addToLibrary(f *libseccomp.ScmpFilter, i int, s *specs.LinuxSyscall, fallback libseccomp.ScmpAction) error {
	action := scmpAction(s.Action, s.ErrnoRet)
	if action == fallback {
		return nil
	}
	var conds []libseccomp.ScmpCondition
	seen, twice := [6]bool{}, false
	for _, a := range s.Args {
		conds = append(conds, libseccomp.ScmpCondition{Argument: a.Index, Op: scmpOperator(a.Op), Operand1: a.Value, Operand2: a.ValueTwo})
		twice = twice || seen[a.Index]
		seen[a.Index] = true
	}
	groups := [][]libseccomp.ScmpCondition{conds}
	if twice {
		groups = slices.Collect(slices.Chunk(conds, 1))
	}
	for _, name := range s.Names {
		nr, err := libseccomp.GetSyscallFromName(name)
		if err != nil {
			continue
		}
		for _, g := range groups {
			if len(g) == 0 {
				err = f.AddRule(nr, action)
			} else {
				err = f.AddRuleConditional(nr, action, g)
			}
			if err != nil {
				return &Problem{fmt.Sprintf("%ssyscalls[%d]", prefix, i), fmt.Sprintf("%s: %v", name, err)}
			}
		}
	}
	return nil
}

// scmpArch is libseccomp's word for an architecture: ours, but for two.
func scmpArch(name specs.Arch) string {
	switch name {
	case specs.ArchX86_64:
		return "amd64"
	case specs.ArchAARCH64:
		return "arm64"
	}
	return strings.ToLower(strings.TrimPrefix(string(name), "SCMP_ARCH_"))
}

func scmpAction(name specs.LinuxSeccompAction, errno *uint) libseccomp.ScmpAction {
	code := int16(unix.EPERM)
	if errno != nil {
		code = int16(*errno)
	}
	switch name {
	case specs.ActErrno:
		return libseccomp.ActErrno.SetReturnCode(code)
	case specs.ActTrace:
		return libseccomp.ActTrace.SetReturnCode(code)
	case specs.ActTrap:
		return libseccomp.ActTrap
	case specs.ActAllow:
		return libseccomp.ActAllow
	case specs.ActLog:
		return libseccomp.ActLog
	case specs.ActNotify:
		return libseccomp.ActNotify
	case specs.ActKillProcess:
		return libseccomp.ActKillProcess
	}
	return libseccomp.ActKillThread
}

func scmpOperator(name specs.LinuxSeccompOperator) libseccomp.ScmpCompareOp {
	switch name {
	case specs.OpNotEqual:
		return libseccomp.CompareNotEqual
	case specs.OpLessThan:
		return libseccomp.CompareLess
	case specs.OpLessEqual:
		return libseccomp.CompareLessOrEqual
	case specs.OpGreaterEqual:
		return libseccomp.CompareGreaterEqual
	case specs.OpGreaterThan:
		return libseccomp.CompareGreater
	case specs.OpMaskedEqual:
		return libseccomp.CompareMaskedEqual
	}
	return libseccomp.CompareEqual
}

// youngProgram is what has to run before libseccomp's program, "go on" being its
// end.
func youngProgram(p *specs.LinuxSeccomp, native specs.Arch) []instruction {
	const goOn = ^uint32(0) // no action
	s := collect(p)
	c := compiler{ruleset: s, graph: newGraph(16), arches: s.arches(native)}
	s.fallback = goOn
	next := c.answer(goOn)
	for _, a := range c.arches {
		list := spans{}
		for i := range arches {
			b := &arches[i]
			if b.audit != a.audit {
				continue
			}
			list.add(b.first, c.answer(goOn))
			if slices.Contains(c.arches, b) {
				c.young(b, &list)
			}
		}
		next = c.compare(decision{load: loadArch, op: opEQ, mask: ^uint32(0), value: a.audit, t: c.search(list), f: next})
	}
	code := emit(c.graph, next)
	for i := range code {
		if code[i].Code == codeRet && code[i].K == goOn {
			code[i] = instruction{Code: codeJump, K: uint32(len(code) - i - 1)}
		}
	}
	return code
}
