package step

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
)

// setLabel gives a terminal, or the root directory of a mount, the SELinux label
// if there is one.
func setLabel(k *calls.Kernel, fd calls.FD, label string) {
	if label == "" {
		return
	}
	const name, what = "security.selinux", "linux.mountLabel: set label"
	k.Fsetxattr(what, fd, name, label).Else(func(e unix.Errno) error {
		if e != unix.EBADF {
			return e
		}
		// A detached mount is open only as a place.
		return k.Try(func() {
			dir := k.Openat(what, fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0).FD()
			k.Fsetxattr(what, dir, name, label)
			k.Close(dir)
		})
	})
}
