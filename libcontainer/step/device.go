package step

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/rootfs"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// Device makes a device file or FIFO.
type Device struct{ Node rootfs.Node }

func (s *Device) String() string { return "make device " + s.Node.Path }

// Code carries the fields.
func (s *Device) Code(c *wire.Codec) {
	c.String(&s.Node.Path)
	c.Uint32(&s.Node.Mode)
	c.Uint64(&s.Node.Rdev)
	c.Int(&s.Node.UID)
	c.Int(&s.Node.GID)
}

// Run makes it.
func (s *Device) Run(e *Env) error { return e.Root.Mknod(s.Node) }

// BindDevice puts a device file of the host's in a place: inside a user
// namespace none can be made.
type BindDevice struct {
	Path string
	Tree int
}

func (s *BindDevice) String() string { return "bind device " + s.Path }

// Code carries the fields.
func (s *BindDevice) Code(c *wire.Codec) {
	c.String(&s.Path)
	c.Int(&s.Tree)
}

// Run attaches the clone to an empty file.
func (s *BindDevice) Run(e *Env) error {
	tree, err := take(e.Trees, s.Tree)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	dir, base, err := e.Root.Split(s.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	target, err := emptyFile(dir, base)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	return at("attach", mount.Attach(tree, target))
}

// emptyFile makes the file base in dir and opens it O_PATH. What an image has
// put there may have any type but link or directory.
func emptyFile(dir int, base string) (int, error) {
	if err := unix.Mknodat(dir, base, unix.S_IFREG|0o600, 0); err != nil && err != unix.EEXIST {
		return -1, at("make file", err)
	}
	fd, err := unix.Openat(dir, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, at("open", err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			err = fmt.Errorf("is a symbolic link: %w", unix.ELOOP)
		case unix.S_IFDIR:
			err = unix.EISDIR
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Link makes a symbolic link in /dev. What an image has there stays, unless
// Replace.
type Link struct {
	Path, Target string
	Replace      bool
}

func (s *Link) String() string { return "link " + s.Path + " to " + s.Target }

// Code carries the fields.
func (s *Link) Code(c *wire.Codec) {
	c.String(&s.Path)
	c.String(&s.Target)
	c.Bool(&s.Replace)
}

// Run makes it.
func (s *Link) Run(e *Env) error { return e.Root.Symlink(s.Target, s.Path, s.Replace) }
