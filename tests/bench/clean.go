package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// clean removes what failed measurements left: containers, cgroups and the
// processes in them. Everything else goes with the mount namespace. Processes are
// killed first: there may be thousands, and some runtimes wait for each.
func (b *bench) clean() {
	for _, dir := range b.cgroups() {
		b.killCgroup(dir)
	}
	for id, rt := range b.live {
		b.forget(id, rt)
	}
	b.cleanCgroups()
}

// forget deletes a container that may exist.
func (b *bench) forget(id string, rt oci) {
	argv := b.argv(rt, "delete", "--force", id)
	exec.Command("timeout", append([]string{"-s", "KILL", "20"}, argv...)...).Run()
	b.ended(id)
}

// cgroups are those of all containers, parents before their children.
func (b *bench) cgroups() []string {
	var dirs []string
	filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && strings.Contains(path, "/"+b.prefix) && isCgroup(path) {
			dirs = append(dirs, path)
		}
		return nil
	})
	return dirs
}

func (b *bench) cleanCgroups() {
	for _, dir := range slices.Backward(b.cgroups()) {
		for range 100 {
			b.killCgroup(dir)
			if err := syscall.Rmdir(dir); err == nil || err == syscall.ENOENT {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// isCgroup tells a cgroup from a directory that a runtime has left on a tmpfs: the
// process ids in the latter's files are anyone's by now.
func isCgroup(dir string) bool {
	var s syscall.Statfs_t
	err := syscall.Statfs(dir, &s)
	return err == nil && (int64(s.Type) == unix.CGROUP_SUPER_MAGIC || int64(s.Type) == unix.CGROUP2_SUPER_MAGIC)
}

func (b *bench) killCgroup(dir string) {
	data, _ := os.ReadFile(dir + "/cgroup.procs")
	for word := range strings.FieldsSeq(string(data)) {
		if pid, err := strconv.Atoi(word); err == nil && pid > 1 {
			syscall.Kill(pid, syscall.SIGKILL)
			wait(pid, nil, syscall.WNOHANG, nil)
		}
	}
}
