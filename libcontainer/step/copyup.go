package step

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// maxDepth bounds the directories that tmpcopyup descends.
const maxDepth = 64

// copyUp copies the directory from into the mount to (option tmpcopyup).
// Everything is opened by descriptor and without following links.
func copyUp(from, to int) error {
	src, err := reopen(from)
	if err != nil {
		return at("open for tmpcopyup", err)
	}
	defer unix.Close(src)
	dst, err := reopen(to)
	if err != nil {
		return at("open for tmpcopyup", err)
	}
	defer unix.Close(dst)
	return copyDir(src, dst, maxDepth)
}

// reopen opens the directory of an O_PATH descriptor for reading.
func reopen(dir int) (int, error) {
	return unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

func copyDir(src, dst, depth int) error {
	if depth == 0 {
		return fmt.Errorf("tmpcopyup: %w", unix.ELOOP)
	}
	names, err := list(src)
	if err != nil {
		return at("read directory for tmpcopyup", err)
	}
	for _, name := range names {
		if err := copyEntry(src, dst, name, depth); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("tmpcopyup %s: %w", name, err)
		}
	}
	return nil
}

func copyEntry(src, dst int, name string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(src, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		err = copySub(src, dst, name, depth)
	case unix.S_IFREG:
		err = copyFile(src, dst, name)
	case unix.S_IFLNK:
		var buf [unix.PathMax]byte
		var n int
		if n, err = unix.Readlinkat(src, name, buf[:]); err == nil {
			err = unix.Symlinkat(string(buf[:n]), dst, name)
		}
	default:
		err = unix.Mknodat(dst, name, st.Mode, int(st.Rdev))
	}
	if err != nil {
		return err
	}
	return copyMeta(dst, name, &st)
}

func copySub(src, dst int, name string, depth int) error {
	if err := unix.Mkdirat(dst, name, 0o700); err != nil {
		return err
	}
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	from, err := unix.Openat(src, name, flags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	to, err := unix.Openat(dst, name, flags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(to)
	return copyDir(from, to, depth-1)
}

func copyFile(src, dst int, name string) error {
	from, err := unix.Openat(src, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	to, err := unix.Openat(dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(to)
	for {
		n, err := unix.Sendfile(to, from, nil, 1<<24)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return err
		}
	}
}

// copyMeta sets owner, mode and time. Extended attributes stay behind: a tmpfs
// takes few of them.
func copyMeta(dst int, name string, st *unix.Stat_t) error {
	if err := unix.Fchownat(dst, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Fchmodat(dst, name, st.Mode&0o7777, 0); err != nil {
			return err
		}
	}
	return unix.UtimesNanoAt(dst, name, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

// list reads the names in a directory.
func list(dir int) ([]string, error) {
	var names []string
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.ReadDirent(dir, buf)
		if err != nil || n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}
