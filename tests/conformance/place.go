package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
)

// A place is where one program finds all that it works with.
type place struct {
	runtime string // a command that calls the runtime with a state directory of the place's own
	state   string
	tmp     string // for bundles
	cgroups []string
}

func newPlace(dir, runtime string) (*place, error) {
	root, err := os.MkdirTemp(dir, "place-")
	if err != nil {
		return nil, err
	}
	p := &place{runtime: root + "/runtime", state: root + "/state", tmp: root + "/tmp", cgroups: cgroups()}
	for _, d := range []string{dir, root, p.tmp} { // root of a user namespace has to come through
		if err := os.MkdirAll(d, 0o711); err != nil {
			return nil, err
		}
		if err := os.Chmod(d, 0o711); err != nil {
			return nil, err
		}
	}
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' --root '%s' \"$@\"\n", runtime, p.state)
	return p, os.WriteFile(p.runtime, []byte(script), 0o755)
}

// clean removes containers, and cgroups that are empty then: the suite leaves some
// of both, and so do runtimes.
func (p *place) clean() {
	entries, _ := os.ReadDir(p.state)
	for _, e := range entries {
		_ = exec.Command(p.runtime, "delete", "--force", e.Name()).Run()
	}
	for _, dir := range slices.Backward(cgroups()) { // what is below comes first
		if !slices.Contains(p.cgroups, dir) {
			_ = syscall.Rmdir(dir)
		}
	}
}

// ours are the names that the suite gives cgroups: ids of containers, and two more.
var ours = regexp.MustCompile(`^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|cgrouptest|testdir)$`)

// cgroups are the suite's cgroups, from the top down.
func cgroups() (list []string) {
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && ours.MatchString(d.Name()) {
			list = append(list, path)
		}
		return nil
	})
	return list
}
