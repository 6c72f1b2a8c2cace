package seccomp

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestNames(t *testing.T) {
	for p := range place(len(nameEnds)) {
		name := placeName(p)
		if p > 0 && placeName(p-1) >= name {
			t.Errorf("%s isn't after %s", name, placeName(p-1))
		}
		if got, ok := findName(name); !ok || got != p {
			t.Errorf("findName(%s) = %d, %v, want %d", name, got, ok, p)
		}
	}
	for _, name := range []string{"", "nosuchcall", "readd", "rea", strings.Repeat("x", 1000)} {
		if _, ok := findName(name); ok {
			t.Errorf("findName(%q) finds something", name)
		}
	}
	for _, test := range []struct {
		arch specs.Arch
		name string
		want int32
	}{
		{specs.ArchX86_64, "read", 0},
		{specs.ArchX86, "socket", 359},
		{specs.ArchX86, "accept", -1},
		{specs.ArchX32, "ioctl", 0x40000202},
		{specs.ArchARM, "cacheflush", 0xf0002},
		{specs.ArchAARCH64, "openat", 56},
		{specs.ArchAARCH64, "open", -1},
		{specs.ArchMIPS, "read", 4003},
		{specs.ArchMIPSEL64, "read", 5000},
		{specs.ArchMIPS64N32, "read", 6000},
		{specs.ArchX86_64, "listns", 470},
		{specs.ArchRISCV64, "listns", 470},
		{specs.ArchX86, "socketcall", 102},
	} {
		p, _ := findName(test.name)
		if got := findArch(test.arch).numbers[p]; got != test.want {
			t.Errorf("%s on %s = %d, want %d", test.name, test.arch, got, test.want)
		}
	}
}

// The native call is the one that this program makes.
func TestNative(t *testing.T) {
	a := findArch(Native())
	if a == nil {
		t.Fatalf("no architecture %q", Native())
	}
	for name, nr := range map[string]int32{"getpid": unix.SYS_GETPID, "seccomp": unix.SYS_SECCOMP, "clone3": unix.SYS_CLONE3, "ioctl": unix.SYS_IOCTL} {
		if p, ok := findName(name); !ok || a.numbers[p] != nr {
			t.Errorf("%s = %d, want %d", name, a.numbers[p], nr)
		}
	}
}

