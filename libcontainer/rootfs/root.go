// Package rootfs works inside a root filesystem that its owner may change at any
// moment.
//
// Every name is resolved by openat2(2) with RESOLVE_IN_ROOT below one
// descriptor, as if that directory were "/": symbolic links, "..", and races
// with a process that exchanges directories can't lead out (CVE-2021-30465,
// CVE-2024-45310). What comes back is a descriptor; nothing is looked up twice.
package rootfs

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Root is a root filesystem: an O_PATH descriptor of its top directory, which
// the caller owns.
type Root struct{ FD int }

// maxLinks is the kernel's own limit of symbolic links in one path.
const maxLinks = 40

// An Error is a failed operation on a path inside the root.
type Error struct {
	Op, Path string
	Err      error
}

// Error says operation, path inside the container, and cause.
func (e *Error) Error() string { return e.Op + " " + e.Path + ": " + e.Err.Error() }

// Unwrap is the cause, an errno.
func (e *Error) Unwrap() error { return e.Err }

func wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return &Error{op, path, err}
}

// openat2 resolves path below the root. The kernel answers EAGAIN, or EXDEV at
// its final check, when something is renamed while it walks up by ".."; under a
// pure load of renames that passes within some tries.
func (r Root) openat2(path string, how unix.OpenHow) (int, error) {
	how.Flags |= unix.O_CLOEXEC
	how.Resolve |= unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS
	if path = strings.TrimLeft(path, "/"); path == "" {
		path = "."
	}
	var start time.Time
	for try := 0; ; try++ {
		fd, err := unix.Openat2(r.FD, path, &how)
		switch err {
		case unix.EINTR:
			continue
		case unix.EAGAIN, unix.EXDEV:
			if try == 0 {
				start = time.Now()
			}
			if try < 128 || time.Since(start) < 100*time.Millisecond {
				continue
			}
		}
		return fd, err
	}
}

// Lookup opens path O_PATH, following links inside the root.
func (r Root) Lookup(path string) (int, error) {
	fd, err := r.openat2(path, unix.OpenHow{Flags: unix.O_PATH})
	return fd, wrap("open", path, err)
}

// LookupNoFollow opens path O_PATH; if its last component is a symbolic link,
// that is what comes back.
func (r Root) LookupNoFollow(path string) (int, error) {
	fd, err := r.openat2(path, unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW})
	return fd, wrap("open", path, err)
}

// LookupPlain opens path O_PATH if no component of it is a symbolic link.
func (r Root) LookupPlain(path string) (int, error) {
	fd, err := r.openat2(path, unix.OpenHow{Flags: unix.O_PATH, Resolve: unix.RESOLVE_NO_SYMLINKS})
	return fd, wrap("open", path, err)
}

// OpenRegular opens a regular file for reading. It doesn't block on what else
// an image may have put there (a FIFO, a terminal).
func (r Root) OpenRegular(path string) (int, error) {
	fd, err := r.openat2(path, unix.OpenHow{Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY})
	if err != nil {
		return -1, wrap("open", path, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return -1, wrap("open", path, fmt.Errorf("not a regular file"))
	}
	return fd, nil
}

// Dir opens the directory path, made with its parents (mode 0755) where
// missing.
func (r Root) Dir(path string) (int, error) { return r.ensure(path, unix.S_IFDIR|0o755) }

// File opens the file path, made empty (mode 0644) with its parents where
// missing. An existing one may have any type but directory; it isn't opened
// for more than a reference, so a FIFO or a device does no harm.
func (r Root) File(path string) (int, error) { return r.ensure(path, unix.S_IFREG|0o644) }

func (r Root) ensure(path string, mode uint32) (int, error) {
	fd, err := r.openat2(path, unix.OpenHow{Flags: unix.O_PATH})
	if errors.Is(err, unix.ENOENT) {
		fd, err = r.create(path, mode)
	}
	if err != nil {
		return -1, wrap(verb(mode), path, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && (st.Mode&unix.S_IFMT == unix.S_IFDIR) != (mode&unix.S_IFMT == unix.S_IFDIR) {
		err = unix.ENOTDIR // for a directory in a file's place too: engines match on it
	}
	if err != nil {
		unix.Close(fd)
		return -1, wrap(verb(mode), path, err)
	}
	return fd, nil
}

func verb(mode uint32) string {
	if mode&unix.S_IFMT == unix.S_IFDIR {
		return "make directory"
	}
	return "make file"
}

// create makes what is missing of path, component by component. A link that
// leads to nowhere is legal: its target is made inside the root.
func (r Root) create(path string, mode uint32) (int, error) {
	todo, at, links := strings.Split(path, "/"), "", 0
	for tries := 0; len(todo) > 0 && tries < 4096; tries++ {
		name := todo[0]
		todo = todo[1:]
		if name == "" || name == "." {
			continue
		}
		if name == ".." {
			at = at[:max(strings.LastIndexByte(at, '/'), 0)]
			continue
		}
		target, err := r.linkAt(at + "/" + name)
		switch {
		case errors.Is(err, unix.ENOENT):
			kind := mode
			if !last(todo) {
				kind = unix.S_IFDIR | 0o755
			}
			// Somebody else may have made it meanwhile, or a link in its place:
			// look again.
			if err := r.make(at, name, kind); err != nil && !errors.Is(err, unix.EEXIST) {
				return -1, err
			}
			if errors.Is(err, unix.EEXIST) {
				todo = append([]string{name}, todo...)
				continue
			}
		case err != nil:
			return -1, err
		case target != "":
			if links++; links > maxLinks {
				return -1, unix.ELOOP
			}
			if target[0] == '/' {
				at = ""
			}
			todo = append(strings.Split(target, "/"), todo...)
			continue
		}
		at += "/" + name
	}
	if len(todo) > 0 {
		return -1, unix.ELOOP
	}
	return r.openat2(at, unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW})
}

func last(todo []string) bool {
	for _, s := range todo {
		if s != "" && s != "." {
			return false
		}
	}
	return true
}

// linkAt is the target of the symbolic link path, or "" if it is something
// else.
func (r Root) linkAt(path string) (string, error) {
	fd, err := r.openat2(path, unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW})
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(fd, "", buf[:])
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) { // not a link
		return "", nil
	}
	return string(buf[:max(n, 0)]), err
}

// make makes name in the directory at.
func (r Root) make(at, name string, mode uint32) error {
	dir, err := r.openat2(at, unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY})
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.Mkdirat(dir, name, mode&0o7777)
	}
	return unix.Mknodat(dir, name, mode, 0)
}
