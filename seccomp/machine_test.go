package seccomp

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// seen is struct seccomp_data.
type seen struct {
	nr, arch uint32
	args     [6]uint64
}

// bytes are what a filter loads from, in the byte order of the architecture that
// it is for.
func (s *seen) bytes(big bool) (b [64]byte) {
	var order binary.ByteOrder = binary.LittleEndian
	if big {
		order = binary.BigEndian
	}
	order.PutUint32(b[0:], s.nr)
	order.PutUint32(b[4:], s.arch)
	for i, a := range s.args {
		order.PutUint64(b[16+8*i:], a)
	}
	return b
}

// run is the kernel's interpreter, as far as seccomp goes. It counts the
// instructions.
func run(code []instruction, s *seen, big bool) (value uint32, steps int, err error) {
	data := s.bytes(big)
	var a uint32
	for pc := 0; pc < len(code); pc++ {
		in := code[pc]
		steps++
		jump := func(yes bool) {
			if yes {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Code {
		case codeLoad:
			if in.K%4 != 0 || in.K > 60 {
				return 0, steps, fmt.Errorf("instruction %d loads from %d", pc, in.K)
			}
			if big {
				a = binary.BigEndian.Uint32(data[in.K:])
			} else {
				a = binary.LittleEndian.Uint32(data[in.K:])
			}
		case codeAnd:
			a &= in.K
		case codeJump:
			pc += int(in.K)
		case codeJEQ:
			jump(a == in.K)
		case codeJGT:
			jump(a > in.K)
		case codeJGE:
			jump(a >= in.K)
		case codeJSET:
			jump(a&in.K != 0)
		case codeRet:
			return in.K, steps, nil
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_X:
			return 0, steps, fmt.Errorf("instruction %d uses X", pc)
		default:
			return 0, steps, fmt.Errorf("instruction %d has unknown code %#x", pc, in.Code)
		}
	}
	return 0, steps, fmt.Errorf("the program has no end")
}