func compileFor(t testing.TB, p *specs.LinuxSeccomp, native specs.Arch) []instruction {
	t.Helper()
	code, err := compileRules(p, native)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

const (
	kill   = uint32(unix.SECCOMP_RET_KILL_THREAD)
	allow  = uint32(unix.SECCOMP_RET_ALLOW)
	eperm  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	enosys = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// TestRanges looks at numbers that no rule is about.
func TestRanges(t *testing.T) {
	some := []specs.LinuxSyscall{{Names: []string{"read", "close"}, Action: specs.ActAllow}}
	refuse := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: some}
	with := func(arches ...specs.Arch) *specs.LinuxSeccomp {
		p := *refuse
		p.Architectures = arches
		return &p
	}
	for _, test := range []struct {
		p            *specs.LinuxSeccomp
		native, arch specs.Arch
		numbers      map[uint32]uint32
	}{
		{refuse, specs.ArchX86_64, specs.ArchX86_64, map[uint32]uint32{
			0: allow, 1: eperm, 3: allow, 4: enosys, 500: enosys, x32Bit - 1: enosys, x32Bit: kill, x32Bit + 3: kill, all - 1: kill, all: eperm,
		}},
		{with(specs.ArchX32), specs.ArchX86_64, specs.ArchX86_64, map[uint32]uint32{
			0: allow, 3: allow, 4: enosys, x32Bit: allow, x32Bit + 1: eperm, x32Bit + 3: allow, x32Bit + 4: enosys, all: enosys,
		}},
		{with(specs.ArchX86), specs.ArchX86_64, specs.ArchX86, map[uint32]uint32{0: eperm, 3: allow, 6: allow, 7: enosys, all: enosys}},
		{refuse, specs.ArchX86_64, specs.ArchX86, map[uint32]uint32{3: kill, 7: kill, all: kill}},
		{refuse, specs.ArchAARCH64, specs.ArchAARCH64, map[uint32]uint32{56: eperm, 57: allow, 63: allow, 64: enosys}},
		{refuse, specs.ArchS390X, specs.ArchS390X, map[uint32]uint32{0: enosys, 1: eperm, 3: allow, 6: allow, 7: enosys}},
		{refuse, specs.ArchMIPS64, specs.ArchMIPS64, map[uint32]uint32{0: eperm, 5000: allow, 5003: allow, 5004: enosys}},
		{&specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, specs.ArchX86_64, specs.ArchX86_64, map[uint32]uint32{0: allow, 5000: allow, x32Bit: kill, all: allow}},
		{&specs.LinuxSeccomp{DefaultAction: specs.ActErrno}, specs.ArchX86_64, specs.ArchX86_64, map[uint32]uint32{0: eperm, 5000: eperm}},
		{
			&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{Names: []string{"socket"}, Action: specs.ActAllow}}}, specs.ArchX86, specs.ArchX86,
			map[uint32]uint32{102: eperm, 358: eperm, 359: allow, 360: enosys},
		},
	} {
		code := compileFor(t, test.p, test.native)
		a := findArch(test.arch)
		for nr, want := range test.numbers {
			if got, _, err := run(code, &seen{nr: nr, arch: a.audit}, a.big); err != nil || got != want {
				t.Errorf("native %s: number %d of %s: %s (%v), want %s", test.native, int32(nr), test.arch, answerText(got), err, answerText(want))
			}
		}
	}
}

// TestBigEndian loads the halves of arguments from where they are.
func TestBigEndian(t *testing.T) {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{
		Names: []string{"read"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Index: 2, Op: specs.OpEqualTo, Value: 0x1_0000_0002}},
	}}}
	for _, native := range []specs.Arch{specs.ArchS390X, specs.ArchPPC64, specs.ArchMIPS64, specs.ArchX86_64} {
		a := findArch(native)
		at, _ := findName("read")
		for v, want := range map[uint64]uint32{0x1_0000_0002: allow, 0x2_0000_0001: eperm, 2: eperm} {
			got, _, err := run(compileFor(t, p, native), &seen{nr: uint32(a.numbers[at]), arch: a.audit, args: [6]uint64{2: v}}, a.big)
			if err != nil || got != want {
				t.Errorf("%s: %#x: %s (%v), want %s", native, v, answerText(got), err, answerText(want))
			}
		}
	}
}

// values is a profile that tells n values of an argument apart.
func values(n int) *specs.LinuxSeccomp {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	for i := range n {
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
			Names: []string{"read"}, Action: specs.ActErrno, ErrnoRet: errno(uint(i%4095) + 1),
			Args: []specs.LinuxSeccompArg{{Op: specs.OpEqualTo, Value: uint64(i) * 7}},
		})
	}
	return p
}

// TestLongJumps has programs in which jumps are longer than a byte can say.
func TestLongJumps(t *testing.T) {
	for _, n := range []int{1, 4, 5, 100, 255, 256, 257, 600, 1500} {
		p := values(n)
		code := compileFor(t, p, specs.ArchX86_64)
		most := 0
		for i := range n {
			got, steps, err := run(code, &seen{nr: 0, arch: 0xc000003e, args: [6]uint64{uint64(i) * 7}}, false)
			if want := answer(specs.ActErrno, errno(uint(i%4095)+1)); err != nil || got != want {
				t.Fatalf("%d values: %d: %s (%v), want %s", n, i, answerText(got), err, answerText(want))
			}
			most = max(most, steps)
		}
		if got, _, _ := run(code, &seen{nr: 0, arch: 0xc000003e, args: [6]uint64{1}}, false); got != allow {
			t.Errorf("%d values: another one: %s", n, answerText(got))
		}
		if most > 40 {
			t.Errorf("%d values: %d instructions at most", n, most)
		}
	}
}

