//go:build libseccomp

package seccomp

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

var generated = flag.Int("generated", 300, "how many profiles to generate")

// TestSameAsLibseccomp compares what our filters and libseccomp's answer.
func TestSameAsLibseccomp(t *testing.T) {
	var total tally
	for name, p := range engineProfiles(t) {
		t.Run(name, func(t *testing.T) { total.compare(t, p, newMaker(1)) })
	}
	for name, p := range operatorProfiles() {
		t.Run(name, func(t *testing.T) { total.compare(t, p, newMaker(1)) })
	}
	for i := range *generated {
		m := newMaker(uint64(i))
		m.big = i%4 == 3
		total.compare(t, m.profile(), m)
	}
	fmt.Printf("libseccomp %s: %d profiles (%d refused by both), %d of %d architectures, %d calls compared, %d differences\n",
		Library(), total.profiles, total.refused, len(total.arches), len(arches), total.calls, total.differences)
	if total.profiles < 50 || len(total.arches) < len(arches) {
		t.Errorf("only %d profiles of %v", total.profiles, total.arches)
	}
}

func FuzzSameAsLibseccomp(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		m := newMaker(seed)
		m.big = seed%4 == 3
		new(tally).compare(t, m.profile(), m)
	})
}

type tally struct {
	profiles, refused, calls, differences int
	arches                                map[specs.Arch]bool
}

func (n *tally) compare(t testing.TB, p *specs.LinuxSeccomp, m maker) {
	t.Helper()
	n.profiles++
	native := Native()
	if m.big {
		native = p.Architectures[0]
	}
	big := findArch(native).big
	if list := Check(p, native); len(list) > 0 {
		t.Fatal(list[0])
	}
	ours, err := compileRules(p, native)
	theirs, lerr := library(p, native)
	if (err == nil) != (lerr == nil) {
		n.differences++
		t.Errorf("we say %v, libseccomp %v, of %s", err, lerr, text(p))
		return
	}
	if err != nil {
		n.refused++
		return
	}
	s := collect(p)
	failed := 0
	check := func(a *arch) {
		probes(p, a, m, func(in *seen) {
			n.calls++
			got, _, err := run(ours, in, big)
			want, _, lerr := run(theirs, in, big)
			if err != nil || lerr != nil || got != want {
				n.differences++
				if failed++; failed <= 1 {
					t.Errorf("%s\n%v: we answer %s (%v), libseccomp %s (%v)", about(p, a, in), in, answerText(got), err, answerText(want), lerr)
				}
			}
		})
	}
	list := s.arches(native)
	for _, a := range list {
		check(a)
		if n.arches == nil {
			n.arches = make(map[specs.Arch]bool)
		}
		n.arches[a.name] = true
	}
	foreign := arches[12]
	check(&foreign)
	if failed > 0 {
		t.Errorf("%d differences", failed)
	}
}

// TestLibseccompMistakes says how often libseccomp answers otherwise than a
// profile says, where profiles may have anything. We never do, see TestMeaning.
func TestLibseccompMistakes(t *testing.T) {
	var ours, theirs judge
	wrong := 0
	for i := range *generated / 10 {
		m := newMaker(uint64(i))
		m.anything = true
		p := m.profile()
		p.Architectures = nil
		code, err := compileRules(p, Native())
		library, lerr := compileByLibrary(p, Native())
		if err != nil || lerr != nil {
			continue
		}
		ours.profile(t, p, Native(), newMaker(7), code)
		before := theirs.wrong
		theirs.quiet = true
		theirs.profile(t, p, Native(), newMaker(7), library)
		if theirs.wrong > before {
			wrong++
		}
	}
	fmt.Printf("of %d calls of %d profiles: libseccomp answers %d otherwise than its profile says, of %d profiles; we %d\n",
		ours.calls, ours.profiles, theirs.wrong, wrong, ours.wrong)
}

func BenchmarkLibseccomp(b *testing.B) {
	p := engineProfiles(b)["docker-config-1.json"]
	for b.Loop() {
		if _, err := compileByLibrary(p, Native()); err != nil {
			b.Fatal(err)
		}
	}
}

// library compiles by libseccomp for any machine.
func library(p *specs.LinuxSeccomp, native specs.Arch) ([]instruction, error) {
	if !findArch(native).big {
		return compileByLibrary(p, native)
	}
	raw, err := libraryProgram(p, func(f *libseccomp.ScmpFilter) error {
		a, err := libseccomp.GetArchFromString(scmpArch(native))
		if err != nil {
			return err
		}
		return errors.Join(f.RemoveArch(libseccomp.ArchNative), f.AddArch(a))
	})
	if err != nil {
		return nil, err
	}
	possible := map[uint32]bool{0: true, answer(p.DefaultAction, p.DefaultErrnoRet): true}
	for _, s := range p.Syscalls {
		possible[answer(s.Action, s.ErrnoRet)] = true
	}
	code := youngProgram(p, native)
	for b := range slices.Chunk(raw, unix.SizeofSockFilter) {
		in := decode(b, binary.BigEndian)
		if in.Code == codeRet && !possible[in.K] {
			in.K = bits.ReverseBytes32(in.K) // libseccomp 2.6.0 swaps copies of returns twice
		}
		code = append(code, in)
	}
	return code, nil
}

// operatorProfiles have every operator with every edge value, on different
// arguments, and with masks.
func operatorProfiles() map[string]*specs.LinuxSeccomp {
	profiles := make(map[string]*specs.LinuxSeccomp)
	for i, o := range operators {
		p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86, specs.ArchX32}}
		names := []string{"read", "socket", "clone", "semctl", "personality", "mmap", "futex", "recvmsg", "prctl", "ioctl", "kcmp"}
		for j, v := range edges {
			a := specs.LinuxSeccompArg{Index: uint((i + j) % 6), Op: o.name, Value: v}
			if o.op == opMasked {
				a.ValueTwo = v & edges[(j*7+3)%len(edges)]
			}
			action := []specs.LinuxSeccompAction{specs.ActAllow, specs.ActLog, specs.ActTrap}[j%3]
			p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: []string{names[j%len(names)]}, Action: action, Args: []specs.LinuxSeccompArg{a}})
			if j%len(names) == j { // the same action for all of a name
				continue
			}
			p.Syscalls[j].Action = p.Syscalls[j%len(names)].Action
		}
		profiles["operator "+string(o.name)] = p
	}
	many := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86}}
	for i := range uint64(60) {
		a := specs.LinuxSeccompArg{Index: 1, Op: specs.OpEqualTo, Value: i*i | i%4<<32}
		s := specs.LinuxSyscall{Names: []string{"ioctl"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{a}}
		if i%5 == 0 {
			s.Args = append(s.Args, specs.LinuxSeccompArg{Index: 2, Op: specs.OpGreaterThan, Value: i})
		}
		many.Syscalls = append(many.Syscalls, s)
	}
	profiles["many values"] = many
	return profiles
}
