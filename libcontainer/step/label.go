package step

import (
	"golang.org/x/sys/unix"
)

// setLabel gives a terminal, or the root directory of a mount, the SELinux label
// if there is one.
func setLabel(fd int, label string) error {
	if label == "" {
		return nil
	}
	const name = "security.selinux"
	err := unix.Fsetxattr(fd, name, []byte(label), 0)
	if err == unix.EBADF { // a detached mount is open only as a place
		var dir int
		if dir, err = unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err == nil {
			err = unix.Fsetxattr(dir, name, []byte(label), 0)
			unix.Close(dir)
		}
	}
	return at("linux.mountLabel: set label", err)
}
