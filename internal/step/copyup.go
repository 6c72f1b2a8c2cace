package step

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
)

// maxDepth bounds the directories that tmpcopyup descends.
const maxDepth = 64

// copyUp copies the directory from into the mount to (option tmpcopyup).
// Everything is opened by descriptor and without following links.
func copyUp(k *calls.Kernel, from, to calls.FD) error {
	src, err := reopen(k, from)
	if err != nil {
		return err
	}
	defer k.Close(src)
	dst, err := reopen(k, to)
	if err != nil {
		return err
	}
	defer k.Close(dst)
	return copier{k}.dir(src, dst, maxDepth)
}

// reopen opens the directory of an O_PATH descriptor for reading.
func reopen(k *calls.Kernel, dir calls.FD) (calls.FD, error) {
	return k.Openat("open for tmpcopyup", dir, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0).Open()
}

// A copier copies what lies in directories.
type copier struct{ *calls.Kernel }

func (k copier) dir(src, dst calls.FD, depth int) error {
	if depth == 0 {
		return fmt.Errorf("tmpcopyup: %w", unix.ELOOP)
	}
	names, err := k.list(src)
	if err != nil {
		return fmt.Errorf("read directory for tmpcopyup: %w", err)
	}
	for _, name := range names {
		if err := k.entry(src, dst, name, depth); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("tmpcopyup %s: %w", name, err)
		}
	}
	return nil
}

func (k copier) entry(src, dst calls.FD, name string, depth int) error {
	ref, err := k.Openat("", src, name, unix.O_PATH|unix.O_NOFOLLOW, 0).Open()
	if err != nil {
		return err
	}
	st, err := k.Look("", ref)
	k.Close(ref)
	if err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		err = k.sub(src, dst, name, depth)
	case unix.S_IFREG:
		err = k.file(src, dst, name)
	case unix.S_IFLNK:
		buf := calls.NewBuf(unix.PathMax)
		var n int
		if n, err = k.Readlinkat("", src, name, buf).Now(); err == nil {
			err = k.Symlinkat("", string(buf.Bytes[:n]), dst, name).Do()
		}
	default:
		err = k.Mknodat("", dst, name, uint32(st.Mode), unix.Mkdev(st.Rdev_major, st.Rdev_minor)).Do()
	}
	if err != nil {
		return err
	}
	return k.meta(dst, name, st)
}

func (k copier) sub(src, dst calls.FD, name string, depth int) error {
	if err := k.Mkdirat("", dst, name, 0o700).Do(); err != nil {
		return err
	}
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW
	from, err := k.Openat("", src, name, flags, 0).Open()
	if err != nil {
		return err
	}
	defer k.Close(from)
	to, err := k.Openat("", dst, name, flags, 0).Open()
	if err != nil {
		return err
	}
	defer k.Close(to)
	return k.dir(from, to, depth-1)
}

func (k copier) file(src, dst calls.FD, name string) error {
	from, err := k.Openat("", src, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0).Open()
	if err != nil {
		return err
	}
	defer k.Close(from)
	to, err := k.Openat("", dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, 0o600).Open()
	if err != nil {
		return err
	}
	defer k.Close(to)
	for {
		n, err := k.Call("", unix.SYS_SENDFILE, to.Arg(), from.Arg(), calls.Int(0), calls.Int(1<<24)).Now()
		if err != nil || n == 0 {
			return err
		}
	}
}

// meta sets owner, mode and time. Extended attributes stay behind: a tmpfs
// takes few of them.
func (k copier) meta(dst calls.FD, name string, st *unix.Statx_t) error {
	return k.Try(func() {
		k.Fchownat("", dst, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
		if st.Mode&unix.S_IFMT != unix.S_IFLNK {
			k.Fchmodat("", dst, name, uint32(st.Mode&0o7777))
		}
		times := [2]unix.Timespec{unix.NsecToTimespec(nsec(st.Atime)), unix.NsecToTimespec(nsec(st.Mtime))}
		k.Call("", unix.SYS_UTIMENSAT, dst.Arg(), calls.Text(name), calls.In(unsafe.Slice((*byte)(unsafe.Pointer(&times)), unsafe.Sizeof(times))),
			calls.Int(unix.AT_SYMLINK_NOFOLLOW))
	})
}

func nsec(t unix.StatxTimestamp) int64 { return t.Sec*1e9 + int64(t.Nsec) }

// list reads the names in a directory.
func (k copier) list(dir calls.FD) ([]string, error) {
	var names []string
	for {
		buf := calls.NewBuf(16 << 10)
		n, err := k.Call("", unix.SYS_GETDENTS64, dir.Arg(), buf.Out(), calls.Int(len(buf.Bytes))).Now()
		if err != nil || n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf.Bytes[:n], -1, names)
	}
}
