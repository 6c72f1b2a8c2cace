//go:build amd64 || arm64

package trap

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A sigaction is the kernel's struct of that name.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

var previous uintptr //nolint:unused // the Go runtime's handler; assembler reads it

// entry is the address of the handler, see the assembler files.
var entry uintptr

// install puts our handler in the place of the Go runtime's, whose flags say
// all that matters: run on the thread's signal stack, restart system calls,
// how to return.
func install(but []unix.Signal) error {
	var a sigaction
	if err := action(unix.SIGURG, nil, &a); err != nil {
		return err
	}
	previous = a.handler
	a.handler = entry
	for sig := unix.Signal(1); sig <= last; sig++ {
		if !ours(sig) || slices.Contains(but, sig) {
			continue
		}
		old := &before[sig]
		if had[sig] {
			old = nil
		}
		if err := action(sig, &a, old); err != nil {
			return err
		}
		had[sig] = true
	}
	return nil
}

// What there was of the signals that are caught.
var (
	before [last + 1]sigaction
	had    [last + 1]bool
)

// restore gives the signals back; those whose handler isn't ours any more somebody else has meanwhile asked for.
func restore() {
	for sig := range had {
		var now sigaction
		if had[sig] && action(unix.Signal(sig), &before[sig], &now) == nil && now.handler != entry {
			_ = action(unix.Signal(sig), &now, nil)
		}
		had[sig] = false
	}
}

func action(sig unix.Signal, set, old *sigaction) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), unsafe.Sizeof(uint64(0)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
