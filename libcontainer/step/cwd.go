package step

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/wire"
)

// Cwd makes the working directory of the process where it is missing, while
// the root filesystem is still writable.
type Cwd struct{ Path string }

func (s *Cwd) String() string { return "make working directory " + s.Path }

// Code carries the fields.
func (s *Cwd) Code(c *wire.Codec) { c.String(&s.Path) }

// Run makes it if it can: whether the process can enter it is found out by the
// process itself, with its own ids.
func (s *Cwd) Run(e *Env) error {
	fd, err := e.Root.Lookup(s.Path)
	if errors.Is(err, unix.ENOENT) {
		fd, err = e.Root.Dir(s.Path)
	}
	if err == nil {
		unix.Close(fd)
	}
	return nil
}

// UseRoot opens a root filesystem that no mount is made for: the container has
// no mount namespace of its own.
type UseRoot struct{ Path string }

func (s *UseRoot) String() string { return "open root filesystem " + s.Path }

// Code carries the fields.
func (s *UseRoot) Code(c *wire.Codec) { c.String(&s.Path) }

// Run opens it.
func (s *UseRoot) Run(e *Env) error {
	fd, err := unix.Open(s.Path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	e.Root.FD = fd
	return at("open", err)
}
