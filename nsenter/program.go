package nsenter

import (
	"bytes"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Program is an arena for a player that runs by itself: an executable of one page
// for what would otherwise take a start of the Go runtime. It maps the arena and
// the progress record, whose descriptors it inherits, at addresses of its own, and
// plays. There is no other memory in it but a page of code and the stack. Where there is
// no such executable a process of ours maps the arena in the same place, see [JoinProgram].
type Program struct {
	Arena      *Arena
	Ops, Count uint32
}

// ErrTooLong reports an image that has no room in a player.
var ErrTooLong = errors.New("tape is too long")

// The program's memory. In a program that is not position-independent nothing
// else lies below 2 GiB, but for the brk area, which nobody uses here. A 32-bit Go program
// has its heap in the half GiB behind its code.
const (
	programBase   = 0x400000
	programParams = programBase + unsafe.Offsetof(programFile{}.params)
	programArena  = uintptr(0x10000000 + (8-wordSize)*0x10000000)
	programMax    = 0x40000000 // what an image may have, in bytes
	programRecord = 0x0e000000 // where the progress record is

	// The largest page that Linux has; arm64 may have 4, 16 or 64 KiB.
	largestPage = 0x10000
)

// programFile is what comes before the code in the executable: a minimal ELF file
// (see elf(5)), and what the code has to know.
type programFile struct {
	header   elfHeader
	segments [2]elfSegment
	params   programTape
}

type programTape struct{ arena, size, ops, count, progress uint64 }

type elfHeader struct {
	ident                                                     [16]byte
	kind, machine                                             uint16
	version                                                   uint32
	entry, phoff, shoff                                       uint64
	flags                                                     uint32
	ehsize, phentsize, phnum, shentsize, shnum, shstrtabIndex uint16
}

type elfSegment struct {
	kind, flags                                    uint32
	offset, vaddr, paddr, filesize, memsize, align uint64
}

// OpenProgram maps the image in an arena's memfd to be completed, and gives it the
// addresses that it will have in the program.
func OpenProgram(fd, size int, relocs []uint32, ops, count uint32) (Program, error) {
	if size > programMax {
		return Program{}, ErrTooLong
	}
	a, err := OpenArena(fd, size, nil)
	if err == nil {
		err = a.relocate(relocs, programArena)
	}
	return Program{a, ops, count}, err
}

// Close lets go of the arena's mapping; the program has its own.
func (p Program) Close() { _ = unix.Munmap(p.Arena.mem) }

// JoinProgram maps the arena in memfd fd where a player has it. The image has been completed by
// [OpenProgram].
func JoinProgram(fd, size int) (*Arena, error) {
	mem, err := unix.MmapPtr(fd, 0, ptr(programArena), uintptr(size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_FIXED_NOREPLACE|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("map tape memory: %w", err)
	}
	return &Arena{FD: fd, mem: unsafe.Slice((*byte)(mem), size), base: programArena}, nil
}

// Executable is the program's file. It has to inherit the arena's descriptor and
// that of the progress record under these numbers.
func (p Program) Executable(arena, progress int) []byte {
	code := programText()
	const stackFlags, stackType = 6, 0x6474e551 // PF_R|PF_W, PT_GNU_STACK: no code on the stack
	f := programFile{
		header: elfHeader{
			ident: [16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1}, // 64 bits, little-endian, version 1
			kind:  2, machine: programMachine, version: 1, // ET_EXEC
			entry: programBase + uint64(unsafe.Sizeof(programFile{})), phoff: uint64(unsafe.Offsetof(programFile{}.segments)),
			ehsize: uint16(unsafe.Sizeof(elfHeader{})), phentsize: uint16(unsafe.Sizeof(elfSegment{})), phnum: 2,
		},
	}
	all := uint64(unsafe.Sizeof(f)) + uint64(len(code))
	f.segments[0] = elfSegment{kind: 1, flags: 5, vaddr: programBase, filesize: all, memsize: all, align: largestPage} // PT_LOAD, PF_R|PF_X
	f.segments[1] = elfSegment{kind: stackType, flags: stackFlags, align: 16}
	f.params.arena, f.params.size, f.params.progress = uint64(arena), uint64(len(p.Arena.mem)), uint64(progress)
	f.params.ops, f.params.count = uint64(p.Ops), uint64(p.Count)
	file := make([]byte, 0, all)
	file = append(file, unsafe.Slice((*byte)(unsafe.Pointer(&f)), unsafe.Sizeof(f))...)
	return append(file, code...)
}

// programText is the code, in our own executable's memory.
func programText() []byte {
	const most = 4096
	text := unsafe.Slice((*byte)(ptr(programCode())), most)
	return text[:bytes.Index(text, programMark)]
}
