package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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
	run := runner(t, dir, "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1")
	run("git", "init", "-q")
	run("git", "add", ".")
	run("git", "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-qm", "x")
	run("chown", "-R", "12345:12345", dir)
	want := regexp.MustCompile(`(?m)^COMMIT := [0-9a-f]{40}$`)
	if out := run("make", "-pn", "help"); !want.MatchString(out) {
		t.Errorf("COMMIT is %q, want a commit", regexp.MustCompile(`(?m)^COMMIT := .*$`).FindString(out))
	}
	// A hook of git's has variables of the repository that runs it.
	foreign := []string{"GIT_DIR=" + dir + "/nonesuch", "GIT_WORK_TREE=/", "GIT_INDEX_FILE=" + dir + "/nonesuch"}
	hook := runner(t, dir, append(foreign, "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1")...)
	if out := hook("make", "-pn", "help"); !want.MatchString(out) {
		t.Errorf("COMMIT is %q in a hook, want a commit", regexp.MustCompile(`(?m)^COMMIT := .*$`).FindString(out))
	}
	if out := hook("make", "-s", "--eval", "show:; @env | grep -E '^GIT_(DIR|WORK_TREE|INDEX_FILE)=' || true", "show"); out != "" {
		t.Errorf("commands get a hook's variables: %s", out)
	}
}

// TestElsewhere: a tree that was unpacked in another project's clone isn't of that project's commit, and knows its own by
// the file that release tarballs have.
func TestElsewhere(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git isn't installed")
	}
	outer := t.TempDir()
	dir := filepath.Join(outer, "rung")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "Makefile"), makefile, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	run := runner(t, dir, "HOME="+outer, "GIT_CONFIG_NOSYSTEM=1")
	run("git", "-C", outer, "init", "-q")
	run("git", "-C", outer, "add", ".")
	run("git", "-C", outer, "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-qm", "x")
	commit := func() string {
		return regexp.MustCompile(`(?m)^COMMIT := ?(.*)$`).FindStringSubmatch(run("make", "-pn", "help"))[1]
	}
	if got := commit(); got != "" {
		t.Errorf("COMMIT is %q, want none", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "COMMIT"), []byte("0123\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := commit(); got != "0123" {
		t.Errorf("COMMIT is %q, want that of the file", got)
	}
}

// TestForeignClone builds and installs in somebody else's clone, at names that the shell and make would read, by a caller whose files others can't read by default.
func TestForeignClone(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to be somebody else")
	}
	if _, err := os.Stat("../../.git"); err != nil {
		t.Skip("this is no clone")
	}
	dir := t.TempDir()
	clone := filepath.Join(dir, `a "clone" of $(echo x)'s`)
	in := filepath.Join(dir, `in "$HOME" $(echo here)`)
	run := runner(t, "", "GOFLAGS=", "GIT_CONFIG_COUNT=0")
	run("git", "-c", "safe.directory=*", "clone", "-q", "../..", clone)
	run("cp", "../../Makefile", clone) // as it is now
	run("chown", "-R", "12345:12345", clone)
	to := "DESTDIR=" + strings.ReplaceAll(in, "$", "$$")
	run("sh", "-c", `umask 077; exec make -s -C "$0" install "$1" PREFIX=/usr`, clone, to)
	if out := run(in+"/usr/bin/rung", "--version"); !regexp.MustCompile(`(?m)^commit: [0-9a-f]{40}(-dirty)?$`).MatchString(out) {
		t.Errorf("%q, want a commit", out)
	}
	if hidden := run("find", in+"/usr", "-type", "f", "!", "-perm", "-444"); hidden != "" {
		t.Errorf("others can't read %s", hidden)
	}
	run("make", "-s", "-C", clone, "uninstall", to, "PREFIX=/usr")
	if left := run("find", in, "-type", "f"); left != "" {
		t.Errorf("uninstall leaves %s", left)
	}
}

// TestRunner: called by a hook of git's, these tests have their own repositories.
func TestRunner(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git isn't installed")
	}
	other, dir := filepath.Join(t.TempDir(), "other"), t.TempDir()
	t.Setenv("GIT_DIR", other)
	runner(t, dir)("git", "init", "-q")
	if _, err := os.Stat(other); err == nil {
		t.Error("a repository was made where git's variable says")
	}
}

// runner runs commands in a directory, with more of an environment but none of the repository whose hook may have called, and
// gives what they say.
func runner(t *testing.T, dir string, env ...string) func(args ...string) string {
	return func(args ...string) string {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		// A make that runs the tests tells those below it how to talk, and a hook of git's which repository is meant.
		foreign := func(v string) bool {
			return slices.ContainsFunc([]string{"GIT_", "MAKE", "MFLAGS="}, func(p string) bool { return strings.HasPrefix(v, p) })
		}
		cmd.Dir, cmd.Env = dir, append(slices.DeleteFunc(os.Environ(), foreign), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
		return string(out)
	}
}
