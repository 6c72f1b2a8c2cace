package device

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func ptr(n int64) *int64 { return &n }

func rule(allow bool, typ string, major, minor int64, access string) specs.LinuxDeviceCgroup {
	return specs.LinuxDeviceCgroup{Allow: allow, Type: typ, Major: ptr(major), Minor: ptr(minor), Access: access}
}

// cases are configurations with what they must and must not allow, and what v1
// can say of them.
var cases = []struct {
	name     string
	in       []specs.LinuxDeviceCgroup
	yes, no  string // "type major:minor access" lists
	v1       string // first two writes, or "error"
	attached bool
}{
	{
		"nothing configured", nil,
		"c1:3rw c1:8r c1:7w c5:0rw c1:5rwm c1:9r c136:7rw c5:2rw c10:200rw c254:0m b8:0m", "c5:1rw c1:1r c10:229rw b8:0r b8:0rm c254:0w",
		"devices.deny a, devices.allow c *:* m", true,
	},
	{
		"GHSA-g54h-m393-cpwq: no initial deny",
		[]specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "rwm")},
		"c1:3rwm", "b254:0r b254:0w c1:1r", "devices.deny a, devices.allow c *:* m", true,
	},
	{
		"docker's",
		[]specs.LinuxDeviceCgroup{{Access: "rwm"}, rule(true, "c", 1, 5, "rwm"), rule(false, "c", 10, 229, "rwm")},
		"c1:5rw c10:229m", "c10:229r b8:0r", "devices.deny a, devices.allow c *:* m", true,
	},
	{
		"privileged",
		[]specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}},
		"c1:1rwm b8:0rwm c10:229rw", "", "devices.deny a, devices.allow a", false,
	},
	{
		"everything but one",
		[]specs.LinuxDeviceCgroup{{Allow: true}, rule(false, "c", 10, 229, "rw")},
		"c1:1rw b8:0rw c10:228rw c10:229m", "c10:229r c10:229w c10:229rw", "devices.deny a, devices.allow a", true,
	},
	{
		"everything but a class",
		[]specs.LinuxDeviceCgroup{{Allow: true}, rule(false, "b", -1, -1, "rwm")},
		"c1:1rw b8:0m", "b8:0r b8:0w", "devices.deny a, devices.allow a", true,
	},
	{
		"a hole in a wildcard",
		[]specs.LinuxDeviceCgroup{{}, rule(true, "c", 10, -1, "rw"), rule(false, "c", 10, 229, "w")},
		"c10:228rw c10:229r c10:229m", "c10:229w c10:229rw c10:229rwm b8:0r", "error", true,
	},
	{
		"a hole that a default fills",
		[]specs.LinuxDeviceCgroup{rule(true, "c", 1, -1, "rw"), rule(false, "c", 1, 3, "rwm")},
		"c1:1rw c1:3rw", "c2:0r", "devices.deny a, devices.allow c 1:* rw", true,
	},
	{
		"overlapping wildcards add up",
		[]specs.LinuxDeviceCgroup{rule(true, "b", 8, -1, "r"), rule(true, "b", -1, 3, "w")},
		"b8:3rw b8:3rwm b8:2r b9:3w", "b8:2w b9:3r b9:2r", "devices.deny a, devices.allow b 8:* r", true,
	},
	{
		"the last one wins",
		[]specs.LinuxDeviceCgroup{rule(true, "b", 8, 0, "rw"), rule(false, "b", 8, 0, "r"), rule(true, "b", 8, 0, "r"), rule(false, "b", 8, 0, "w")},
		"b8:0r b8:0rm", "b8:0w b8:0rw", "devices.deny a, devices.allow b 8:0 r", true,
	},
	{"type a ignores the rest", []specs.LinuxDeviceCgroup{rule(true, "a", 1, 3, "r")}, "b8:0rwm", "", "devices.deny a, devices.allow a", false},
	{
		"large numbers",
		[]specs.LinuxDeviceCgroup{rule(true, "c", math.MaxUint32-1, 1<<31, "r")},
		fmt.Sprintf("c%d:%dr", uint32(math.MaxUint32-1), uint32(1<<31)), "c0:0r c1:1r", "devices.deny a, devices.allow c 4294967294:2147483648 r", true,
	},
}

func TestCases(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			list, err := Rules(c.in)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []bool{true, false} {
				requests := c.yes
				if !want {
					requests = c.no
				}
				for _, s := range strings.Fields(requests) {
					typ, major, minor, access := request(t, s)
					if got := list.Allowed(typ, major, minor, access); got != want {
						t.Errorf("Allowed(%s) = %v, want %v", s, got, want)
					}
				}
			}
			p := Compile(list)
			if got := p != nil; got != c.attached {
				t.Errorf("Compile() made a program: %v, want %v", got, c.attached)
			}
			writes, err := V1(list)
			got := "error"
			if err == nil {
				got = writes[0].File + " " + writes[0].Value + ", " + writes[1].File + " " + writes[1].Value
			}
			if got != c.v1 {
				t.Errorf("V1() = %s (%v), want %s", got, err, c.v1)
			}
		})
	}
}

func request(t *testing.T, s string) (typ byte, major, minor int64, access Access) {
	var letters string
	if _, err := fmt.Sscanf(s, "%c%d:%d%s", &typ, &major, &minor, &letters); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	access, err := parseAccess(letters)
	if err != nil {
		t.Fatal(err)
	}
	return typ, major, minor, access
}

