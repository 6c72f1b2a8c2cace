package user

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// MaxFile is how much of a file is read. What comes after it is as good as not
// there, and so is the line that it would cut.
const MaxFile = 1 << 20

// An Opener opens regular files of a container, without ever leaving its root
// or blocking on what isn't one; rootfs.Root is one.
type Opener interface {
	OpenRegular(path string) (fd int, err error)
}

// ReadFile reads a text file of a container, line for line the first [MaxFile]
// bytes. It reads no more than the file's size says. The files that a kernel
// makes up (a link to /proc/kmsg) say 0: reading one can block, or take away
// what somebody else waits for.
func ReadFile(root Opener, path string) ([]byte, error) {
	fd, err := root.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	text, err := read(fd)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return text, nil
}

func read(fd int) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	text := make([]byte, min(st.Size, MaxFile))
	have := 0
	for have < len(text) {
		n, err := unix.Read(fd, text[have:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 { // it has been cut meanwhile
			break
		}
		have += n
	}
	text = text[:have]
	if st.Size > MaxFile {
		text = text[:bytes.LastIndexByte(text, '\n')+1]
	}
	return text, nil
}

// Files are the files that names are looked up in. A file that isn't there is
// an error that wraps unix.ENOENT.
type Files interface {
	Passwd() ([]byte, error)
	Group() ([]byte, error)
}

// In gives the files of a root filesystem.
type In struct{ Root Opener }

// Passwd reads /etc/passwd.
func (f In) Passwd() ([]byte, error) { return ReadFile(f.Root, "/etc/passwd") }

// Group reads /etc/group.
func (f In) Group() ([]byte, error) { return ReadFile(f.Root, "/etc/group") }
