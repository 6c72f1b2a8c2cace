package cli

import "testing"

func TestSuggestions(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"delte", "x"}, 3, "No help topic for 'delte'; did you mean delete?"},
		{[]string{"help", "delte"}, 3, "No help topic for 'delte'; did you mean delete?"},
		{[]string{"kill", "x", "SIGTREM"}, 1, "unknown signal \"SIGTREM\"; did you mean TERM?"},
		{[]string{"kill", "x", "FOO"}, 1, "unknown signal \"FOO\""},
		{[]string{"frobnicate"}, 3, "No help topic for 'frobnicate'"},
		{[]string{"create", "--bundel", "x", "y"}, 1, "flag provided but not defined: -bundel; did you mean --bundle?\nSee 'rung create --help'."},
		{[]string{"create", "--frobnicate", "y"}, 1, "flag provided but not defined: -frobnicate\nSee 'rung create --help'."},
	} {
		code, _, stderr := call(t, append([]string{"--log", t.TempDir() + "/log"}, c.args...)...)
		if code != c.code || stderr != c.want+"\n" {
			t.Errorf("%q: code %d, stderr %q, want %d and %q", c.args, code, stderr, c.code, c.want)
		}
	}
}
