//go:build 386 || arm

package nsenter

import "golang.org/x/sys/unix"

// The system calls with 32-bit ids; those without the 32 take 16 bits here.
const (
	sysSetgroups = unix.SYS_SETGROUPS32
	sysSetresgid = unix.SYS_SETRESGID32
	sysSetresuid = unix.SYS_SETRESUID32
	sysFchown    = unix.SYS_FCHOWN32
)
