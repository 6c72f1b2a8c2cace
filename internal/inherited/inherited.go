// Package inherited knows the descriptors that this process was started with:
// those of systemd's socket activation, and those that a caller wants passed on.
package inherited

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// CheckPreserved checks that the n descriptors from 3 on that a container shall
// get are open, and those of LISTEN_FDS before them. It must be called before
// anything is opened: what we open fills the holes.
func CheckPreserved(n int) error {
	return CheckPassed(ListenFDs() + n)
}

// CheckPassed is CheckPreserved for exec, for which LISTEN_FDS means nothing.
func CheckPassed(total int) error {
	for fd := 3; fd < 3+total; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC != 0 {
			err = unix.EBADF // opened by the Go runtime: what was inherited has come through an execve
		}
		if err != nil {
			return fmt.Errorf("unable to stat preserved-fd %d (of %d): %w", fd-3, total, err)
		}
	}
	return nil
}

// maxListenFDs bounds LISTEN_FDS: descriptors are checked one by one.
const maxListenFDs = 1 << 20

// ListenFDs is how many descriptors systemd's socket activation hands on.
func ListenFDs() int {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return 0 // meant for somebody else, sd_listen_fds(3)
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > maxListenFDs {
		return 0
	}
	return n
}
