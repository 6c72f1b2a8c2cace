package preview

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestCompare(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"", "", ""},
		{"a b c", "a b c", ""},
		{"", "a b", "+a +b"},
		{"a b", "", "-a -b"},
		{"a b c", "a x c", "-b +x"},
		{"a b c d", "b c d e", "-a +e"},
		{"a b a b", "b a b a", "-a +a"},
	} {
		var got []string
		for _, ch := range compare(strings.Fields(c.a), strings.Fields(c.b)) {
			got = append(got, ch.Op+ch.Line)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%q and %q: %q, want %q", c.a, c.b, text, c.want)
		}
	}
}

// TestCompareAny takes lists by chance.
func TestCompareAny(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	list := func() (l []string) {
		for range r.IntN(12) {
			l = append(l, strconv.Itoa(r.IntN(5)))
		}
		return l
	}
	for range 2000 {
		a, b := list(), list()
		common := slices.Clone(a)
		for _, c := range compare(a, b) {
			if c.Op == "-" {
				i := slices.Index(common, c.Line)
				if i < 0 {
					t.Fatalf("%v and %v: %v isn't there", a, b, c)
				}
				common = slices.Delete(common, i, i+1)
			}
		}
		// What is neither taken nor given is common, and in the same order.
		minus, plus := 0, 0
		for _, c := range compare(a, b) {
			if c.Op == "-" {
				minus++
			} else {
				plus++
			}
		}
		if len(a)-minus != len(b)-plus || len(common) != len(a)-minus {
			t.Fatalf("%v and %v: %d of the one and %d of the other are left", a, b, len(a)-minus, len(b)-plus)
		}
	}
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{"a/b=c": "a/b=c", "": `""`, "a b": `"a b"`, "é": "é", "\u2028": `"\u2028"`, "a\nb": `"a\nb"`, "\xff": `"\xff"`, `"`: `"\""`} {
		if got := quoted(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// TestFinal says which flags the clone of a mount with flags has.
func TestFinal(t *testing.T) {
	const host = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	for words, want := range map[string]string{
		"":                  "nosuid,nodev",
		"ro":                "ro",
		"ro nosuid":         "ro,nosuid",
		"dev":               "",
		"rro":               "ro,nosuid,nodev",
		"rnoexec noatime":   "noexec,noatime",
		"rdev":              "nosuid",
		"strictatime":       "strictatime",
		"nosymfollow rsuid": "nosymfollow",
	} {
		o, err := option.Parse(strings.Fields(words))
		if err != nil {
			t.Fatal(err)
		}
		s := &step.Source{Attr: o.Attr, RecAttr: o.RecAttr, Flags: step.Flags{Field: "mounts[0].options", Named: o.Named}}
		if got := strings.Join(flags(final(s, host)), ","); got != want {
			t.Errorf("%q: %s, want %s", words, got, want)
		}
	}
}

// Programs of the same length that differ are told apart.
func TestProgramsDiffer(t *testing.T) {
	of := func(code string) *Preview {
		p := &Preview{Cgroup: cgroup(&Input{Host: &plan.Host{Layout: &cgroups.Layout{}}, Forecast: &cgroups.Forecast{Program: 1, Code: []byte(code)}})}
		p.Seccomp = &Seccomp{Instructions: 1, Digest: sum([]byte(code))}
		return p
	}
	if list := Diff(of("12345678"), of("12345678")); len(list) != 0 {
		t.Errorf("of the same programs: %v", list)
	}
	var got []string
	for _, c := range Diff(of("12345678"), of("12345679")) {
		got = append(got, c.Section+c.Op)
	}
	if text := strings.Join(got, " "); text != "cgroup- cgroup+ seccomp- seccomp+" {
		t.Error(text)
	}
}
