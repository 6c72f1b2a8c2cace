package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultRoot(t *testing.T) {
	const own = "/run/user/1000"
	for _, c := range []struct {
		name       string
		euid       int
		userNS     bool
		user       string
		runtimeDir string
		want       string
	}{
		{"root", 0, false, "root", "", systemRoot},
		{"root with a runtime directory", 0, false, "root", own, systemRoot},
		{"root without USER", 0, false, "", own, systemRoot},
		{"root by sudo", 0, false, "me", own, systemRoot},
		{"root of a user namespace", 0, true, "me", own, own + "/rung"},
		{"root of a user namespace without USER", 0, true, "", own, own + "/rung"},
		{"root of a user namespace that says it is root", 0, true, "root", own, systemRoot},
		{"root of a user namespace without a runtime directory", 0, true, "me", "", systemRoot},
		{"user", 1000, false, "me", own, own + "/rung"},
		{"user without USER", 1000, false, "", own, own + "/rung"},
		{"user called root", 1000, false, "root", own, own + "/rung"},
		{"user in a user namespace", 1000, true, "me", own, own + "/rung"},
		{"user without a runtime directory", 1000, false, "me", "", systemRoot},
	} {
		got, mine := caller{c.euid, func() bool { return c.userNS }, c.user, c.runtimeDir}.root()
		if got != c.want || mine != (c.want != systemRoot) {
			t.Errorf("%s: root() = %q, %v, want %q", c.name, got, mine, c.want)
		}
	}
}

func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for root, want := range map[string]string{
		"/x": "/x", "/x/../y/": "/y", "x": filepath.Join(dir, "x"), ".": dir,
	} {
		if got, err := (&globals{root: root}).directory(); got != want || err != nil {
			t.Errorf("directory() of %q = %q, %v, want %q", root, got, err, want)
		}
	}
	for _, root := range []string{"/", "//", "/x/..", "/.."} {
		if got, err := (&globals{root: root}).directory(); err == nil {
			t.Errorf("directory() of %q = %q, want an error", root, got)
		}
	}
}

// The directory must not be cleaned up with the rest of XDG_RUNTIME_DIR, nor be
// open to others.
func TestMakeRoot(t *testing.T) {
	dir := t.TempDir()
	c := caller{1000, func() bool { return false }, "", dir}
	for range 2 { // it may exist
		if err := makeRoot(c); err != nil {
			t.Fatalf("makeRoot() = %v", err)
		}
	}
	st, err := os.Stat(filepath.Join(dir, "rung"))
	if err != nil {
		t.Fatal(err)
	}
	if want := os.ModeDir | os.ModeSticky | 0o700; st.Mode() != want {
		t.Errorf("mode = %v, want %v", st.Mode(), want)
	}
}

// An ordinary user without a runtime directory is told what is missing.
func TestMakeRootWithout(t *testing.T) {
	never := func() bool { return false }
	for dir, want := range map[string]string{"": "XDG_RUNTIME_DIR isn't set", "rel": `XDG_RUNTIME_DIR is "rel", which isn't an absolute path`} {
		if err := makeRoot(caller{1000, never, "", dir}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a user with XDG_RUNTIME_DIR=%q: %v, want %s", dir, err, want)
		}
	}
	for _, c := range []caller{{0, never, "", ""}, {0, never, "", "/run/user/0"}} {
		if err := makeRoot(c); err != nil {
			t.Errorf("root: %v", err)
		}
	}
}

func TestRootlessOption(t *testing.T) {
	for _, c := range []struct {
		word   string
		euid   int
		userNS bool
		want   bool
	}{
		{"auto", 0, false, false},
		{"", 0, false, false},
		{"auto", 1000, false, true},
		{"auto", 0, true, true},
		{"true", 0, false, true},
		{"1", 0, false, true},
		{"false", 1000, false, false},
		{"f", 0, true, false},
	} {
		got := (&globals{rootless: c.word}).withoutPrivileges(caller{euid: c.euid, userNS: func() bool { return c.userNS }})
		if got != c.want {
			t.Errorf("--rootless=%s, euid %d, in a user namespace %v: %v, want %v", c.word, c.euid, c.userNS, got, c.want)
		}
	}
}
