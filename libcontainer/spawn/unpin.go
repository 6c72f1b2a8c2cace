package spawn

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// Unpin gives a stage the processors of its parent back, and what it forks from
// then on.
func Unpin() {
	var mask [nsenter.MaskSize]byte
	n, _, err := unix.RawSyscall(unix.SYS_SCHED_GETAFFINITY, uintptr(unix.Getppid()), unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
	if err == 0 {
		unix.RawSyscall(unix.SYS_SCHED_SETAFFINITY, 0, n, uintptr(unsafe.Pointer(&mask)))
	}
}
