// Package pty opens terminals of a container.
package pty

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/rootfs"
)

// ErrNoDevpts is the error for a root filesystem whose /dev/pts is no devpts, or one
// without terminals of its own.
var ErrNoDevpts = errors.New("/dev/pts is not a devpts with its own ptmx")

// Open opens a pair of the devpts on /dev/pts of a root filesystem, with the size
// given in characters unless it is 0. Nothing of it is opened by a name
// that the image could have made: ptmx must be the device of that very devpts
// (CVE-2025-52565), and the slave comes from the master by TIOCGPTPEER.
func Open(root rootfs.Root, width, height int) (master, slave int, err error) {
	dir, err := root.Lookup("/dev/pts")
	if err != nil {
		return -1, -1, err
	}
	defer unix.Close(dir)
	if err := verify(dir, 0, 0); err != nil {
		return -1, -1, err
	}
	ref, err := unix.Openat(dir, "ptmx", unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, -1, fmt.Errorf("open /dev/pts/ptmx: %w", err)
	}
	err = verify(ref, unix.S_IFCHR, unix.Mkdev(5, 2))
	unix.Close(ref)
	if err != nil {
		return -1, -1, err
	}
	// A devpts makes its own entries: the name can't lead elsewhere now.
	master, err = unix.Openat(dir, "ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, -1, fmt.Errorf("open /dev/pts/ptmx: %w", err)
	}
	if slave, err = peer(master, width, height); err != nil {
		unix.Close(master)
		return -1, -1, err
	}
	return master, slave, nil
}

// verify checks that fd is of a devpts and, unless mode is 0, the device
// rdev.
func verify(fd int, mode uint32, rdev uint64) error {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return err
	}
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if fs.Type != unix.DEVPTS_SUPER_MAGIC || mode != 0 && (st.Mode&unix.S_IFMT != mode || uint64(st.Rdev) != rdev) {
		return ErrNoDevpts
	}
	return nil
}

// peer unlocks the terminal and opens its other end.
func peer(master, width, height int) (int, error) {
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return -1, fmt.Errorf("unlock terminal: %w", err)
	}
	if width|height != 0 {
		size := unix.Winsize{Row: uint16(height), Col: uint16(width)}
		if err := unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &size); err != nil {
			return -1, fmt.Errorf("set terminal size: %w", err)
		}
	}
	slave, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if e != 0 {
		return -1, fmt.Errorf("open terminal: %w", e)
	}
	return int(slave), nil
}
