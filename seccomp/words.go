package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// What seccomp(2) knows. Package unix has no constant of Linux 5.19's flag.
const flagWaitKillableRecv = 1 << 5

// Actions are the words for actions that mean something to this package, as do
// those of the functions that follow.
func Actions() (list []string) {
	for _, a := range actions {
		list = append(list, string(a.name))
	}
	return list
}

// Operators are the words for comparisons.
func Operators() (list []string) {
	for _, o := range operators {
		list = append(list, string(o.name))
	}
	return list
}

// Architectures are the words for architectures.
func Architectures() (list []string) {
	for i := range arches {
		list = append(list, string(arches[i].name))
	}
	return list
}

// Flags are the words for flags.
func Flags() (list []string) {
	for _, f := range flags {
		list = append(list, string(f.name))
	}
	return list
}

var actions = [...]struct {
	name specs.LinuxSeccompAction
	bits uint32
}{
	{specs.ActKill, unix.SECCOMP_RET_KILL_THREAD},
	{specs.ActKillThread, unix.SECCOMP_RET_KILL_THREAD},
	{specs.ActKillProcess, unix.SECCOMP_RET_KILL_PROCESS},
	{specs.ActTrap, unix.SECCOMP_RET_TRAP},
	{specs.ActErrno, unix.SECCOMP_RET_ERRNO},
	{specs.ActTrace, unix.SECCOMP_RET_TRACE},
	{specs.ActAllow, unix.SECCOMP_RET_ALLOW},
	{specs.ActLog, unix.SECCOMP_RET_LOG},
	{specs.ActNotify, unix.SECCOMP_RET_USER_NOTIF},
}

func actionBits(name specs.LinuxSeccompAction) (uint32, bool) {
	for _, a := range actions {
		if a.name == name {
			return a.bits, true
		}
	}
	return 0, false
}

// answer is what a filter returns for an action. Without a number, ERRNO and
// TRACE have EPERM.
func answer(name specs.LinuxSeccompAction, errno *uint) uint32 {
	bits, _ := actionBits(name)
	if name == specs.ActErrno || name == specs.ActTrace {
		if errno == nil {
			return bits | uint32(unix.EPERM)
		}
		bits |= uint32(*errno) & unix.SECCOMP_RET_DATA
	}
	return bits
}

// answerText prints what a filter returns as the action it came from.
func answerText(value uint32) string {
	bits, data := value&unix.SECCOMP_RET_ACTION_FULL, value&unix.SECCOMP_RET_DATA
	for _, a := range actions {
		if a.bits != bits || a.name == specs.ActKill {
			continue
		}
		switch {
		case bits == unix.SECCOMP_RET_ERRNO:
			if name := unix.ErrnoName(unix.Errno(data)); name != "" {
				return fmt.Sprintf("%s %s", a.name, name)
			}
			return fmt.Sprintf("%s %d", a.name, data)
		case bits == unix.SECCOMP_RET_TRACE:
			return fmt.Sprintf("%s %d", a.name, data)
		}
		return string(a.name)
	}
	return fmt.Sprintf("%#x", value)
}

// A comparison is an operator.
type comparison uint8

const (
	opNE comparison = iota
	opLT
	opLE
	opEQ
	opGE
	opGT
	opMasked
)

var operators = [...]struct {
	name specs.LinuxSeccompOperator
	op   comparison
}{
	{specs.OpNotEqual, opNE},
	{specs.OpLessThan, opLT},
	{specs.OpLessEqual, opLE},
	{specs.OpEqualTo, opEQ},
	{specs.OpGreaterEqual, opGE},
	{specs.OpGreaterThan, opGT},
	{specs.OpMaskedEqual, opMasked},
}

func operator(name specs.LinuxSeccompOperator) (comparison, bool) {
	for _, o := range operators {
		if o.name == name {
			return o.op, true
		}
	}
	return 0, false
}

// flags has TSYNC, which is for callers with several threads: we have one.
var flags = [...]struct {
	name specs.LinuxSeccompFlag
	bit  uint32
}{
	{"SECCOMP_FILTER_FLAG_TSYNC", 0},
	{specs.LinuxSeccompFlagLog, unix.SECCOMP_FILTER_FLAG_LOG},
	{specs.LinuxSeccompFlagSpecAllow, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{specs.LinuxSeccompFlagWaitKillableRecv, flagWaitKillableRecv},
}

func flagBit(name specs.LinuxSeccompFlag) (uint32, bool) {
	for _, f := range flags {
		if f.name == name {
			return f.bit, true
		}
	}
	return 0, false
}

// flagBits are the flags of seccomp(2). Where a profile doesn't say, speculation
// isn't restricted further (runc's default); an empty list asks for that.
func flagBits(p *specs.LinuxSeccomp) (bits uint32) {
	if p.Flags == nil {
		bits = unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	}
	for _, f := range p.Flags {
		bit, _ := flagBit(f)
		bits |= bit
	}
	if UsesNotify(p) {
		bits |= unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
	} else {
		bits &^= flagWaitKillableRecv // about answers that nobody will give
	}
	return bits
}
