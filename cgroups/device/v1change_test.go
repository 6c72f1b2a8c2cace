package device

import (
	"slices"
	"testing"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// everything calls f for enough accesses that every pair of lists that decode
// makes differs in one of them.
func everything(f func(typ byte, major, minor int64, access Access)) {
	numbers := []int64{0, 1, 3, 5, 136, 4095}
	for _, typ := range []byte{Block, Char} {
		for _, major := range numbers {
			for _, minor := range numbers {
				for _, access := range []Access{Mknod, Read, Write, Read | Write} {
					f(typ, major, minor, access)
				}
			}
		}
	}
}

// FuzzV1Change goes from one list to another in a model of the kernel, looks at
// what is allowed after each write, and goes back from the middle.
func FuzzV1Change(f *testing.F) {
	f.Add([]byte{8, 1, 3, 1}, []byte{8, 1, 3, 2}, uint8(1))
	f.Add([]byte{15, 0, 0, 0, 0, 1, 3, 7}, []byte{15, 0, 0, 0, 0, 2, 3, 7}, uint8(2))
	f.Add([]byte{15, 0, 0, 0}, []byte{8, 1, 1, 3, 8, 1, 0, 1}, uint8(9))
	f.Add([]byte{8, 4, 0, 1}, []byte{15, 0, 0, 0, 0, 4, 4, 7}, uint8(1))
	f.Add([]byte{8, 1, 3, 1, 8, 1, 0, 2}, []byte{8, 0, 0, 1, 8, 1, 3, 2, 9, 2, 2, 7}, uint8(2))
	f.Fuzz(func(t *testing.T, before, after []byte, fail uint8) {
		oldRules, _ := Rules(decode(before))
		newRules, _ := Rules(decode(after))
		from, err := oldRules.V1(len(oldRules) > 0 && oldRules[0].Type == All)
		if err != nil {
			t.Skip(err)
		}
		to, err := newRules.V1(from.Allow)
		if err != nil {
			t.Skip(err)
		}
		writes, unsafe := V1Change(from, to)
		apply := func(writes []cgfile.Write, look bool) *v1Model {
			m := &v1Model{allow: from.Allow, exceptions: slices.Clone(from.Exceptions)}
			for i, w := range writes {
				m.write(t, w.File, w.Value)
				if !look || unsafe {
					continue
				}
				everything(func(typ byte, major, minor int64, access Access) {
					if m.allowed(typ, major, minor, access) && !oldRules.Allowed(typ, major, minor, access) && !newRules.Allowed(typ, major, minor, access) {
						t.Fatalf("after %d of %v: %c %d:%d %v is allowed, by neither %v nor %v", i+1, writes, typ, major, minor, access, oldRules, newRules)
					}
				})
			}
			return m
		}
		agree := func(m *v1Model, want List, what any) {
			everything(func(typ byte, major, minor int64, access Access) {
				if m.allowed(typ, major, minor, access) != want.Allowed(typ, major, minor, access) {
					t.Fatalf("%v leads to another answer for %c %d:%d %v than %v", what, typ, major, minor, access, want)
				}
			})
		}
		agree(apply(writes, true), newRules, writes)
		back, _ := V1Change(to, from)
		half := slices.Concat(writes[:int(fail)%(len(writes)+1)], back)
		agree(apply(half, false), oldRules, half)
	})
}

func TestParseV1(t *testing.T) {
	const text = "c *:* m\nb *:* m\nc 1:3 rwm\nb 8:* r\n"
	got, err := ParseV1(text, nil)
	want := V1State{false, List{{true, Char, Any, Any, Mknod}, {true, Block, Any, Any, Mknod}, {true, Char, 1, 3, full}, {true, Block, 8, Any, Read}}}
	if err != nil || got.Allow || !slices.Equal(got.Exceptions, want.Exceptions) {
		t.Errorf("ParseV1() = %v, %v, want %v", got, err, want)
	}
	known, _ := Rules(decode([]byte{15, 0, 0, 0, 0, 4, 3, 7}))
	if got, err := ParseV1("a *:* rwm\n", known); err != nil || !got.Allow || len(got.Exceptions) != 1 {
		t.Errorf("ParseV1() of a default = %v, %v, want the exception known", got, err)
	}
	for _, bad := range []string{"x 1:3 r", "c 1 r", "c 1:3", "c 1:3 z", "c a:b r", "cc 1:3 r"} {
		if got, err := ParseV1(bad, nil); err == nil {
			t.Errorf("ParseV1(%q) = %v, want an error", bad, got)
		}
	}
}
