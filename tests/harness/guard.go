package harness

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Guard fails the test if, at its end, anything that wasn't there is left of a
// runtime: mounts of this mount namespace, cgroups, device programs, processes (the runtime's,
// those in the test's cgroups, unreaped ones), entries of the state directory,
// abstract sockets, keyrings, SysV IPC objects; or if /dev/null, the core
// pattern or IP forwarding of the host have changed. New calls it. Cleanups that
// are registered later run before the check.
//
// What ends by itself gets three seconds to do so.
func Guard(t testing.TB, b *Bundle) {
	t.Helper()
	before := look()
	t.Cleanup(func() {
		root := ""
		if b != nil {
			root = b.Root
		}
		if left := settle(before, b, root); len(left) > 0 {
			t.Errorf("residue %d:\n\t%s", len(left), strings.Join(left, "\n\t"))
		} else if testing.Verbose() {
			t.Logf("residue 0")
		}
	})
}

// PlaceEnv is set for tests in namespaces and cgroups of their own, which end with
// all that is left in them; so nobody looks there.
const PlaceEnv = "RUNGT_PLACE"

// patience is how often it is looked, 50 ms apart, whether something goes after all: the kernel takes namespaces
// apart in the background, and with them what their makers had, which takes seconds on a busy machine.
const patience = 200

// A residue is a set of things, each described by one line.
type residue map[string]bool

// settle returns what is there and wasn't before, when that has stopped to shrink to nothing.
func settle(before residue, b *Bundle, root string) []string {
	var left []string
	if os.Getenv(PlaceEnv) != "" {
		return nil
	}
	var last residue
	for n := range patience {
		left = left[:0]
		now := look()
		// The kernel takes some time to let go of a removed cgroup's program, and tests
		// beside this one remove others meanwhile: only one that every look finds is left.
		maps.DeleteFunc(now, func(line string, _ bool) bool {
			return n > 0 && strings.HasPrefix(line, programLine) && !last[line]
		})
		last = now
		if b != nil {
			stateEntries(now, root)
		}
		for line := range now {
			if !before[line] {
				left = append(left, "left: "+line)
			}
		}
		for line := range before {
			if strings.HasPrefix(line, "setting ") && !now[line] {
				left = append(left, "changed: "+line)
			}
		}
		if len(left) == 0 || n == patience-1 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return left
}

// look takes the inventory. Other packages' tests run beside this one: cgroups,
// keyrings and processes count by this process's own names and parentage.
func look() residue {
	r := make(residue)
	for _, m := range ownMounts() {
		if !ignored(m.Point) {
			r["mount "+m.Point+" ("+m.Type+" "+m.Source+" "+m.Dev+m.Root+")"] = true
		}
	}
	cgroups(r)
	programs(r)
	processes(r)
	settings(r)
	for _, file := range []string{"msg", "sem", "shm"} {
		for _, line := range lines("/proc/sysvipc/" + file)[1:] {
			if f := strings.Fields(line); len(f) > 1 {
				r["sysv "+file+" "+f[0]+" "+f[1]] = true
			}
		}
	}
	for _, line := range lines("/proc/net/unix") {
		if i := strings.Index(line, " @"); i >= 0 && strings.Contains(line, "rung") {
			r["abstract socket "+line[i+1:]] = true
		}
	}
	for _, line := range lines("/proc/keys") {
		if i := strings.Index(line, "_ses."+process); i >= 0 {
			r["keyring "+line[i:]] = true
		}
	}
	return r
}

func lines(path string) []string {
	data, _ := os.ReadFile(path)
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// cgroups finds directories whose path has a name of this process's tests.
func cgroups(r residue) {
	for _, m := range ownMounts() {
		if m.Type != "cgroup" && m.Type != "cgroup2" {
			continue
		}
		filepath.WalkDir(m.Point, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && strings.Contains(path, process+"-") {
				r["cgroup "+path] = true
			}
			return nil
		})
	}
}

// processes finds those that run the runtime's file or a copy of it, that are in
// a cgroup of this process's tests, or that nobody has waited for. Most of a host's are the
// kernel's own; at two looks a test it pays to read no more of them than one file.
func processes(r residue) {
	var exe unix.Stat_t
	unix.Stat(Runtime(), &exe)
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		dir := "/proc/" + e.Name()
		stat, ok := readStat(dir)
		if !ok || stat.flags&kernelThread != 0 {
			continue
		}
		if isRuntime(dir, &exe) {
			r[fmt.Sprintf("process %d of the runtime (%s)", pid, stat.comm)] = true
		}
		if cg, _ := os.ReadFile(dir + "/cgroup"); bytes.Contains(cg, []byte(process+"-")) {
			r[fmt.Sprintf("process %d in the cgroup of a test (%s)", pid, stat.comm)] = true
		}
		if stat.zombie && stat.parent == os.Getpid() {
			r[fmt.Sprintf("process %d that the runtime hasn't waited for (%s)", pid, stat.comm)] = true
		}
	}
}

// isRuntime compares a process's executable with the runtime's: the file itself,
// an overlayfs's view of it (same inode number and size) or a copy in memory.
func isRuntime(dir string, exe *unix.Stat_t) bool {
	var st unix.Stat_t
	if unix.Stat(dir+"/exe", &st) != nil || st.Size != exe.Size {
		return false
	}
	name, _ := os.Readlink(dir + "/exe")
	// Every test process builds its own binary, so the inode tells whose it is.
	// That of a copy in memory doesn't; its size must do.
	return st.Ino == exe.Ino || strings.HasPrefix(name, "/memfd:"+filepath.Base(Runtime()))
}

// settings are things of the host that a container could change.
func settings(r residue) {
	var st unix.Stat_t
	for _, dev := range []string{"/dev/null", "/dev/zero", "/dev/ptmx"} {
		if unix.Lstat(dev, &st) == nil {
			r[fmt.Sprintf("setting %s mode %o owner %d:%d device %x", dev, st.Mode, st.Uid, st.Gid, st.Rdev)] = true
		}
	}
	for _, file := range []string{
		"kernel/core_pattern", "net/ipv4/ip_forward", "kernel/hostname", "kernel/domainname",
		"kernel/msgmax", "kernel/shm_rmid_forced", "kernel/sysrq",
	} {
		data, _ := os.ReadFile("/proc/sys/" + file)
		r["setting "+file+" "+strings.TrimSpace(string(data))] = true
	}
}

func stateEntries(r residue, root string) {
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != root && !strings.HasPrefix(path, root+"/.") {
			r["state "+path] = true
		}
		return nil
	})
}

var ignoredPrefixes []string

// IgnoreMounts excludes what a test itself mounts below a path from residue checks.
func IgnoreMounts(path string) { ignoredPrefixes = append(ignoredPrefixes, path) }

func ignored(point string) bool {
	for _, p := range ignoredPrefixes {
		if point == p || strings.HasPrefix(point, p+"/") {
			return true
		}
	}
	return false
}
