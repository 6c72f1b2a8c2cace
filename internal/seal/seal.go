// Package seal gives the runtime an executable that no container can write.
//
// Whatever execs a container's program leaves a link to its own executable in
// /proc/PID/exe, and a hostile image can run or overwrite what it leads to
// (CVE-2019-5736). So the player, of which every process of a container is
// a fork, runs from a sealed object and never from the file on disk.
package seal

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/nap"
)

// An Exe is a sealed executable. Its descriptors are close-on-exec.
type Exe struct {
	FD    int
	mount int // what it lies on, -1: nothing of ours
}

// None is no executable.
var None = Exe{-1, -1}

// Executable opens an executable equal to our own that can't be written
// through any descriptor or mount: on an overlayfs without an upper layer where
// we may mount one (Linux 5.2, 75 µs whatever the size), else a sealed copy in a
// memfd.
//
// An unreadable one, mode 0111, is needed where it runs inside a user namespace
// in sight of that namespace's root: the kernel then keeps /proc/PID/exe and
// mem of it closed.
func Executable(unreadable bool) (Exe, error) {
	if !unreadable {
		exe, err := unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return None, fmt.Errorf("open own executable: %w", err)
		}
		defer unix.Close(exe)
		if readOnlySuperblock(exe) {
			fd, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			return Exe{fd, -1}, err
		}
		if e, err := overlay(exe); err == nil {
			return e, nil
		}
	}
	fd, err := copyToMemfd()
	return Exe{fd, -1}, err
}

// Close closes the executable. The kernel then takes its file system apart,
// which takes as long as making it: do it when there is time.
func (e *Exe) Close() {
	for _, fd := range []int{e.mount, e.FD} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	e.mount, e.FD = -1, -1
}

// readOnlySuperblock tells whether exe lies on a file system that is read-only
// itself, whichever mount one looks through (squashfs, erofs).
func readOnlySuperblock(exe int) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(exe, &fs) != nil {
		return false
	}
	const squashfs, erofs = 0x73717368, 0xe0f5e1e2
	return uint64(fs.Type) == squashfs || uint64(fs.Type) == erofs
}

var errMoved = errors.New("own executable has moved")

// secondLayer is a directory that is on every host and never above or below our
// executable: without an upper layer overlayfs wants two lower ones.
const secondLayer = "/sys/fs"

// overlay mounts a private overlayfs over the directory of our executable.
func overlay(exe int) (Exe, error) {
	var buf [unix.PathMax]byte
	n, err := unix.Readlink("/proc/self/exe", buf[:])
	if err != nil {
		return None, err
	}
	dir, base, ok := cutLast(string(buf[:n]))
	if !ok || strings.ContainsAny(dir, ":\\,") || len(dir) > 200 {
		return None, errMoved
	}
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return None, err
	}
	defer unix.Close(fs)
	for _, kv := range [][2]string{{"lowerdir", dir + ":" + secondLayer}, {"xino", "off"}} {
		if err := unix.FsconfigSetString(fs, kv[0], kv[1]); err != nil {
			return None, err
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return None, err
	}
	e := None
	if e.mount, err = unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOSUID); err != nil {
		return None, err
	}
	if e.FD, err = unix.Openat(e.mount, base, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0); err == nil && !same(e.FD, exe) {
		err = errMoved
	}
	if err != nil {
		e.Close()
		return None, err
	}
	return e, nil
}

func cutLast(path string) (dir, base string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 || i == len(path)-1 {
		return "", "", false
	}
	return path[:i], path[i+1:], true
}

// same tells whether both are the same file: overlayfs shows the inode number
// and size of the layer below.
func same(a, b int) bool {
	var x, y unix.Stat_t
	return unix.Fstat(a, &x) == nil && unix.Fstat(b, &y) == nil && x.Ino == y.Ino && x.Size == y.Size && x.Mtim == y.Mtim
}

// seals keep the copy as it is. F_SEAL_FUTURE_WRITE isn't used: it was broken
// in several kernels.
const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

func copyToMemfd() (int, error) {
	src, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open own executable: %w", err)
	}
	defer unix.Close(src)
	fd, err := memfd()
	if err != nil {
		return -1, fmt.Errorf("make memory for own executable: %w", err)
	}
	for n := 1; n > 0; {
		if err := fdio.Again(func() (err error) { n, err = unix.Sendfile(fd, src, nil, 1<<30); return err }); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("copy own executable: %w", err)
		}
	}
	if err := protect(fd); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("seal own executable: %w", err)
	}
	return fd, nil
}

// Program makes a sealed executable of a file's text.
func Program(text []byte) (Exe, error) {
	fd, err := memfd()
	if err != nil {
		return None, fmt.Errorf("make memory for program: %w", err)
	}
	n, err := unix.Write(fd, text)
	if err == nil && n != len(text) {
		err = unix.ENOSPC
	}
	if err == nil {
		err = protect(fd)
	}
	if err != nil {
		unix.Close(fd)
		return None, fmt.Errorf("seal program: %w", err)
	}
	return Exe{fd, -1}, nil
}

func protect(fd int) error {
	if err := unix.Fchmod(fd, 0o111); err != nil {
		return err
	}
	return addSeals(fd)
}

// addSeals seals the copy. The kernel refuses (EBUSY) while anybody holds a page of
// it, as it does itself for a moment when it moves pages about: it will let go.
func addSeals(fd int) error {
	for wait := time.Millisecond; ; wait *= 2 {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
		if err != unix.EBUSY || wait > time.Second {
			return err
		}
		nap.Sleep(wait)
	}
}

// memfd makes a memory file that may be executed: since Linux 6.3 that has to
// be said (MFD_EXEC), before it is unknown.
func memfd() (int, error) {
	fd, err := unix.MemfdCreate("rung", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate("rung", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	return fd, err
}
