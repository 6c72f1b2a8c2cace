// Package pty opens terminals of a container.
package pty

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/rootfs"
)

// ErrNoDevpts is the error for a root filesystem whose /dev/pts is no devpts, or one
// without terminals of its own.
var ErrNoDevpts = errors.New("/dev/pts is not a devpts with its own ptmx")

// Open opens a pair of the devpts on /dev/pts of a root filesystem, with the size
// given in characters unless it is 0. Nothing of it is opened by a name
// that the image could have made: ptmx must be the device of that very devpts
// (CVE-2025-52565), and the slave comes from the master by TIOCGPTPEER.
func Open(root rootfs.Root, width, height int) (master, slave calls.FD, err error) {
	k := root.K
	master, slave = calls.None, calls.None
	err = k.Try(func() {
		dir := root.Open("/dev/pts").FD()
		defer k.Close(dir)
		ofDevpts(k, dir)
		ref := k.Openat("open /dev/pts/ptmx", dir, "ptmx", unix.O_PATH|unix.O_NOFOLLOW, 0).FD()
		defer k.Close(ref)
		ofDevpts(k, ref)
		st, _ := k.Stat("", ref)
		major, minor := st.Rdev()
		k.RequireKind("", st, unix.S_IFCHR, unix.ENODEV).Else(noDevpts)
		k.Require("", major, ^uint32(0), 5, unix.ENODEV).Else(noDevpts)
		k.Require("", minor, ^uint32(0), 2, unix.ENODEV).Else(noDevpts)
		// A devpts makes its own entries: the name can't lead elsewhere now.
		master = k.Openat("open /dev/pts/ptmx", dir, "ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NOFOLLOW, 0).FD()
		slave = peer(k, master, width, height)
	})
	if err != nil {
		k.Close(slave)
		k.Close(master)
		return calls.None, calls.None, err
	}
	return master, slave, nil
}

func noDevpts(unix.Errno) error { return ErrNoDevpts }

// ofDevpts fails unless fd is of a devpts.
func ofDevpts(k *calls.Kernel, fd calls.FD) {
	fs, _ := k.Fstatfs("", fd)
	k.Require("", fs.Type(), ^uint32(0), unix.DEVPTS_SUPER_MAGIC, unix.ENODEV).Else(noDevpts)
}

// peer unlocks the terminal and opens its other end.
func peer(k *calls.Kernel, master calls.FD, width, height int) calls.FD {
	k.Ioctl("unlock terminal", master, unix.TIOCSPTLCK, calls.In(make([]byte, 4)))
	if width|height != 0 {
		size := unix.Winsize{Row: uint16(height), Col: uint16(width)}
		k.Ioctl("set terminal size", master, unix.TIOCSWINSZ, calls.In(unsafe.Slice((*byte)(unsafe.Pointer(&size)), unsafe.Sizeof(size))))
	}
	return k.Ioctl("open terminal", master, unix.TIOCGPTPEER, calls.Int(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)).FD()
}
