package user

import (
	"math/big"
	"strings"
	"testing"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestParse(t *testing.T) {
	id := func(n uint32) Ref { return Ref{ID: n} }
	name := func(s string) Ref { return Ref{Name: s} }
	for text, want := range map[string]Spec{
		"0":                     {User: id(0)},
		"1000":                  {User: id(1000)},
		"01":                    {User: id(1)},
		"000000000000000000007": {User: id(7)},
		"4294967294":            {User: id(4294967294)},
		"0:0":                   {User: id(0), Group: id(0), HasGroup: true},
		"1000:4294967294":       {User: id(1000), Group: id(4294967294), HasGroup: true},
		"root":                  {User: name("root")},
		"www-data:33":           {User: name("www-data"), Group: id(33), HasGroup: true},
		"5:daemon":              {User: id(5), Group: name("daemon"), HasGroup: true},
		"a.b_c@d-e:f$":          {User: name("a.b_c@d-e"), Group: name("f$"), HasGroup: true},
		`AD\joe`:                {User: name(`AD\joe`)},
		"_apt":                  {User: name("_apt")},
	} {
		got, err := Parse(text)
		if got.text = ""; err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, cause := range map[string]string{
		"":                       "the user is empty",
		":":                      "the user is empty",
		":1":                     "the user is empty",
		"1000:":                  "the group is empty",
		"root:":                  "the group is empty",
		"4294967295":             "the user: not in the range 0 to 4294967294",
		"4294967296":             "the user: not in the range 0 to 4294967294",
		"18446744073709551616":   "the user: not in the range 0 to 4294967294",
		"18446744073709551617":   "the user: not in the range 0 to 4294967294",
		strings.Repeat("9", 500): "the user: not in the range 0 to 4294967294",
		"0:4294967295":           "the group: not in the range 0 to 4294967294",
		"-1":                     "the user: not a decimal number",
		"+1":                     "the user: not a decimal number",
		"0:-1":                   "the group: not a decimal number",
		"0:+0":                   "the group: not a decimal number",
		"-":                      "the user: not a decimal number",
		"0x10":                   "the user: not a decimal number",
		"1e3":                    "the user: not a decimal number",
		"1_000":                  "the user: not a decimal number",
		"1.0":                    "the user: not a decimal number",
		"1000x":                  "the user: not a decimal number",
		"1 ":                     "the user: not a decimal number",
		"1\n":                    "the user: not a decimal number",
		"1\x00":                  "the user: not a decimal number",
		"1:2:3":                  "the group: not a decimal number",
		" 1":                     "the user is neither a number nor a name",
		"0: 1":                   "the group is neither a number nor a name",
		"root:root:root":         "the group is neither a number nor a name",
		"ro ot":                  "the user is neither a number nor a name",
		"root\n":                 "the user is neither a number nor a name",
		"root\x00":               "the user is neither a number nor a name",
		"../root":                "the user is neither a number nor a name",
		"a/b":                    "the user is neither a number nor a name",
		"a,b":                    "the user is neither a number nor a name",
		"rööt":                   "the user is neither a number nor a name",
		"١":                      "the user is neither a number nor a name", // ARABIC-INDIC DIGIT ONE
		"１":                      "the user is neither a number nor a name", // FULLWIDTH DIGIT ONE
		".":                      "the user is neither a number nor a name",
		"$x":                     "the user is neither a number nor a name",
		strings.Repeat("a", 257): "the user is neither a number nor a name",
	} {
		got, err := Parse(text)
		if err == nil || !strings.HasPrefix(err.Error(), `invalid user "`) || !strings.HasSuffix(err.Error(), `": `+cause) || got != (Spec{}) {
			t.Errorf("Parse(%q) = %+v, %v, want %s", text, got, err, cause)
		} else if strings.ContainsAny(err.Error(), "\n\x00") || len(err.Error()) > 300 {
			t.Errorf("Parse(%q): %q isn't a short line", text, err)
		}
	}
}

func TestNumeric(t *testing.T) {
	for _, tt := range []struct {
		text            string
		uid, gid        uint32
		hasGID, numbers bool
	}{
		{"7", 7, 0, false, true},
		{"7:8", 7, 8, true, true},
		{"root", 0, 0, false, false},
		{"7:root", 7, 0, true, false},
		{"root:7", 0, 7, true, false},
	} {
		s, err := Parse(tt.text)
		if err != nil || s.User.ID != tt.uid || s.Group.ID != tt.gid || s.HasGroup != tt.hasGID || s.NeedsFiles() == tt.numbers {
			t.Errorf("%s: %+v, %v", tt.text, s, err)
		}
	}
}

func TestParseGroups(t *testing.T) {
	if got, err := ParseGroups([]string{"10", "020", "10", "4294967294"}); err != nil || len(got) != 4 ||
		got[0] != 10 || got[1] != 20 || got[2] != 10 || got[3] != 4294967294 {
		t.Errorf("ParseGroups = %v, %v", got, err)
	}
	if got, err := ParseGroups(nil); err != nil || len(got) != 0 {
		t.Errorf("ParseGroups of none = %v, %v", got, err)
	}
	for _, bad := range []string{"", "-1", "+1", " 1", "1,2", "1:2", "4294967295", "4294967296", "staff", "0x1"} {
		if got, err := ParseGroups([]string{"1", bad}); err == nil || got != nil || !strings.HasPrefix(err.Error(), "invalid additional group ") {
			t.Errorf("ParseGroups(%q) = %v, %v", bad, got, err)
		}
	}
	many := make([]string, 65536)
	for i := range many {
		many[i] = "1"
	}
	if _, err := ParseGroups(many); err != nil {
		t.Errorf("ParseGroups of 65536: %v", err)
	}
	if _, err := ParseGroups(append(many, "1")); err == nil {
		t.Error("ParseGroups takes more than the kernel does")
	}
}

// wantID is what a number means, worked out another way; ok is false for what
// isn't one.
func wantID(s string) (id uint32, ok bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok || n.Cmp(big.NewInt(4294967294)) > 0 {
		return 0, false
	}
	return uint32(n.Uint64()), true
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "1000:1000", "4294967295", "18446744073709551616", "root:5", "-1", "0x1", "a:b:c", ":", "00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00") {
				t.Errorf("Parse(%q): %q isn't a line", text, err)
			}
			if _, ok := wantID(text); ok {
				t.Errorf("Parse(%q) refuses a number: %v", text, err)
			}
			return
		}
		user, group, has := strings.Cut(text, ":")
		if s.HasGroup != has {
			t.Errorf("Parse(%q) = %+v", text, s)
		}
		check := func(part string, got Ref) {
			id, ok := wantID(part)
			if ok && got != (Ref{ID: id}) || !ok && got != (Ref{Name: part}) {
				t.Errorf("Parse(%q): %q is %+v", text, part, got)
			}
			if got.Name != "" && (strings.ContainsAny(got.Name, ": \t\n\x00/,+") || isDigit(got.Name[0])) {
				t.Errorf("Parse(%q) takes %q for a name", text, got.Name)
			}
		}
		check(user, s.User)
		if has {
			check(group, s.Group)
		}
	})
}
