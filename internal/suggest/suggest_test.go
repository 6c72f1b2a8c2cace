package suggest

import (
	"strings"
	"testing"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestClosest(t *testing.T) {
	names := []string{"create", "start", "state", "stop", "delete", "list", "pid-file", "bundle"}
	for written, want := range map[string]string{
		"craete": "create", "delte": "delete", "del": "delete", "bundel": "bundle", "pidfile": "pid-file", "lst": "list",
		"stat": "", // as near to start as to state
		"x":    "", "": "", "frobnicate": "", "created!!!": "",
	} {
		if got := Closest(written, names); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
	limits := []string{"RLIMIT_AS", "RLIMIT_NOFILE", "RLIMIT_NPROC"}
	for written, want := range map[string]string{
		"RLIMIT_NOFILES": "RLIMIT_NOFILE", "RLIMIT_X": "", "rlimit_nproc": "RLIMIT_NPROC", "RLIMT_NPROC": "RLIMIT_NPROC", "RLIMIT_": "",
	} {
		if got := Closest(written, limits); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
	if got := Closest("x", nil); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	if got := shared([]string{"SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ACT_LOG"}); got != "SCMP_" {
		t.Errorf("shared: %q", got)
	}
	if got := Closest(strings.Repeat("x", 41), []string{strings.Repeat("x", 41) + "y"}); got != "" {
		t.Errorf("of a long name: %q", got)
	}
}

func TestMeant(t *testing.T) {
	if got := Meant("nfs", []string{"nfs", "nfs4"}, ""); got != "" {
		t.Errorf("of one of the names: %q", got)
	}
	if got := Meant("foo", []string{"rro"}, ""); got != "" {
		t.Error(got)
	}
	if got := Meant("lst", []string{"list"}, "--"); got != "; did you mean --list?" {
		t.Error(got)
	}
	if got := Meant("frobnicate", []string{"list"}, "--"); got != "" {
		t.Error(got)
	}
}
