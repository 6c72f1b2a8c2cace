package rootfs

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"
)

// Split opens the directory of name, made where missing, and returns it with
// the last component.
func (r Root) Split(name string) (dir int, base string, err error) {
	name = path.Clean("/" + name)
	dir, err = r.Dir(path.Dir(name))
	return dir, path.Base(name), err
}

// Symlink makes the symbolic link name → target. One that is there already with
// the same target is fine, anything else at name is replaced only if replace is
// set and it isn't a directory.
func (r Root) Symlink(target, name string, replace bool) error {
	dir, base, err := r.Split(name)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	err = unix.Symlinkat(target, dir, base)
	if !errors.Is(err, unix.EEXIST) {
		return wrap("make link", name, err)
	}
	var buf [unix.PathMax]byte
	if n, lerr := unix.Readlinkat(dir, base, buf[:]); lerr == nil && string(buf[:n]) == target || !replace {
		return nil
	}
	if err := unix.Unlinkat(dir, base, 0); err != nil {
		return wrap("replace", name, err)
	}
	return wrap("make link", name, unix.Symlinkat(target, dir, base))
}

// A Node is a device file or FIFO to be made.
type Node struct {
	Path     string
	Mode     uint32 // type and permission bits
	Rdev     uint64
	UID, GID int
}

// ErrWrongNode reports a file that is there already and isn't what was asked
// for.
var ErrWrongNode = errors.New("exists and is another kind of file")

// Mknod makes a device file or FIFO. One that is there already must be of the
// same type and number. Owner and mode, if they aren't as wanted, are set by
// descriptor, on what was verified.
func (r Root) Mknod(n Node) error {
	dir, base, err := r.Split(n.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := unix.Mknodat(dir, base, n.Mode, int(n.Rdev)); err != nil && err != unix.EEXIST {
		return fmt.Errorf("mknod: %w", err) // of what, our caller says
	}
	fd, err := unix.Openat(dir, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return wrap("open", n.Path, err)
	}
	defer unix.Close(fd)
	st, err := verify(fd, n.Mode, n.Rdev)
	if err != nil {
		return err
	}
	if int(st.Uid) != n.UID || int(st.Gid) != n.GID {
		if err := unix.Fchownat(fd, "", n.UID, n.GID, unix.AT_EMPTY_PATH); err != nil {
			return wrap("change owner of", n.Path, err)
		}
		st.Mode = 0 // a change of owner may take S_ISUID and S_ISGID away
	}
	if st.Mode == n.Mode {
		return nil
	}
	return wrap("change mode of", n.Path, chmod(fd, n.Mode&0o7777))
}

// chmod changes the mode of an O_PATH descriptor. fchmodat2(2) can, since Linux
// 6.6; before, the only way is the descriptor's name in procfs, which needs no
// trust: the link leads to the open file whatever its directory shows.
func chmod(fd int, mode uint32) error {
	_, _, e := unix.Syscall6(unix.SYS_FCHMODAT2, uintptr(fd), uintptr(emptyString()), uintptr(mode), unix.AT_EMPTY_PATH, 0, 0)
	if e == unix.ENOSYS {
		return unix.Chmod(fmt.Sprintf("/proc/thread-self/fd/%d", fd), mode)
	}
	if e != 0 {
		return e
	}
	return nil
}

// Verify checks that fd is a file of the type in mode and, for a device, of the
// number rdev.
func Verify(fd int, mode uint32, rdev uint64) error {
	_, err := verify(fd, mode, rdev)
	return err
}

func verify(fd int, mode uint32, rdev uint64) (st unix.Stat_t, err error) {
	if err := unix.Fstat(fd, &st); err != nil {
		return st, err
	}
	kind := mode & unix.S_IFMT
	if st.Mode&unix.S_IFMT != kind || (kind == unix.S_IFCHR || kind == unix.S_IFBLK) && uint64(st.Rdev) != rdev {
		return st, ErrWrongNode
	}
	return st, nil
}
