// Package proc is a procfs that can be trusted.
//
// Anything may be mounted over the files of the host's /proc (CVE-2019-16884,
// CVE-2025-52881): a write to a label or a sysctl would then go to a decoy, or
// to a dangerous file. So names are resolved below a descriptor that is
// verified to be the root of a procfs, without leaving that mount and without
// links; where something is in the way a private instance is mounted.
package proc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// FS is a verified procfs. Its owner closes FD.
type FS struct{ FD int }

// ErrNotProc reports a descriptor that isn't the root of a procfs.
var ErrNotProc = errors.New("not the root of a procfs")

// RootIno is the inode number of a procfs root (PROC_ROOT_INO).
const RootIno = 1

// Open opens the caller's /proc, or a private instance if that isn't a procfs.
func Open() (FS, error) {
	fd, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err == nil {
		if err = Verify(fd); err == nil {
			return FS{fd}, nil
		}
		unix.Close(fd)
	}
	return private()
}

// Verify checks that fd is the root of a procfs.
func Verify(fd int) error {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return err
	}
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if fs.Type != unix.PROC_SUPER_MAGIC || st.Ino != RootIno {
		return ErrNotProc
	}
	return nil
}

// private mounts a procfs that nobody else can reach.
func private() (FS, error) {
	fs, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return FS{-1}, fmt.Errorf("open a private procfs: %w", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return FS{-1}, fmt.Errorf("make a private procfs: %w", err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return FS{-1}, fmt.Errorf("mount a private procfs: %w", err)
	}
	return FS{fd}, nil
}

// Close closes the descriptor.
func (p FS) Close() { unix.Close(p.FD) }

// OpenFile opens name, a path like "sys/net/ipv4/ip_forward" or
// "4711/uid_map". If a mount lies over a part of it, or the procfs has nothing but
// processes (subset=pid), a private instance serves.
func (p FS) OpenFile(name string, flags int) (int, error) {
	if slices.Contains(strings.Split(name, "/"), "..") { // no caller means another directory
		return -1, fmt.Errorf("open /proc/%s: %w", name, unix.EINVAL)
	}
	fd, err := p.open(name, flags)
	if errors.Is(err, unix.EXDEV) || errors.Is(err, unix.ENOENT) && strings.HasPrefix(name, "sys/") {
		if own, perr := private(); perr == nil {
			fd, err = own.open(name, flags)
			own.Close()
		}
	}
	if err != nil {
		return -1, fmt.Errorf("open /proc/%s: %w", name, err)
	}
	return fd, nil
}

func (p FS) open(name string, flags int) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags) | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(p.FD, name, &how)
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
}

// WriteFile writes value to name in one write(2).
func (p FS) WriteFile(name, value string) error {
	fd, err := p.OpenFile(name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err := fdio.Write(fd, []byte(value)); err != nil {
		return fmt.Errorf("write %q to /proc/%s: %w", value, name, err)
	}
	return nil
}

// ReadFile reads at most limit bytes of name.
func (p FS) ReadFile(name string, limit int) ([]byte, error) {
	fd, err := p.OpenFile(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	text, err := fdio.ReadAll(fd, 4096, limit)
	if err != nil {
		return nil, fmt.Errorf("read /proc/%s: %w", name, err)
	}
	return text, nil
}

// readRecord reads a file that is a single record into buf, which has to be
// larger: the kernel hands over such a record in one read(2).
func (p FS) readRecord(name string, buf []byte) ([]byte, error) {
	fd, err := p.OpenFile(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, err := fdio.Read(fd, buf)
	if err == nil && n == len(buf) {
		err = unix.EFBIG
	}
	if err != nil {
		return nil, fmt.Errorf("read /proc/%s: %w", name, err)
	}
	return buf[:n], nil
}

// PID is the directory name of process pid and a file in it.
func PID(pid int, file string) string { return strconv.Itoa(pid) + "/" + file }
