package device

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/cilium/ebpf/asm"
)

// v1Model answers like security/device_cgroup.c of the kernel, for a cgroup
// whose parent allows everything.
type v1Model struct {
	allow      bool
	exceptions []Rule
}

func (m *v1Model) write(t *testing.T, file, value string) {
	t.Helper()
	if value == "a" {
		m.allow, m.exceptions = file == "devices.allow", nil
		return
	}
	var typ byte
	var numbers, letters string
	if _, err := fmt.Sscanf(value, "%c %s %s", &typ, &numbers, &letters); err != nil {
		t.Fatalf("write %q: %v", value, err)
	}
	major, minor, _ := strings.Cut(numbers, ":")
	access, err := parseAccess(letters)
	if err != nil {
		t.Fatal(err)
	}
	key := Rule{Type: typ, Major: v1Number(t, major), Minor: v1Number(t, minor)}
	// An exception to the default is added, its opposite taken away; either
	// only meets one for the very same devices.
	add := (file == "devices.allow") != m.allow
	for i := range m.exceptions {
		e := &m.exceptions[i]
		if e.Type != key.Type || e.Major != key.Major || e.Minor != key.Minor {
			continue
		}
		if add {
			e.Access |= access
		} else {
			e.Access &^= access
		}
		return
	}
	if add {
		key.Access = access
		m.exceptions = append(m.exceptions, key)
	}
}

func v1Number(t *testing.T, s string) int64 {
	if s == "*" {
		return Any
	}
	var n uint32
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return int64(n)
}

// allowed: one exception must hold every requested bit to allow, and any that
// holds one of them denies.
func (m *v1Model) allowed(typ byte, major, minor int64, access Access) bool {
	for _, e := range m.exceptions {
		if e.Type != typ || e.Major != Any && e.Major != major || e.Minor != Any && e.Minor != minor {
			continue
		}
		if m.allow && e.Access&access != 0 {
			return false
		}
		if !m.allow && access&^e.Access == 0 {
			return true
		}
	}
	return m.allow
}

// interpret runs the program as the kernel would. It fails the test for an
// instruction it doesn't know, a jump out of the program, or an end without an answer.
func interpret(t *testing.T, p Program, typ byte, major, minor int64, access Access) bool {
	kind := uint32(bpfChar)
	if typ == Block {
		kind = bpfBlock
	}
	ctx := map[int16]uint32{0: uint32(access)<<16 | kind, 4: uint32(major), 8: uint32(minor)}
	var reg [11]uint64
	for pc := 0; ; pc++ {
		if pc < 0 || pc >= len(p) {
			t.Fatalf("the program runs out of its end at %d", pc)
		}
		i := p[pc]
		imm := uint64(int64(i.Imm))
		jump := false
		switch i.Op {
		case opLoad32:
			v, ok := ctx[i.Off]
			if !ok || i.Src != rContext {
				t.Fatalf("instruction %d loads from r%d+%d", pc, i.Src, i.Off)
			}
			reg[i.Dst] = uint64(v)
		case opMovReg:
			reg[i.Dst] = reg[i.Src]
		case opMov:
			reg[i.Dst] = imm
		case opAnd:
			reg[i.Dst] &= imm
		case opShr:
			reg[i.Dst] >>= imm
		case opJa:
			jump = true
		case opOrReg:
			reg[i.Dst] |= reg[i.Src]
		case opShl:
			reg[i.Dst] <<= imm
		case opJeq32:
			jump = uint32(reg[i.Dst]) == uint32(i.Imm)
		case opJne32:
			jump = uint32(reg[i.Dst]) != uint32(i.Imm)
		case opJset:
			jump = reg[i.Dst]&imm != 0
		case opExit:
			return reg[rResult] != 0
		default:
			t.Fatalf("instruction %d is unknown: %#x", pc, i.Op)
		}
		if jump {
			pc += int(i.Off)
		}
	}
}

// TestEncode reads the encoded program back with another project's disassembler.
func TestEncode(t *testing.T) {
	p := Compile(List{
		{true, Char, 1, 3, full},
		{false, Block, 8, Any, Write},
		{true, Char, Any, 1 << 31, Read},
	})
	// The library compares the order with these two and not with NativeEndian.
	var order binary.ByteOrder = binary.LittleEndian
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		order = binary.BigEndian
	}
	insns, err := asm.AppendInstructions(nil, strings.NewReader(string(p.Encode())), order, "linux")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range insns {
		got = append(got, fmt.Sprint(i))
	}
	want := strings.TrimSpace(disassembled)
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("program:\n%s\nwant:\n%s", s, want)
	}
}

const disassembled = `
LdXMemW dst: r2 src: r1 off: 0 imm: 0
MovReg dst: r3 src: r2
AndImm dst: r2 imm: 65535
RShImm dst: r3 imm: 16
LdXMemW dst: r4 src: r1 off: 4 imm: 0
LdXMemW dst: r5 src: r1 off: 8 imm: 0
MovReg dst: r1 src: r4
LShImm dst: r1 imm: 20
OrReg dst: r1 src: r5
JNE32Imm dst: r2 off: 2 imm: 1
JNE32Imm dst: r4 off: 1 imm: 8
JSetImm dst: r3 off: 2 imm: 4
JNE32Imm dst: r2 off: 1 imm: 2
JEq32Imm dst: r1 off: 2 imm: 1048579
MovImm dst: r0 imm: 0
Exit
MovImm dst: r0 imm: 1
Exit
`
