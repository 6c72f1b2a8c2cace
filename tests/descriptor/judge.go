// Package descriptor tells what descriptors are, and whether they may be open in a
// process that a container can see before it is the container's program.
package descriptor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Judge says what a descriptor is, and whether it may be there: pipes, FIFOs and
// sockets, by which nothing has a name; pidfds; a terminal; files that are written once
// and lead nowhere; and directories from which no path leads out. file is the
// descriptor's name in a procfs, pid the process that has it.
func Judge(pid int, file string) (what string, ok bool) {
	link, err := os.Readlink(file)
	var st unix.Stat_t
	if err != nil || unix.Stat(file, &st) != nil {
		return "", true // closed by now
	}
	var fs unix.Statfs_t
	_ = unix.Statfs(file, &fs)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFIFO:
		return "pipe or FIFO", true
	case unix.S_IFSOCK:
		return "socket", true
	case unix.S_IFCHR:
		const terminals = 136
		return fmt.Sprintf("character device %d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)), unix.Major(st.Rdev) == terminals
	case unix.S_IFDIR:
		return judgeDir(pid, file, link, &fs)
	}
	switch {
	case strings.HasPrefix(link, "anon_inode:"), strings.HasPrefix(link, "pidfd:"):
		return link, true
	case fs.Type == unix.NSFS_MAGIC: // setns(2) by one of a mount namespace would lead there
		kind, _, _ := strings.Cut(link, ":")
		return "namespace " + kind, kind == "cgroup"
	case fs.Type == unix.CGROUP_SUPER_MAGIC && filepath.Base(link) == "tasks":
		return "tasks file of cgroup v1", true
	case fs.Type == unix.PROC_SUPER_MAGIC:
		return "file of a procfs: " + filepath.Base(link), filepath.Base(link) == "timens_offsets"
	}
	return "file " + link, false
}

// judgeDir looks where ".." leads, and for a procfs whose processes it shows.
func judgeDir(pid int, file, link string, fs *unix.Statfs_t) (what string, ok bool) {
	here, there := place(file+"/."), place(file+"/..")
	switch {
	case here != there:
		return fmt.Sprintf("directory %s, from which .. leads on", link), false
	case fs.Type != unix.PROC_SUPER_MAGIC:
		return fmt.Sprintf("directory of a detached mount, type %#x", fs.Type), true
	}
	theirs, _ := os.Readlink(file + "/1/ns/pid")
	own, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	return "procfs", theirs == own
}

// place identifies a directory and the mount that it is seen through.
func place(path string) string {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_MNT_ID, &st); err != nil {
		return err.Error() + path
	}
	return fmt.Sprint(st.Dev_major, st.Dev_minor, st.Ino, st.Mnt_id)
}
