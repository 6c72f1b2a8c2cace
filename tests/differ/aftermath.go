package differ

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
	"github.com/rung-oci/rung/tests/report"
)

// aftermath looks at what a life has left: files, what hooks wrote, the log; and
// clears away what the runtime should have.
func (l *living) aftermath() {
	l.hooks()
	l.log()
	tree(l.s, "afterwards ", l.rootfs)
	tree(l.s, "sources ", l.bundle+"/src")
	l.residue()
	if l.main != nil {
		l.main.release()
	}
	if err := l.clear(); err != nil {
		l.s.Add("clear", "%v", err)
	}
}

func (l *living) hooks() {
	data, err := os.ReadFile(l.rootfs + "/log/hooks")
	if err != nil || len(data) == 0 {
		return
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		l.naming.hookLine(l.s, line)
		if f := strings.Split(line, "\t"); len(f) > 2 {
			names = append(names, strings.TrimPrefix(f[2], "arg="))
		}
	}
	l.s.Add("hooks ran", "%s", strings.Join(names, " "))
}

// log compares what a log file is, not what it says: whether there is one, whether
// its lines are JSON, and whether it has errors.
func (l *living) log() {
	data, err := os.ReadFile(l.dir + "/log")
	if err != nil {
		return
	}
	errors, format := 0, "text"
	for line := range strings.Lines(string(data)) {
		var entry struct{ Level string }
		if json.Unmarshal([]byte(line), &entry) == nil {
			format = "json"
		}
		if entry.Level == "error" || strings.Contains(line, "level=error") {
			errors++
		}
	}
	l.s.Add("log errors", "%v", errors > 0)
	if len(data) > 0 {
		l.s.Add("log format", "%s", format)
	}
}

// residue looks for what the container has left, and removes it.
func (l *living) residue() {
	if l.pid > 0 && !gone(l.pid) {
		if _, ok := l.ends(0); !ok {
			l.s.Add("left process", "the first one")
			unix.Kill(l.pid, unix.SIGKILL)
			l.ends(time.Second)
		}
	}
	if entries, _ := os.ReadDir(l.state); len(entries) > 0 {
		var names []string
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				names = append(names, e.Name())
			}
		}
		if len(names) > 0 {
			l.s.Add("left state", "%s", strings.Join(names, " "))
			l.do("delete of what is left", "delete", "--force", containerID)
		}
	}
	if l.c.Spec.Linux != nil {
		l.cgroups()
	}
	l.mounts()
}

// mounts reports what is mounted in our mount namespace and wasn't before, and
// unmounts it.
func (l *living) mounts() {
	for _, m := range slices.Backward(ownMounts()) {
		if !slices.ContainsFunc(l.before, func(b report.Mount) bool { return b.ID == m.ID }) {
			l.s.Add("left mount "+strings.TrimPrefix(m.Point, l.dir), "%s", m.Type)
			unix.Unmount(m.Point, unix.MNT_DETACH)
		}
	}
}

func ownMounts() []report.Mount {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	return report.ParseMounts(string(text))
}

// cgroups reports cgroups that are still there, and removes them. Those above
// the container's own are left by both runtimes; one line says of how many.
func (l *living) cgroups() {
	path := cgroupPath(l.c)
	for _, dir := range harness.CgroupDirs(path) {
		left := false
		for n := range 20 {
			if _, err := os.Stat(dir); err != nil {
				break
			}
			if left = n == 19; !left {
				time.Sleep(2 * time.Millisecond)
			}
		}
		if left {
			l.s.Add("left cgroup "+strings.TrimSuffix(dir, path), "there")
		}
	}
	top, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	above := 0
	for _, dir := range harness.CgroupDirs("/" + top) {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		above++
		for range 100 {
			if removeCgroup(dir) == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	l.s.Add("cgroups above", "%d", above)
}

func removeCgroup(dir string) error {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			removeCgroup(dir + "/" + e.Name())
		}
	}
	procs, _ := os.ReadFile(dir + "/cgroup.procs")
	for pid := range strings.FieldsSeq(string(procs)) {
		if n, err := strconv.Atoi(pid); err == nil && n > 1 && n != os.Getpid() {
			unix.Kill(n, unix.SIGKILL)
		}
	}
	return unix.Rmdir(dir)
}
