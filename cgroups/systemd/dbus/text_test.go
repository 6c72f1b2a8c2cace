package dbus

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, signature, want string }{
		{"true", "b", "true"},
		{"false", "b", "false"},
		{"5", "i", "5"},
		{" -5 ", "i", "-5"},
		{"0x10", "i", "16"},
		{"2.5", "d", "2.5"},
		{"1e3", "d", "1000"},
		{"uint64 18446744073709551615", "t", "18446744073709551615"},
		{"@t 5", "t", "5"},
		{"byte 0xff", "y", "255"},
		{"int16 -32768", "n", "-32768"},
		{"uint16 65535", "q", "65535"},
		{"uint32 7", "u", "7"},
		{"int64 -1", "x", "-1"},
		{"double 5", "d", "5"},
		{"'inactive-or-failed'", "s", `"inactive-or-failed"`},
		{`"a 'b'"`, "s", `"a 'b'"`},
		{`'it\'s\n'`, "s", `"it's\n"`},
		{"objectpath '/a'", "o", `"/a"`},
		{"['a.service', 'b.service']", "as", `["a.service", "b.service"]`},
		{"@as []", "as", "[]"},
		{"[uint32 1, 2]", "au", "[1, 2]"},
		{"@au [1, 2]", "au", "[1, 2]"},
		{"[1, 2]", "ai", "[1, 2]"},
		{"('a', uint64 5)", "(st)", `("a", 5)`},
		{"[('a', true), ('b', false)]", "a(sb)", `[("a", true), ("b", false)]`},
	} {
		v, err := Parse(c.text)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.text, err)
			continue
		}
		if v.Signature() != c.signature || v.String() != c.want {
			t.Errorf("Parse(%q) = %s %s, want %s %s", c.text, v.Signature(), v, c.signature, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "yes", "5 6", "'a", "[", "[1", "[1,", "[]", "()", "[1, 'a']", "(1", "byte 256", "uint64 -1", "int32 2147483648", "@", "@t",
		"@q", "@ab 5", "@zz 5", "uint64 'a'", "string 5", "{'a': 1}", "<5>", "'\x00'", "'\xff'", "\xff", "nan!", "@as ['a', 5]", strings.Repeat("[", 100), "uint64", "b true",
	} {
		if v, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %s, want an error", text, v)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"['a', \"b\"]", "@t 5", "(1, 2.5, true)", "uint64 5", "[[1]]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text)
		if err != nil {
			return
		}
		if len(v.Signature()) == 0 {
			t.Errorf("Parse(%q) has no type", text)
		}
		v.encode(nil)
	})
}
