package idmap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func script(t *testing.T, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHelper(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()+"/out"
	script(t, dir, "good", `echo "$0 $*" $PATH >`+out, 0o755)
	script(t, dir, "bad", "echo uid range not allowed >&2; exit 3", 0o755)
	if err := help([]string{dir}, "good", 42, "0 1000 1\n1 100000 65535\n"); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(out)
	if want := dir + "/good 42 0 1000 1 1 100000 65535 /usr/bin:/bin\n"; string(got) != want {
		t.Errorf("the helper got %q, want %q", got, want)
	}
	err := help([]string{dir}, "bad", 42, "0 1 1\n")
	if err == nil || err.Error() != "bad: exit status 3, output: uid range not allowed" {
		t.Errorf("a failing helper: %v", err)
	}
}

func TestFind(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	want := script(t, b, "newuidmap", "", 0o755)
	if got, err := find([]string{a, b}, "newuidmap"); got != want || err != nil {
		t.Errorf("find = %q, %v, want %q", got, err, want)
	}
	if _, err := find([]string{a}, "newuidmap"); err == nil || !strings.Contains(err.Error(), a) || !strings.Contains(err.Error(), "isn't installed") {
		t.Errorf("find of a missing one = %v", err)
	}
	script(t, a, "newgidmap", "", 0o644)
	if _, err := find([]string{a, b}, "newgidmap"); !errors.Is(err, unix.EACCES) {
		t.Errorf("find of one that can't be executed = %v, want %v", err, unix.EACCES)
	}
}

func TestExplain(t *testing.T) {
	for text, want := range map[string]bool{"0 0 1\n": true, "1 5 1\n0 0 1\n": true, "0 1000 1\n": false, "0 10 1\n": false} {
		if got := strings.Contains(explain(unix.EPERM, text).Error(), "CAP_SETFCAP"); got != want {
			t.Errorf("%q: hint %v, want %v", text, got, want)
		}
	}
	if err := explain(unix.EINVAL, "0 0 1\n"); !errors.Is(err, unix.EINVAL) {
		t.Errorf("explain(EINVAL) = %v", err)
	}
}
