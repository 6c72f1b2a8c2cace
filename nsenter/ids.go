//go:build !386 && !arm

package nsenter

import "golang.org/x/sys/unix"

// The system calls with 32-bit ids.
const (
	SysSetgroups = unix.SYS_SETGROUPS
	SysSetresgid = unix.SYS_SETRESGID
	SysSetresuid = unix.SYS_SETRESUID
	SysFchown    = unix.SYS_FCHOWN
)