func TestRulesRefuses(t *testing.T) {
	for _, c := range []struct {
		in   specs.LinuxDeviceCgroup
		want string
	}{
		{specs.LinuxDeviceCgroup{Type: "p"}, `linux.resources.devices[1].type: "p" is not a, b or c`},
		{specs.LinuxDeviceCgroup{Type: "c", Access: "xR"}, `linux.resources.devices[1].access: "xR" has none of r, w and m`},
		{rule(true, "c", -2, 0, ""), `linux.resources.devices[1].major: -2 is not a device number`},
		// The kernel's v1 files would take it as the wildcard.
		{rule(true, "c", 1, math.MaxUint32, ""), `linux.resources.devices[1].minor: 4294967295 is not a device number`},
	} {
		_, err := Rules([]specs.LinuxDeviceCgroup{{}, c.in})
		if err == nil || err.Error() != c.want {
			t.Errorf("Rules(%v) = %v, want %s", c.in, err, c.want)
		}
	}
}

func TestV1NeverOpensBeforeItDenies(t *testing.T) {
	for _, c := range cases {
		list, err := Rules(c.in)
		if err != nil {
			t.Fatal(err)
		}
		writes, err := V1(list)
		if err != nil {
			continue
		}
		for i, w := range writes {
			if i == 0 && (w.File != "devices.deny" || w.Value != "a") {
				t.Errorf("%s: the first write is %v", c.name, w)
			}
			if i > 1 && w.Value == "a" {
				t.Errorf("%s: everything again at write %d", c.name, i)
			}
		}
	}
}

// decode makes rules of fuzz input, four bytes each, with few enough devices
// that they meet.
func decode(data []byte) []specs.LinuxDeviceCgroup {
	var in []specs.LinuxDeviceCgroup
	for c := range slices.Chunk(data, 4) {
		if len(c) < 4 || len(in) == 24 {
			break
		}
		types := []string{"c", "b", "c", "b", "c", "b", "c", "a"}
		access := []string{"", "r", "w", "m", "rw", "rm", "wm", "rwm"}
		numbers := []int64{-1, 0, 1, 3, 5, 136, math.MaxUint32 - 1, 4095}
		in = append(in, rule(c[0]&8 != 0, types[c[0]&7], numbers[c[1]&7], numbers[c[2]&7], access[c[3]&7]))
	}
	return in
}

// FuzzAgree compares the evaluator with the program as run by an interpreter,
// and with the v1 writes as the kernel's devices controller takes them.
func FuzzAgree(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{15, 0, 0, 0, 0, 1, 3, 7})
	f.Add([]byte{8, 2, 0, 4, 0, 2, 3, 2, 9, 0, 4, 1, 9, 4, 0, 2})
	f.Add([]byte{15, 0, 0, 0, 1, 0, 0, 7, 7, 0, 0, 0, 8, 1, 1, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		in := decode(data)
		list, err := Rules(in)
		if err != nil {
			t.Fatal(err)
		}
		var plain List
		for i := range in {
			r, _ := parse(&in[i])
			plain = append(plain, r)
		}
		plain = append(plain, defaults[:]...)
		program := Compile(list)
		v1, v1err := V1(list)
		model := v1Model{}
		for _, w := range v1 {
			model.write(t, w.File, w.Value)
		}
		// The largest major and the largest minor of a dev_t are among them.
		numbers := []int64{0, 1, 2, 3, 5, 136, 4095, 1<<20 - 1}
		for _, typ := range []byte{Block, Char} {
			for _, major := range numbers {
				if major > 4095 {
					continue
				}
				for _, minor := range numbers {
					for access := Access(1); access <= full; access++ {
						what := fmt.Sprintf("%c %d:%d %v under %v", typ, major, minor, access, list)
						want := list.Allowed(typ, major, minor, access)
						if got := plain.Allowed(typ, major, minor, access); got != want {
							t.Fatalf("%s: unpruned = %v, want %v", what, got, want)
						}
						if got := program == nil || interpret(t, program, typ, major, minor, access); got != want {
							t.Fatalf("%s: program = %v, want %v", what, got, want)
						}
						// No system call asks v1 for a node and its content at once.
						if v1err == nil && (access == Mknod || access&Mknod == 0) && model.allowed(typ, major, minor, access) != want {
							t.Fatalf("%s: v1 = %v, want %v; writes %v", what, !want, want, v1)
						}
					}
				}
			}
		}
	})
}

func TestTooManyRules(t *testing.T) {
	in := make([]specs.LinuxDeviceCgroup, maxRules+1)
	if _, err := Rules(in); err == nil || !strings.HasPrefix(err.Error(), "linux.resources.devices: ") {
		t.Errorf("Rules() of %d = %v, want an error", len(in), err)
	}
	// As many as are accepted stay within a jump's reach, and agree.
	in = in[:0]
	for i := range int64(maxRules) {
		in = append(in, rule(i%3 != 0, "c", 200+i%7, i, "rw"))
	}
	list, err := Rules(in)
	if err != nil {
		t.Fatal(err)
	}
	p := Compile(list)
	for i := range int64(maxRules) {
		if got, want := interpret(t, p, Char, 200+i%7, i, Read), i%3 != 0; got != want || list.Allowed(Char, 200+i%7, i, Read) != want {
			t.Fatalf("rule %d: program %v, want %v", i, got, want)
		}
	}
}

// BenchmarkLoad is what a v2 container pays for the default rules.
func BenchmarkLoad(b *testing.B) {
	list, err := Rules(nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		fd, err := load(Compile(list).Encode())
		if err != nil {
			b.Skipf("the kernel refuses device programs: %v", err)
		}
		unix.Close(fd)
	}
}
