package idmap

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/nsenter"
)

// Namespace makes a user namespace with the maps, that nobody is in, and returns
// a descriptor of it: mount_setattr(2) takes maps in no other form. A process
// must be born in it for the maps to be written; it ends before Namespace returns.
func Namespace(m *Maps) (int, error) {
	fs, err := proc.Open()
	if err != nil {
		return -1, err
	}
	defer fs.Close()
	h, err := nsenter.HoldUser()
	if err != nil {
		if errors.Is(err, unix.ENOSPC) {
			err = fmt.Errorf("%w (user.max_user_namespaces)", err)
		}
		return -1, fmt.Errorf("make a user namespace for the maps: %w", err)
	}
	defer h.Release()
	if err := m.Write(fs, h.PID); err != nil {
		return -1, err
	}
	fd, err := unix.Openat(fs.FD, proc.PID(h.PID, "ns/user"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open the user namespace of the maps: %w", err)
	}
	return fd, nil
}
