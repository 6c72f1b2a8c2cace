package cli

import "testing"

func TestClosest(t *testing.T) {
	names := []string{"create", "start", "state", "stop", "delete", "list", "pid-file", "bundle"}
	for written, want := range map[string]string{
		"craete": "create", "delte": "delete", "del": "delete", "bundel": "bundle", "pidfile": "pid-file", "lst": "list",
		"stat": "", // as near to start as to state
		"x":    "", "": "", "frobnicate": "", "created!!!": "",
	} {
		if got := closest(written, names); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
	if got := meant("lst", names, "--"); got != "; did you mean --list?" {
		t.Error(got)
	}
}

func TestSuggestions(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"delte", "x"}, 3, "No help topic for 'delte'; did you mean delete?"},
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