// TestTooLong names the field at fault.
func TestTooLong(t *testing.T) {
	p := values(3000)
	p.Syscalls[1700].Names = append(p.Syscalls[1700].Names, "write", "close")
	_, err := compileRules(p, specs.ArchX86_64)
	var problem *Problem
	if !errors.As(err, &problem) || problem.Path != "linux.seccomp.syscalls[1700].args" || !strings.Contains(problem.Msg, "4096") {
		t.Errorf("error = %v", err)
	}
	if _, err := compileRules(values(100_000), specs.ArchX86_64); !errors.As(err, &problem) {
		t.Errorf("error of 100,000 rules = %v", err)
	}
}

// TestProgram is what a small profile becomes.
func TestProgram(t *testing.T) {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86}, Syscalls: []specs.LinuxSyscall{
		{Names: []string{"read", "write", "open", "close"}, Action: specs.ActAllow},
		{Names: []string{"personality"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Op: specs.OpEqualTo}}},
		{Names: []string{"clone"}, Action: specs.ActTrace, Args: []specs.LinuxSeccompArg{{Op: specs.OpMaskedEqual, Value: 0x7e000000}}},
	}}
	f := Filter{Program: compileFor(t, p, specs.ArchX86_64)}
	const want = `   0: load architecture
   1: if == SCMP_ARCH_X86_64 goto 2 else 12
   2: load number
   3: if >= 135 (personality) goto 4 else 7
   4: if >= 1073741824 (read) goto 5 else 6
   5: if >= 4294967295 goto 26 else 27
   6: if >= 136 (ustat) goto 19 else 10
   7: if >= 56 (clone) goto 8 else 9
   8: if >= 57 (fork) goto 26 else 22
   9: if >= 4 (stat) goto 26 else 25
  10: load argument 0, high half
  11: if == 0x0 goto 20 else 26
  12: if == SCMP_ARCH_X86 goto 13 else 27
  13: load number
  14: if >= 7 (waitpid) goto 15 else 18
  15: if >= 136 (personality) goto 16 else 17
  16: if >= 137 (afs_syscall) goto 19 else 20
  17: if == 120 (clone) goto 22 else 26
  18: if >= 3 (read) goto 25 else 26
  19: return SCMP_ACT_ERRNO ENOSYS
  20: load argument 0, low half
  21: if == 0x0 goto 25 else 26
  22: load argument 0, low half
  23: if & 0x7e000000 goto 26 else 24
  24: return SCMP_ACT_TRACE 1
  25: return SCMP_ACT_ALLOW
  26: return SCMP_ACT_ERRNO EPERM
  27: return SCMP_ACT_KILL_THREAD
`
	if got := f.String(); got != want {
		t.Errorf("program:\n%s", got)
	}
}

// TestFlags are those of seccomp(2).
func TestFlags(t *testing.T) {
	notify := []specs.LinuxSyscall{{Names: []string{"read"}, Action: specs.ActNotify}}
	for _, test := range []struct {
		flags  []specs.LinuxSeccompFlag
		rules  []specs.LinuxSyscall
		want   uint32
		notify bool
	}{
		{nil, nil, 4, false},
		{[]specs.LinuxSeccompFlag{}, nil, 0, false},
		{[]specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG"}, nil, 2, false},
		{[]specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}, nil, 0, false},
		{[]specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}, notify, 40, true},
		{nil, notify, 12, true},
	} {
		f, err := Compile(&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: test.flags, Syscalls: test.rules, ListenerPath: "/x"}, specs.ArchX86_64)
		if err != nil || f.Flags != test.want || f.Notify != test.notify {
			t.Errorf("flags %v: %+v, %v", test.flags, f, err)
		}
	}
}

