package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"runtime"
)

// Programs without a libc, written here so that no compiler is needed.
//
// TODO(other architectures): only amd64 and arm64 have machine code here.
var (
	// exit_group(0).
	trueCode = map[string][]byte{
		"amd64": {0x31, 0xff, 0xb8, 231, 0, 0, 0, 0x0f, 0x05},
		"arm64": words(0xd2800000, 0xd2800bc8, 0xd4000001),
	}
	// for (;;) pause(); arm64 has ppoll(NULL, 0, NULL, NULL, 0) in its place.
	pauseCode = map[string][]byte{
		"amd64": {0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7},
		"arm64": words(0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003, 0xd2800004, 0xd2800928, 0xd4000001, 0x17fffff9),
	}
)

func words(list ...uint32) []byte {
	var b []byte
	for _, w := range list {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// program returns a static executable of one page around this machine's code.
func program(code map[string][]byte) ([]byte, error) {
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	text := code[runtime.GOARCH]
	if text == nil {
		return nil, fmt.Errorf("there is no machine code for %s", runtime.GOARCH)
	}
	const base, header, segment = 0x400000, 64, 56
	size := uint64(header + segment + len(text))
	h := elf.Header64{
		Ident:     [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:      uint16(elf.ET_EXEC),
		Machine:   uint16(machine),
		Version:   uint32(elf.EV_CURRENT),
		Entry:     base + header + segment,
		Phoff:     header,
		Ehsize:    header,
		Phentsize: segment,
		Phnum:     1,
	}
	p := elf.Prog64{
		Type:   uint32(elf.PT_LOAD),
		Flags:  uint32(elf.PF_R | elf.PF_X),
		Vaddr:  base,
		Paddr:  base,
		Filesz: size,
		Memsz:  size,
		Align:  0x10000,
	}
	var out bytes.Buffer
	for _, v := range []any{h, p, text} {
		if err := binary.Write(&out, binary.LittleEndian, v); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
