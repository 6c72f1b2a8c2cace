package step

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/rootfs"
)

// Device makes a device file or FIFO.
type Device struct{ Node rootfs.Node }

func (s *Device) String() string { return "make device " + s.Node.Path }

// Run makes it.
func (s *Device) Run(e *Env) { e.Root.Mknod(s.Node) }

// BindDevice puts a device file of the host's in a place: inside a user
// namespace none can be made.
type BindDevice struct {
	Path string
	Tree int
}

func (s *BindDevice) String() string { return "bind device " + s.Path }

// Run attaches the clone to an empty file.
func (s *BindDevice) Run(e *Env) {
	tree := e.take("", s.Tree)
	defer e.K.Close(tree.FD)
	target := e.emptyFile(s.Path)
	defer e.K.Close(target)
	mount.Attach(e.K, "attach", tree.FD, target)
}

// emptyFile makes a file and opens it O_PATH. What an image has
// put there may have any type but link or directory.
func (e *Env) emptyFile(path string) calls.FD {
	dir, base := e.Root.Split(path)
	defer e.K.Close(dir)
	e.K.Mknodat("make file", dir, base, unix.S_IFREG|0o600, 0).Tolerate(unix.EEXIST)
	fd := e.K.Openat("open", dir, base, unix.O_PATH|unix.O_NOFOLLOW, 0).FD()
	st, _ := e.K.Stat("", fd)
	e.K.Refuse("", st.Mode(), unix.S_IFMT, unix.S_IFLNK, unix.ELOOP).Else(func(err unix.Errno) error { return fmt.Errorf("is a symbolic link: %w", err) })
	e.K.Refuse("", st.Mode(), unix.S_IFMT, unix.S_IFDIR, unix.EISDIR)
	return fd
}

// Link makes a symbolic link in /dev. What an image has there stays, unless
// Replace.
type Link struct {
	Path, Target string
	Replace      bool
}

func (s *Link) String() string { return "link " + s.Path + " to " + s.Target }

// Run makes it.
func (s *Link) Run(e *Env) { e.Root.Symlink(s.Target, s.Path, s.Replace) }
