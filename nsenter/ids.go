//go:build !386 && !arm

package nsenter

import "golang.org/x/sys/unix"

// The system calls with 32-bit ids.
const (
	sysSetgroups = unix.SYS_SETGROUPS
	sysSetresgid = unix.SYS_SETRESGID
	sysSetresuid = unix.SYS_SETRESUID
	sysFchown    = unix.SYS_FCHOWN
)
