package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// archive is git's tar of the commit's files, out of a repository that has the clone's objects and nothing of its own: what a clone's
// or this machine's settings, attributes (of line ends, of what isn't exported) and replacements say would change the files.
func (d *dist) archive() ([]byte, error) {
	objects, err := d.askGit("rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return nil, err
	}
	format, err := d.askGit("rev-parse", "--show-object-format")
	if err != nil {
		return nil, err
	}
	clean, err := os.MkdirTemp(d.stage, "git-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(clean)
	git := func(args ...string) ([]byte, error) {
		cmd := exec.Command("git", args...)
		cmd.Dir = clean
		cmd.Env = append(slices.Clone(d.env), "GIT_DIR="+clean, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1")
		return output(cmd)
	}
	if _, err := git("init", "-q", "--bare", "--template=", "--object-format="+format); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(clean, "objects/info/alternates"), []byte(objects+"\n"), 0o600); err != nil {
		return nil, err
	}
	return git("-c", "tar.umask=0022", "-c", "core.attributesFile=/dev/null", "archive", "--format=tar", d.Commit)
}
