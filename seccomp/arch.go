package seccomp

import (
	"runtime"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// An arch is an architecture of the runtime specification as the kernel shows it
// to a filter.
type arch struct {
	name    specs.Arch
	audit   uint32 // AUDIT_ARCH_*
	numbers *numbers
	wide    bool // arguments have 64 bits
	big     bool // the high half of an argument comes first
	mux     bool // socket calls can be made by socketcall(2), IPC calls by ipc(2)
	// x32 shares x86-64's audit number: which of both a call is of, this bit says.
	first, last uint32
}

// numbers are an architecture's numbers by the places of the names; -1 is none.
type numbers = [len(nameEnds)]int32

// all is the range of the numbers of an architecture that shares none.
const all = ^uint32(0)

// x32Bit marks the calls of x32.
const x32Bit = 0x40000000

var arches = [...]arch{
	{specs.ArchX86, 0x40000003, &numbersX86, false, false, true, 0, all},
	{specs.ArchX86_64, 0xc000003e, &numbersAMD64, true, false, false, 0, x32Bit - 1},
	{specs.ArchX32, 0xc000003e, &numbersX32, false, false, false, x32Bit, all},
	{specs.ArchARM, 0x40000028, &numbersARM, false, false, false, 0, all},
	{specs.ArchAARCH64, 0xc00000b7, &numbersARM64, true, false, false, 0, all},
	{specs.ArchMIPS, 0x00000008, &numbersMIPS, false, true, true, 0, all},
	{specs.ArchMIPS64, 0x80000008, &numbersMIPS64, true, true, false, 0, all},
	{specs.ArchMIPS64N32, 0xa0000008, &numbersMIPS64N32, false, true, false, 0, all},
	{specs.ArchMIPSEL, 0x40000008, &numbersMIPS, false, false, true, 0, all},
	{specs.ArchMIPSEL64, 0xc0000008, &numbersMIPS64, true, false, false, 0, all},
	{specs.ArchMIPSEL64N32, 0xe0000008, &numbersMIPS64N32, false, false, false, 0, all},
	{specs.ArchPPC, 0x00000014, &numbersPPC, false, true, true, 0, all},
	{specs.ArchPPC64, 0x80000015, &numbersPPC64, true, true, true, 0, all},
	{specs.ArchPPC64LE, 0xc0000015, &numbersPPC64, true, false, true, 0, all},
	{specs.ArchS390, 0x00000016, &numbersS390, false, true, true, 0, all},
	{specs.ArchS390X, 0x80000016, &numbersS390X, true, true, true, 0, all},
	{specs.ArchPARISC, 0x0000000f, &numbersPARISC, false, true, false, 0, all},
	{specs.ArchPARISC64, 0x8000000f, &numbersPARISC64, true, true, false, 0, all},
	{specs.ArchRISCV64, 0xc00000f3, &numbersRISCV64, true, false, false, 0, all},
	{specs.ArchLOONGARCH64, 0xc0000102, &numbersLOONGARCH64, true, false, false, 0, all},
	{specs.ArchM68K, 0x00000004, &numbersM68K, false, true, true, 0, all},
	{specs.ArchSH, 0x4000002a, &numbersSH, false, false, true, 0, all},
	{specs.ArchSHEB, 0x0000002a, &numbersSH, false, true, true, 0, all},
}

// through is the number of the call that leads to others by the gate g.
func (a *arch) through(g gate) (nr int32, ok bool) {
	if g.sub == 0 || !a.mux {
		return -1, false
	}
	at, _ := findName(g.name())
	return a.numbers[at], a.numbers[at] >= 0
}

// findArch returns the architecture of that name, or nil.
func findArch(name specs.Arch) *arch {
	for i := range arches {
		if arches[i].name == name {
			return &arches[i]
		}
	}
	return nil
}

// Name is the name of a system call of this program's own architecture, or its number where it has none.
func Name(call uintptr) string {
	if a := findArch(Native()); a != nil {
		if name := a.nameOf(uint32(call)); name != "" {
			return name
		}
	}
	return strconv.FormatUint(uint64(call), 10)
}

// Native is the architecture of this program, which is in every filter.
func Native() specs.Arch {
	switch runtime.GOARCH {
	case "386":
		return specs.ArchX86
	case "amd64":
		return specs.ArchX86_64
	case "arm":
		return specs.ArchARM
	case "arm64":
		return specs.ArchAARCH64
	case "loong64":
		return specs.ArchLOONGARCH64
	case "mips":
		return specs.ArchMIPS
	case "mipsle":
		return specs.ArchMIPSEL
	case "mips64":
		return specs.ArchMIPS64
	case "mips64le":
		return specs.ArchMIPSEL64
	case "ppc64":
		return specs.ArchPPC64
	case "ppc64le":
		return specs.ArchPPC64LE
	case "riscv64":
		return specs.ArchRISCV64
	case "s390x":
		return specs.ArchS390X
	}
	return ""
}