// TestEngineSizes keeps filters of engines' profiles small and quick.
func TestEngineSizes(t *testing.T) {
	for name, p := range engineProfiles(t) {
		code := compileFor(t, p, specs.ArchX86_64)
		most := 0
		for _, a := range collect(p).arches(specs.ArchX86_64) {
			probes(p, a, newMaker(1), func(in *seen) {
				_, steps, err := run(code, in, false)
				if err != nil {
					t.Fatal(err)
				}
				most = max(most, steps)
			})
		}
		if len(code) > 280 || most > 20 {
			t.Errorf("%s: %d instructions, %d at most executed", name, len(code), most)
		}
	}
}

// valid checks what the kernel does.
func valid(code []instruction) error {
	for i, in := range code {
		switch in.Code {
		case codeLoad:
			if in.K%4 != 0 || in.K >= 64 {
				return fmt.Errorf("%d: load from %d", i, in.K)
			}
		case codeJump:
			if uint64(i)+1+uint64(in.K) >= uint64(len(code)) {
				return fmt.Errorf("%d: jump out of the program", i)
			}
		case codeJEQ, codeJGE, codeJGT, codeJSET:
			if i+1+max(int(in.Jt), int(in.Jf)) >= len(code) {
				return fmt.Errorf("%d: jump out of the program", i)
			}
		case codeAnd, codeRet:
		default:
			return fmt.Errorf("%d: code %#x", i, in.Code)
		}
	}
	if len(code) == 0 || len(code) > MaxInstructions || code[len(code)-1].Code != codeRet {
		return fmt.Errorf("%d instructions, or no return at the end", len(code))
	}
	return nil
}

// FuzzCompile compiles any text that is a profile: there is an error, or a
// program that the kernel takes and that answers as Explain says.
func FuzzCompile(f *testing.F) {
	for i := range uint64(20) {
		b, _ := json.Marshal(newMaker(i).profile())
		f.Add(b, uint64(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		var p specs.LinuxSeccomp
		if json.Unmarshal(data, &p) != nil || len(Check(&p, specs.ArchX86_64)) > 0 {
			return
		}
		code, err := compileRules(&p, specs.ArchX86_64)
		if err != nil {
			return
		}
		if err := valid(code); err != nil {
			t.Fatal(err)
		}
		m := newMaker(seed)
		for range 20 {
			agree(t, &p, code, m)
		}
	})
}

// agree compares a program and Explain about a call.
func agree(t *testing.T, p *specs.LinuxSeccomp, code []instruction, m maker) {
	t.Helper()
	arches := collect(p).arches(specs.ArchX86_64)
	a, name := pick(m, arches), m.name()
	if len(p.Syscalls) > 0 && m.IntN(3) > 0 {
		name = pick(m, pick(m, p.Syscalls).Names)
	}
	args := []uint64{m.value(), m.value(), m.value(), m.value(), m.value(), m.value()}
	e, err := Explain(p, specs.ArchX86_64, a.name, name, args)
	if err != nil || e.Number < 0 {
		return
	}
	got, _, err := run(code, &seen{nr: uint32(e.Number), arch: a.audit, args: [6]uint64(args)}, false)
	if err != nil || answerText(got) != e.Answer {
		t.Errorf("%s %#x on %s: the program answers %s (%v), explained as %s", name, args, a.name, answerText(got), err, e)
	}
}

func TestExplainAgrees(t *testing.T) {
	for i := range uint64(60) {
		m := newMaker(i)
		m.anything = true
		p := m.profile()
		if code, err := compileRules(p, specs.ArchX86_64); err == nil {
			for range 300 {
				agree(t, p, code, m)
			}
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	p := engineProfiles(b)["docker-config-1.json"]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(p, Native()); err != nil {
			b.Fatal(err)
		}
	}
}
