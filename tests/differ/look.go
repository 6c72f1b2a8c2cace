package differ

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/report"
)

// statusKeys are the lines of /proc/PID/status that a runtime has a say in.
var statusKeys = strings.Fields(`Umask Uid Gid Groups Threads SigBlk SigIgn SigCgt CapInh CapPrm CapEff CapBnd
	CapAmb NoNewPrivs Seccomp Seccomp_filters Speculation_Store_Bypass SpeculationIndirectBranch Cpus_allowed
	Mems_allowed THP_enabled`)

// A looker sees a process of a container from the host.
type looker struct {
	s      *Sight
	prefix string
	pid    int
	naming *naming
}

func (l *looker) file(name string) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", l.pid, name))
	if err != nil {
		return explain(err)
	}
	return strings.TrimRight(string(data), "\n\x00")
}

func (l *looker) add(key, format string, args ...any) { l.s.Add(l.prefix+key, format, args...) }

// all looks at everything.
func (l *looker) all(rootfs bool) {
	l.status()
	for line := range strings.Lines(l.file("limits")) {
		if name, rest := strings.TrimSpace(line[:min(26, len(line))]), line[min(26, len(line)):]; name != "Limit" {
			l.add("limit "+name, "%s", strings.Join(strings.Fields(rest), " "))
		}
	}
	for line := range strings.SplitSeq(l.file("cgroup"), "\n") {
		_, rest, _ := strings.Cut(line, ":")
		kind, path, _ := strings.Cut(rest, ":")
		l.add("cgroup "+kind, "%s", path)
	}
	for _, name := range []string{"oom_score_adj", "personality", "timens_offsets", "setgroups", "uid_map", "gid_map", "coredump_filter", "comm"} {
		l.add(name, "%s", strings.Join(strings.Fields(l.file(name)), " "))
	}
	for _, name := range []string{"exe", "cwd", "root"} {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", l.pid, name))
		if err != nil {
			link = explain(err)
		}
		l.add(name, "%s", link)
	}
	l.namespaces()
	l.descriptors()
	l.schedule()
	l.naming.mounts(l.s, l.prefix, report.ParseMounts(l.file("mountinfo")+"\n"))
	if rootfs {
		tree(l.s, l.prefix+"file ", fmt.Sprintf("/proc/%d/root", l.pid))
	}
}

func (l *looker) status() {
	for line := range strings.Lines(l.file("status")) {
		key, value, _ := strings.Cut(line, ":")
		if slices.Contains(statusKeys, key) {
			l.add("status "+key, "%s", strings.Join(strings.Fields(value), " "))
		}
		if key == "NStgid" {
			l.add("pid namespaces", "%d", len(strings.Fields(value)))
		}
	}
	_, rest, _ := strings.Cut(l.file("stat"), ") ")
	if f := strings.Fields(rest); len(f) > 4 {
		l.add("terminal", "%v", f[4] != "0")
	}
}

func (l *looker) namespaces() {
	for _, kind := range []string{"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"} {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", l.pid, kind))
		if err != nil {
			link = explain(err)
		}
		l.add("namespace "+kind, "%s", l.naming.namespace(link))
	}
}

func (l *looker) descriptors() {
	dir := fmt.Sprintf("/proc/%d/fd", l.pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		l.add("fds", "%s", explain(err))
	}
	var fds []int
	for _, e := range entries {
		fd, _ := strconv.Atoi(e.Name())
		fds = append(fds, fd)
	}
	slices.Sort(fds)
	for _, fd := range fds {
		link, _ := os.Readlink(fmt.Sprintf("%s/%d", dir, fd))
		flags := ""
		for line := range strings.Lines(l.file(fmt.Sprintf("fdinfo/%d", fd))) {
			if rest, ok := strings.CutPrefix(line, "flags:"); ok {
				flags = strings.TrimSpace(rest)
			}
		}
		l.add(fmt.Sprintf("fd %d", fd), "%s flags %s", target(link), flags)
	}
}

func (l *looker) schedule() {
	attr, err := unix.SchedGetAttr(l.pid, 0)
	if err != nil {
		l.add("scheduling", "%s", explain(err))
	} else {
		l.add("scheduling", "policy %d flags %#x nice %d priority %d runtime %d deadline %d period %d", attr.Policy, attr.Flags,
			attr.Nice, attr.Priority, attr.Runtime, attr.Deadline, attr.Period)
	}
	prio, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, 1, uintptr(l.pid), 0)
	if errno != 0 {
		l.add("io priority", "%s", unix.ErrnoName(errno))
	} else {
		l.add("io priority", "%#x", prio)
	}
}

// tree adds a line for each file of a tree. It follows no links, and doesn't go
// into file systems of the kernel's own.
func tree(s *Sight, prefix, root string) {
	filepath.WalkDir(root+"/.", func(path string, d fs.DirEntry, err error) error {
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(path, root), "/"), ".")
		if err != nil {
			s.Add(prefix+name+" ", "%s", explain(err))
			return nil
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			s.Add(prefix+name, "%s", explain(err))
			return nil
		}
		s.Add(prefix+name, "%s", describe(path, &st))
		if d.IsDir() && !entered(path, name) {
			return fs.SkipDir
		}
		return nil
	})
}

// entered says whether tree looks into a directory.
func entered(path, name string) bool {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return false
	}
	switch st.Type {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC:
		return false
	}
	return name != "/log" // hooks write there
}

func describe(path string, st *unix.Stat_t) string {
	who := fmt.Sprintf("%04o %d:%d", st.Mode&0o7777, st.Uid, st.Gid)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "directory " + who
	case unix.S_IFREG:
		return fmt.Sprintf("file %s, %d bytes", who, st.Size)
	case unix.S_IFLNK:
		link, _ := os.Readlink(path)
		return "link to " + target(link)
	case unix.S_IFCHR:
		return fmt.Sprintf("char %d:%d %s", unix.Major(st.Rdev), unix.Minor(st.Rdev), who)
	case unix.S_IFBLK:
		return fmt.Sprintf("block %d:%d %s", unix.Major(st.Rdev), unix.Minor(st.Rdev), who)
	case unix.S_IFIFO:
		return "fifo " + who
	}
	return "socket " + who
}

// explain shortens an error to the kernel's name for it.
func explain(err error) string {
	for e := err; e != nil; {
		if no, ok := errors.AsType[syscall.Errno](e); ok {
			return unix.ErrnoName(no)
		}
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			break
		}
		e = u.Unwrap()
	}
	return err.Error()
}
