// Package cgfile reads and writes the files of cgroup directories by
// descriptor. Below a [Dir] no path is followed through a symlink, upwards, or
// onto another mount: names come from a container's configuration.
package cgfile

import (
	"errors"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

const (
	below = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV
	plain = unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS
)

// Dir is an open cgroup directory. Copies share the descriptor.
type Dir struct {
	fd   int
	path string
}

// OpenDir opens an absolute path that the caller trusts: a mount point, or a
// directory from a container's saved state. No component may be a symlink.
func OpenDir(path string) (Dir, error) {
	fd, err := openat2(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY, plain)
	if err != nil {
		return Dir{fd: -1}, fmt.Errorf("open cgroup %s: %w", path, err)
	}
	return Dir{fd, path}, nil
}

// In calls f with a directory that is opened like by OpenDir. One that is gone, or goes meanwhile, is
// no error.
func In(path string, f func(Dir) error) error {
	d, err := OpenDir(path)
	if err == nil {
		defer d.Close()
		err = f(d)
	}
	return UnlessGone(err)
}

// OpenFile opens a file by an absolute path that the caller trusts, like OpenDir.
func OpenFile(path string, flags int) (int, error) {
	fd, err := openat2(unix.AT_FDCWD, path, flags, plain)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	return fd, nil
}

// Text returns the content of a file by an absolute path that the caller trusts,
// like OpenDir: that of one file, without its directory.
func Text(path string) (string, error) {
	fd, err := OpenFile(path, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	return content(fd, path)
}

// ReadFile reads a file by a path that the caller trusts, links and all. It
// takes one descriptor; package os takes two more for a poller, without which
// the Go runtime gives up.
func ReadFile(path string) ([]byte, error) {
	fd := -1
	err := fdio.Again(func() (err error) { fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); return err })
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	text, err := content(fd, path)
	return []byte(text), err
}

// Open opens a directory below d.
func (d Dir) Open(rel string) (Dir, error) {
	fd, err := openat2(d.fd, rel, unix.O_RDONLY|unix.O_DIRECTORY, below)
	if err != nil {
		return Dir{fd: -1}, fmt.Errorf("open cgroup %s: %w", d.join(rel), err)
	}
	return Dir{fd, d.join(rel)}, nil
}

// Close closes the directory.
func (d Dir) Close() {
	if d.fd >= 0 {
		unix.Close(d.fd)
	}
}

// FD is the directory's descriptor, owned by d.
func (d Dir) FD() int { return d.fd }

// Path is the directory's absolute path, for messages.
func (d Dir) Path() string { return d.path }

// OpenFile opens a file of the directory with the given access mode.
func (d Dir) OpenFile(file string, flags int) (int, error) {
	fd, err := openat2(d.fd, file, flags, below)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", d.join(file), err)
	}
	return fd, nil
}

// Read returns the content of a file below d.
func (d Dir) Read(file string) (string, error) {
	fd, err := d.OpenFile(file, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	return content(fd, d.join(file))
}

// Number returns the number that a file below d holds; 2⁶⁴-1 for "max" and for
// -1. It reports false when there is none.
func (d Dir) Number(file string) (uint64, bool) {
	text, err := d.Read(file)
	if err != nil {
		return 0, false
	}
	return Number(strings.TrimSuffix(text, "\n"))
}

// Number is [Dir.Number] for a text.
func Number(text string) (uint64, bool) {
	if text == "max" || text == "-1" {
		return math.MaxUint64, true
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

// content reads and closes fd, which path names in an error.
func content(fd int, path string) (string, error) {
	defer unix.Close(fd)
	text, err := fdio.ReadAll(fd, 4095, math.MaxInt)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return string(text), nil
}

func write(fd int, value string) error {
	n, err := fdio.Write(fd, []byte(value))
	if err == nil && n != len(value) {
		err = unix.EIO
	}
	return err
}

func (d Dir) join(rel string) string { return d.path + "/" + rel }

func openat2(dir int, path string, flags int, resolve uint64) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: resolve}
	for {
		fd, err := unix.Openat2(dir, path, &how)
		// EAGAIN: a rename or mount raced with the lookup and the kernel can't
		// vouch for RESOLVE_BENEATH.
		if err == unix.EINTR || err == unix.EAGAIN {
			continue
		}
		return fd, err
	}
}

// Gone tells whether an error means that a cgroup doesn't exist any more: a
// path that leads nowhere, or an open file of a removed cgroup.
func Gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV)
}

// UnlessGone returns the error, or nil if it is one that [Gone] speaks of.
func UnlessGone(err error) error {
	if Gone(err) {
		return nil
	}
	return err
}

// Nearest returns the directory in which file has a content: dir or the nearest
// above it, or dir if there is none within sight. A hierarchy's root doesn't
// have the files in question.
func Nearest(dir, file, content string) string {
	for up := dir; ; up = path.Dir(up) {
		text, err := ReadFile(up + "/" + file)
		switch {
		case err != nil:
			return dir
		case string(text) == content:
			return up
		}
	}
}

// Stat returns the number that follows a key in a flat keyed file such as
// memory.events or cgroup.events.
func Stat(text, key string) (string, bool) {
	for line := range strings.SplitSeq(text, "\n") {
		if k, v, ok := strings.Cut(line, " "); ok && k == key {
			return v, true
		}
	}
	return "", false
}
