package step

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
)

// Cwd makes the working directory of the process where it is missing, while
// the root filesystem is still writable.
type Cwd struct{ Path string }

func (s *Cwd) String() string { return "make working directory " + s.Path }

// Run makes it if it can: whether the process can enter it is found out by the
// process itself, with its own ids.
func (s *Cwd) Run(e *Env) {
	_ = e.K.Try(func() { e.K.Close(e.Root.DirOrFile(s.Path)) })
}

// UseRoot opens a root filesystem that no mount is made for: the container has
// no mount namespace of its own.
type UseRoot struct{ Path string }

func (s *UseRoot) String() string { return "open root filesystem " + s.Path }

// Run opens it.
func (s *UseRoot) Run(e *Env) {
	e.Root.FD = e.K.Openat("open", calls.At, s.Path, unix.O_PATH|unix.O_DIRECTORY, 0).FD()
}
