// Package early does what is too late once other packages are initialized, or a
// stack has grown: it reads what the Go runtime is about to change, and makes stacks large.
//
// Package syscall raises the soft limit of open files when it is initialized,
// and only its own fork puts it back: a raw one hands the raised limit on. This
// package imports nothing but unsafe, so it is initialized before syscall
// (packages without pending imports are taken in the order of their paths).
package early

import "unsafe"

//go:linkname rawSyscall6 syscall.RawSyscall6
//go:noescape
func rawSyscall6(nr, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2, errno uintptr)

const rlimitNofile = 7 - mipsShift // RLIMIT_NOFILE is 5 on MIPS

var nofile [2]uint64

// Nofile is the RLIMIT_NOFILE that our caller gave us.
func Nofile() (soft, hard uint64) { return nofile[0], nofile[1] }

func init() {
	rawSyscall6(sysPrlimit64, 0, rlimitNofile, 0, uintptr(unsafe.Pointer(&nofile)), 0, 0)
}
