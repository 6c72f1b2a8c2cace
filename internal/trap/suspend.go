package trap

import (
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Suspend stops us as SIGTSTP stops a program that doesn't catch it, and returns when we are continued; at once where
// nobody could continue us: the kernel doesn't stop a process group without a shell. The signal goes to the calling
// thread, for another one would let this go on for a while.
func Suspend() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var none, old [16]uint64 // a struct sigaction of the kernel's; all zeros are SIG_DFL
	if err := disposition(unix.SIGTSTP, &none, &old); err != nil {
		return err
	}
	err := unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTSTP)
	if back := disposition(unix.SIGTSTP, &old, nil); err == nil {
		err = back
	}
	return err
}

func disposition(sig unix.Signal, set, old *[16]uint64) error {
	size := unsafe.Sizeof(uint64(0)) // of a signal set
	if strings.HasPrefix(runtime.GOARCH, "mips") {
		size *= 2
	}
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), size, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
