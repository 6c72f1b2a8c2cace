package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/internal/proc"
)

// A whereabouts is where a mount is that was attached at some place.
type whereabouts int

const (
	nowhere whereabouts = iota // it isn't in the mount namespace any more
	beneath                    // where it was attached, and something is mounted over it
	moved                      // somewhere else
	onTop                      // where it was attached
)

// whereIs says where a mount is in the calling thread's mount namespace, and, if it was moved, at which place.
func (l *living) whereIs(root int, path string, id uint64) (at whereabouts, place string, err error) {
	fd, err := lookup(root, path)
	if err == nil {
		defer unix.Close(fd)
		now, err := mountID(fd)
		if err != nil || now == id {
			return onTop, "", err
		}
		if path, err = l.nameOf(fd); err != nil {
			return nowhere, "", err
		}
	}
	place, there, err := mounted(id)
	if errors.Is(err, unix.ENOSYS) { // then ids are those of mountinfo
		text, err := l.container.host.ReadFile(proc.PID(l.record.PID, "mountinfo"), maxMountinfo)
		if err != nil {
			return nowhere, "", err
		}
		place = inspect.MountPoint(string(text), id)
		there = place != ""
	}
	switch {
	case err != nil && !errors.Is(err, unix.ENOSYS) || !there:
		return nowhere, "", err
	case place == path:
		return beneath, "", nil
	}
	return moved, place, nil
}

// nameOf is the path of an open file below the calling thread's root.
func (l *living) nameOf(fd int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(l.container.host.FD, fmt.Sprintf("thread-self/fd/%d", fd), buf)
	if err != nil {
		return "", os.NewSyscallError("readlinkat", err)
	}
	return string(buf[:n]), nil
}

// maxMountinfo bounds what is read of mountinfo.
const maxMountinfo = 64 << 20

// mounted asks statmount(2), Linux 6.8, whether a mount with a unique id is in the calling thread's mount namespace, and where.
func mounted(id uint64) (place string, there bool, err error) { return mountedIn(0, id) }

// mountedIn is mounted for another mount namespace, Linux 6.11, whose root directory the place is below.
func mountedIn(space, id uint64) (place string, there bool, err error) {
	request := struct {
		size, spare     uint32
		id, what, space uint64
	}{24, 0, id, 1<<1 | 1<<4, space} // STATMOUNT_MNT_BASIC, STATMOUNT_MNT_POINT
	if space != 0 {
		request.size = 32
	}
	const point, text = 108, 512 // of struct statmount: mnt_point, and the strings that it counts from
	answer := make([]byte, text+2*unix.PathMax)
	_, _, errno := unix.Syscall6(unix.SYS_STATMOUNT, uintptr(unsafe.Pointer(&request)), uintptr(unsafe.Pointer(&answer[0])), uintptr(len(answer)), 0, 0, 0)
	if errno == unix.ENOENT {
		return "", false, nil
	}
	if errno != 0 {
		return "", false, errno
	}
	if at := text + uint64(*(*uint32)(unsafe.Pointer(&answer[point]))); at < uint64(len(answer)) {
		place, _, _ = strings.Cut(string(answer[at:]), "\x00")
	}
	return place, true, nil
}

// unmount takes the mount with an id away that is at a path in the container's root, or wherever it was moved; that it is gone is no error. What others
// have mounted there since isn't ours. A container may rename directories while we look: then we look again.
func (l *living) unmount(path string, id uint64) (err error) {
	const looks = 20
	for range looks {
		if err = l.inMounts(true, func(root int) error { return l.unmountIn(root, path, id) }); err == nil {
			return nil
		}
		if !errors.Is(err, errBeneath) && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.EAGAIN) {
			break
		}
	}
	return fmt.Errorf("unmount %s: %w", path, err)
}

func (l *living) unmountIn(root int, path string, id uint64) error {
	at, place, err := l.whereIs(root, path, id)
	switch {
	case err != nil || at == nowhere:
		return err
	case at == beneath:
		return errBeneath
	case at == moved:
		path = place
	}
	fd, err := lookup(root, path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if now, err := mountID(fd); err != nil || now != id {
		return cmp.Or(err, errBeneath)
	}
	// By its descriptor, which no path of the container's leads to. The thread's root is the container's, its working directory the host's procfs.
	if err := unix.Fchdir(l.container.host.FD); err != nil {
		return err
	}
	return unix.Unmount(fmt.Sprintf("thread-self/fd/%d", fd), unix.MNT_DETACH)
}

var errBeneath = errors.New("what was added is covered in the container: unmount what covers it first")
