package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// A build knows its commit also where root builds in somebody else's clone, which git
// refuses to look into.
func TestCommit(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to be somebody else")
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git isn't installed")
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"Makefile": makefile, "VERSION": []byte("1\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
		return string(out)
	}
	run("git", "init", "-q")
	run("git", "add", ".")
	run("git", "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-qm", "x")
	run("chown", "-R", "12345:12345", dir)
	want := regexp.MustCompile(`(?m)^COMMIT := [0-9a-f]{40}$`)
	if out := run("make", "-pn", "help"); !want.MatchString(out) {
		t.Errorf("COMMIT is %q, want a commit", regexp.MustCompile(`(?m)^COMMIT := .*$`).FindString(out))
	}
}
