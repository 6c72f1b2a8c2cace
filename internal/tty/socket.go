// Package tty hands terminals over and relays them.
package tty

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// maxPath is the room for a path in struct sockaddr_un, without its NUL.
const maxPath = 107

// Connect connects to the AF_UNIX stream socket at path, a console or pidfd
// socket. It doesn't wait for a peer whose backlog is full. The descriptor is
// the caller's.
func Connect(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("make socket: %w", err)
	}
	name, done, err := short(path)
	if err == nil {
		defer done()
		err = fdio.Again(func() error { return unix.Connect(fd, &unix.SockaddrUnix{Name: name}) })
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("connect to %s: %w", path, err)
	}
	return fd, nil
}

// short is a name for path that fits a socket address: through a descriptor of
// its directory if need be.
func short(path string) (name string, done func(), err error) {
	if len(path) <= maxPath {
		return path, func() {}, nil
	}
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir, filepath.Base(path)), func() { unix.Close(dir) }, nil
}

// Send sends the descriptor fd over a connected socket, in one message with
// the name as its text.
func Send(socket, fd int, name string) error {
	err := fdio.Again(func() error { return unix.Sendmsg(socket, []byte(name), unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL) })
	if err != nil {
		return fmt.Errorf("send descriptor: %w", err)
	}
	return nil
}
