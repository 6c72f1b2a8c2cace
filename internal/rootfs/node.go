package rootfs

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
)

// Split opens the directory of name, made where missing, and returns it with
// the last component.
func (r Root) Split(name string) (dir calls.FD, base string) {
	name = path.Clean("/" + name)
	return r.Dir(path.Dir(name)), path.Base(name)
}

// Symlink makes the symbolic link name → target. One that is there already with
// the same target is fine, anything else at name is replaced only if replace is
// set and it isn't a directory.
func (r Root) Symlink(target, name string, replace bool) {
	dir, base := r.Split(name)
	defer r.K.Close(dir)
	r.K.Symlinkat("make link", target, dir, base).On(absolute(name)).Else(func(e unix.Errno) error {
		if e != unix.EEXIST {
			return e
		}
		if now, err := r.readLink(dir, base); err == nil && now == target || !replace {
			return nil
		}
		if err := r.K.Unlinkat("replace", dir, base).On(absolute(name)).Do(); err != nil {
			return err
		}
		return r.K.Symlinkat("", target, dir, base).Do()
	})
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
func (r Root) Mknod(n Node) {
	k := r.K
	dir, base := r.Split(n.Path)
	defer k.Close(dir)
	k.Mknodat("mknod", dir, base, n.Mode, n.Rdev).Tolerate(unix.EEXIST).Else(func(e unix.Errno) error { // of what, our caller says
		if e != unix.EPERM || !k.Remote() {
			return e
		}
		// Who makes the calls is in the container's cgroup, where it may be denied.
		own, err := k.Fetch(dir)
		if err != nil {
			return err
		}
		defer unix.Close(own)
		return unix.Mknodat(own, base, n.Mode, int(n.Rdev))
	})
	fd := k.Openat("open", dir, base, unix.O_PATH|unix.O_NOFOLLOW, 0).On(absolute(n.Path)).FD()
	defer k.Close(fd)
	st := verify(k, fd, n.Mode, n.Rdev)
	fix := func(unix.Errno) error { return r.own(fd, &n, st) }
	k.Require("", st.UID(), ^uint32(0), uint32(n.UID), unix.EPERM).Else(fix)
	k.Require("", st.GID(), ^uint32(0), uint32(n.GID), unix.EPERM).Else(fix)
	k.Require("", st.Mode(), 0o7777, n.Mode&0o7777, unix.EPERM).Else(fix)
}

// own gives a file the owner and the mode of a node. A change of owner may take S_ISUID and
// S_ISGID away.
func (r Root) own(fd calls.FD, n *Node, st calls.Stat) error {
	if was := st.Get(); int(was.Uid) != n.UID || int(was.Gid) != n.GID {
		if err := r.K.Fchownat("change owner of", fd, "", n.UID, n.GID, unix.AT_EMPTY_PATH).On(absolute(n.Path)).Do(); err != nil {
			return err
		}
	}
	const label = "change mode of"
	// fchmodat2(2) changes the mode of an O_PATH descriptor, since Linux 6.6; before, the only way
	// is the descriptor's name in procfs, which needs no trust: the link leads to the open file
	// whatever its directory shows.
	err := r.K.Call(label, unix.SYS_FCHMODAT2, fd.Arg(), calls.Text(""), calls.Int(int(n.Mode&0o7777)), calls.Int(unix.AT_EMPTY_PATH)).On(absolute(n.Path)).Do()
	if errors.Is(err, unix.ENOSYS) {
		err = r.K.Fchmodat(label, calls.At, fmt.Sprintf("/proc/thread-self/fd/%d", fd.Int()), n.Mode&0o7777).On(absolute(n.Path)).Do()
	}
	return err
}

// Verify fails unless fd is a file of the type in mode and, for a device, of
// the number rdev.
func Verify(k *calls.Kernel, fd calls.FD, mode uint32, rdev uint64) { verify(k, fd, mode, rdev) }

func verify(k *calls.Kernel, fd calls.FD, mode uint32, rdev uint64) calls.Stat {
	wrong := func(unix.Errno) error { return ErrWrongNode }
	st, _ := k.Stat("", fd)
	kind := mode & unix.S_IFMT
	k.RequireKind("", st, kind, unix.EEXIST).Else(wrong)
	if kind == unix.S_IFCHR || kind == unix.S_IFBLK {
		major, minor := st.Rdev()
		k.Require("", major, ^uint32(0), unix.Major(rdev), unix.EEXIST).Else(wrong)
		k.Require("", minor, ^uint32(0), unix.Minor(rdev), unix.EEXIST).Else(wrong)
	}
	return st
}
