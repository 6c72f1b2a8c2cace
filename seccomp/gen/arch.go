//go:build libseccomp

package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	libseccomp "github.com/seccomp/libseccomp-golang"
)

// An architecture is one with numbers of its own.
type architecture struct {
	table  string // the table's name
	scmp   libseccomp.ScmpArch
	header string // its numbers in the kernel's headers, "" if they have none any more
	bases  []int  // where numbers begin, besides 0
}

const (
	x32Bit  = 0x40000000
	armBase = 0x0f0000 // the private calls of arm
)

var architectures = []architecture{
	{"numbersX86", libseccomp.ArchX86, "x86/asm/unistd_32.h", nil},
	{"numbersAMD64", libseccomp.ArchAMD64, "x86/asm/unistd_64.h", nil},
	{"numbersX32", libseccomp.ArchX32, "x86/asm/unistd_x32.h", []int{x32Bit}},
	{"numbersARM", libseccomp.ArchARM, "arm/asm/unistd-eabi.h", []int{armBase}},
	{"numbersARM64", libseccomp.ArchARM64, "arm64/asm/unistd_64.h", nil},
	{"numbersMIPS", libseccomp.ArchMIPS, "mips/asm/unistd_o32.h", []int{4000}},
	{"numbersMIPS64", libseccomp.ArchMIPS64, "mips/asm/unistd_n64.h", []int{5000}},
	{"numbersMIPS64N32", libseccomp.ArchMIPS64N32, "mips/asm/unistd_n32.h", []int{6000}},
	{"numbersPPC", libseccomp.ArchPPC, "powerpc/asm/unistd_32.h", nil},
	{"numbersPPC64", libseccomp.ArchPPC64, "powerpc/asm/unistd_64.h", nil},
	{"numbersS390", libseccomp.ArchS390, "", nil},
	{"numbersS390X", libseccomp.ArchS390X, "s390/asm/unistd_64.h", nil},
	{"numbersPARISC", libseccomp.ArchPARISC, "parisc/asm/unistd_32.h", nil},
	{"numbersPARISC64", libseccomp.ArchPARISC64, "parisc/asm/unistd_64.h", nil},
	{"numbersRISCV64", libseccomp.ArchRISCV64, "riscv/asm/unistd_64.h", nil},
	{"numbersLOONGARCH64", libseccomp.ArchLOONGARCH64, "loongarch/asm/unistd_64.h", nil},
	{"numbersM68K", libseccomp.ArchM68K, "m68k/asm/unistd_32.h", nil},
	{"numbersSH", libseccomp.ArchSH, "sh/asm/unistd_32.h", nil},
}

// fromLibrary asks for the name of every number that may have one: a name's
// number alone would hide direct calls behind multiplexed ones. A second name of
// the same number is found by the other architectures' names.
func fromLibrary(a *architecture) map[string]int32 {
	const most = 1200
	numbers := make(map[string]int32)
	for _, base := range append([]int{0}, a.bases...) {
		for nr := base; nr < base+most; nr++ {
			// MIPS's numbers without their base have the same names.
			name, err := libseccomp.ScmpSyscall(nr).GetNameByArch(a.scmp)
			if err != nil {
				continue
			}
			if again, err := libseccomp.GetSyscallFromNameByArch(name, a.scmp); err != nil || again >= 0 && int(again) != nr {
				continue
			}
			numbers[name] = int32(nr)
		}
	}
	for i := range architectures {
		if other := &architectures[i]; other != a {
			a.aliases(numbers, other)
		}
	}
	return numbers
}

func (a *architecture) aliases(numbers map[string]int32, other *architecture) {
	for nr := range 1200 {
		for _, base := range append([]int{0}, other.bases...) {
			name, err := libseccomp.ScmpSyscall(base + nr).GetNameByArch(other.scmp)
			if err != nil || numbers[name] != 0 {
				continue
			}
			if own, err := libseccomp.GetSyscallFromNameByArch(name, a.scmp); err == nil && own >= 0 {
				numbers[name] = int32(own)
			}
		}
	}
}

// define is a line of a header: a number, or a base and a number.
var define = regexp.MustCompile(`^#define __NR_(\w+)\s+(?:\((__\w+) \+ (\d+)\)|(\d+))$`)

// placeholder is a number that was kept free, not a call.
var placeholder = regexp.MustCompile(`^(reserved|unused)\d+$`)

// fromHeaders reads the kernel's numbers.
func fromHeaders(uapi string, a *architecture) (map[string]int32, error) {
	numbers := make(map[string]int32)
	if a.header == "" {
		return numbers, nil
	}
	f, err := os.Open(filepath.Join(uapi, a.header))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		m := define.FindStringSubmatch(strings.TrimSpace(lines.Text()))
		if m == nil || placeholder.MatchString(m[1]) {
			continue
		}
		nr, err := strconv.Atoi(m[3] + m[4])
		if err != nil {
			return nil, err
		}
		switch m[2] {
		case "", "__NR_SYSCALL_BASE": // 0, of the EABI
		case "__X32_SYSCALL_BIT", "__NR_Linux":
			nr += a.bases[0]
		default:
			return nil, fmt.Errorf("%s: unknown base %s", a.header, m[2])
		}
		numbers[m[1]] = int32(nr)
	}
	if len(numbers) < 250 {
		return nil, fmt.Errorf("%s: only %d numbers", a.header, len(numbers))
	}
	return numbers, lines.Err()
}
