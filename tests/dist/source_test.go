package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// repository is a git repository with some files of this project's names.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "VERSION", "1.2.3\n")
	write(t, dir, "go.mod", "module x\n\ngo 1.26\n\ntoolchain go1.26.0\n")
	write(t, dir, "a.go", "package main\n")
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-q", "-m", "one")
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "commit.gpgSign=false"}, args...)...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), ofGit), "GIT_COMMITTER_DATE=1700000000 +0530", "GIT_AUTHOR_DATE=1700000000 +0530")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// ofGit tells whether a variable is git's: a hook's are of the repository that runs it, where a test would commit.
func ofGit(v string) bool { return strings.HasPrefix(v, "GIT_") }

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func begun(t *testing.T, root string) *dist {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", "")
	d, err := newDist(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A commit without the version's tag is a snapshot, and its tarball says so where there is no git: what is made from it
// has the same names and times.
func TestSource(t *testing.T) {
	root := repository(t)
	for _, tag := range []string{"", "v1.2.2", "v1.2.3"} {
		if tag != "" {
			git(t, root, "tag", tag)
		}
		write(t, root, "left.go", "package not in the commit\n")
		d := begun(t, root)
		version, apk := "1.2.3~git.20231114."+d.Commit[:12], "1.2.3_pre20231114221320"
		if tag == "v1.2.3" {
			version, apk = "1.2.3", "1.2.3"
		}
		if !d.git || len(d.Commit) != 40 || d.version() != version || d.apkVersion() != apk {
			t.Errorf("%s: %+v, %s, %s", tag, d.origin, d.version(), d.apkVersion())
		}
		d.stage = t.TempDir()
		if err := d.source(); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(d.tree + "/COMMIT"); string(text) != d.Commit+"\n" {
			t.Errorf("COMMIT: %q, %v", text, err)
		}
		if _, err := os.Stat(d.tree + "/left.go"); err == nil {
			t.Error("a file that isn't in the commit would be built")
		}
		// In another project's repository, too, there is no git of ours.
		outer := repository(t)
		unpacked := outer + "/rung-" + version
		if out, err := exec.Command("tar", "-xzf", d.out+"/rung-"+version+".tar.gz", "-C", outer).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		git(t, outer, "add", ".")
		git(t, outer, "commit", "-q", "-m", "two")
		u := begun(t, unpacked)
		if u.git || u.origin != d.origin || u.version() != version || u.apkVersion() != apk || !u.time.Equal(d.time) {
			t.Errorf("%+v, %s unpacked; %+v, %s in git", u.origin, u.version(), d.origin, version)
		}
	}
}

// A tree without git, that isn't our tarball, is of no commit, and has no time unless it is given one.
func TestBare(t *testing.T) {
	outer := repository(t)
	write(t, outer, "in/VERSION", "1.2.3\n")
	write(t, outer, "in/go.mod", "module x\n\ngo 1.26\n\ntoolchain go1.26.0\n")
	t.Setenv("SOURCE_DATE_EPOCH", "")
	if _, err := newDist(outer+"/in", t.TempDir()); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Errorf("error %v", err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1700000001")
	d, err := newDist(outer+"/in", t.TempDir())
	if err != nil || d.git || d.Commit != "" || d.version() != "1.2.3" || d.time.Unix() != 1700000001 {
		t.Errorf("%+v, %v", d, err)
	}
}

// A time that files can't have is refused before anything that was made before is taken away.
func TestEpoch(t *testing.T) {
	root, out := repository(t), t.TempDir()
	write(t, out, sumsName, "x")
	for _, text := range []string{"-1", "4294967296", "99999999999999999999", "1e3", "0x10", " 1"} {
		t.Setenv("SOURCE_DATE_EPOCH", text)
		if err := run(root, out, "386"); err == nil || !strings.HasPrefix(err.Error(), "SOURCE_DATE_EPOCH: ") {
			t.Errorf("%q: error %v", text, err)
		}
	}
	if left, err := os.ReadFile(out + "/" + sumsName); string(left) != "x" {
		t.Errorf("what was made before is gone: %v", err)
	}
	for text, want := range map[string]int64{"0": 0, "4294967295": 1<<32 - 1, "": 7} {
		if at, err := epoch(text, 7); err != nil || at.Unix() != want {
			t.Errorf("%q: %v, %v", text, at, err)
		}
	}
	for _, commit := range []int64{-1, 0, 1 << 32} {
		if at, err := epoch("", commit); err == nil {
			t.Errorf("a commit of %d: %v", commit, at)
		}
	}
}

// What is shipped is a commit: changes that aren't in it are named. Errors of git say what git said.
func TestRefused(t *testing.T) {
	root := repository(t)
	write(t, root, "a.go", "package changed\n")
	if _, err := newDist(root, t.TempDir()); err == nil || !strings.HasPrefix(err.Error(), "a.go: changed") {
		t.Errorf("error %v", err)
	}
	git(t, root, "checkout", "-q", ".")
	d := begun(t, root)
	d.Commit = "0123456789012345678901234567890123456789"
	if err := d.source(); err == nil || !strings.Contains(err.Error(), "fatal: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
}

// What is shipped is what the commit has, whatever else a clone and its owner say of line ends, of exports, or of a commit in
// the place of this one; in a linked worktree too.
func TestClean(t *testing.T) {
	home, root := t.TempDir(), repository(t)
	made := func(root string) (map[string]file, time.Time) {
		d := begun(t, root)
		d.stage = t.TempDir()
		archive, err := d.archive()
		if err != nil {
			t.Fatal(err)
		}
		all, err := readTar(archive)
		if err != nil {
			t.Fatal(err)
		}
		return all, d.time
	}
	t.Setenv("HOME", home)
	want, committed := made(root)
	for _, dir := range []string{root + "/.git/info", home + "/.config/git"} {
		write(t, dir, "attributes", "a.go text eol=crlf\nVERSION export-ignore\n")
	}
	git(t, root, "config", "core.autocrlf", "true")
	git(t, root, "config", "tar.umask", "0077")
	git(t, root, "config", "log.showSignature", "true")
	write(t, root, "b.go", "package b\n")
	git(t, root, "add", ".")
	// As of the next second, with another tree.
	other := "tree " + git(t, root, "write-tree") + "\nauthor a <a@b.invalid> 1700000001 +0000\ncommitter a <a@b.invalid> 1700000001 +0000\n\nother\n"
	write(t, home, "commit", other)
	git(t, root, "replace", "HEAD", git(t, root, "hash-object", "-w", "-t", "commit", home+"/commit"))
	git(t, root, "--no-replace-objects", "reset", "-q", "--hard")
	linked := filepath.Join(t.TempDir(), "a linked one")
	git(t, root, "--no-replace-objects", "worktree", "add", "-q", "--detach", linked, "HEAD")
	for _, root := range []string{root, linked} {
		got, at := made(root)
		if !at.Equal(committed) {
			t.Errorf("time %v, want %v", at, committed)
		}
		for name := range maps.Keys(got) {
			if _, ok := want[name]; !ok {
				t.Errorf("%s is in it", name)
			}
		}
		for name, f := range want {
			if g := got[name]; g.mode != f.mode || string(g.text) != string(f.text) {
				t.Errorf("%s is %v %q, want %v %q", name, g.mode, g.text, f.mode, f.text)
			}
		}
	}
}

// Called by another repository's hook, neither what is shipped nor these tests have to do with that repository.
func TestHook(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	for _, name := range []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"} {
		t.Setenv(name, other)
	}
	root := repository(t)
	if _, err := os.Stat(other); err == nil {
		t.Error("the tests write into the repository that git names")
	}
	if d := begun(t, root); !d.git {
		t.Errorf("%+v, want that of its own repository", d.origin)
	}
}
