//go:build 386 || arm

package nsenter

import "golang.org/x/sys/unix"

// The system calls with 32-bit ids; those without the 32 take 16 bits here.
const (
	SysSetgroups = unix.SYS_SETGROUPS32
	SysSetresgid = unix.SYS_SETRESGID32
	SysSetresuid = unix.SYS_SETRESUID32
	SysFchown    = unix.SYS_FCHOWN32
)
