package nsenter

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// CloneArgs is the kernel's struct clone_args (Linux 5.7: with cgroup).
type CloneArgs struct {
	Flags, Pidfd, ChildTID, ParentTID, ExitSignal, Stack, StackSize, TLS, SetTID, SetTIDSize, Cgroup uint64
}

// A Player is what a forked process plays: the image in an arena, and where it
// reports.
type Player struct {
	Arena    *Arena
	Ops      uint32
	Count    uint32
	Progress *Progress
}

// Fork clones a process by clone3(2) that plays p. Its memory is a copy of
// ours, so p's arena must be mapped MAP_SHARED. The caller's thread should be
// locked: PR_SET_PDEATHSIG of the child counts from it.
func Fork(ca *CloneArgs, p Player) (pid int, err error) {
	n, e := fork(ca, p.Arena.base, p.Arena.base+uintptr(p.Ops), uintptr(p.Count), p.Progress)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

//go:norace
//go:noinline
//go:nosplit
//go:nocheckptr
func fork(ca *CloneArgs, base, ops, n uintptr, p *Progress) (pid uintptr, errno syscall.Errno) {
	beforeFork()
	pid, _, errno = syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(ca)), unsafe.Sizeof(*ca), 0)
	if errno != 0 || pid != 0 {
		afterFork()
		return pid, errno
	}
	afterForkInChild()
	play(base, ops, n, p)
	return 0, 0
}

// Vfork is Fork for a tape that ends in an execve and waits for nothing: the
// child borrows our memory until then, and the calling thread stands still. It
// costs the same however large the heap is. Where there is no assembler stub
// for the architecture the memory is copied.
func Vfork(ca *CloneArgs, p Player) (pid int, err error) {
	c := *ca
	c.Flags |= unix.CLONE_VFORK
	if !haveVfork {
		return Fork(&c, p)
	}
	c.Flags |= unix.CLONE_VM
	n, e := vfork(&c, p.Arena.base, p.Arena.base+uintptr(p.Ops), uintptr(p.Count), p.Progress)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

//go:norace
//go:noinline
//go:nosplit
//go:nocheckptr
func vfork(ca *CloneArgs, base, ops, n uintptr, p *Progress) (pid uintptr, errno syscall.Errno) {
	beforeFork()
	pid, e := rawVfork(unix.SYS_CLONE3, uintptr(unsafe.Pointer(ca)), unsafe.Sizeof(*ca))
	if e != 0 || pid != 0 {
		afterFork()
		return pid, syscall.Errno(e)
	}
	afterForkInChild()
	play(base, ops, n, p)
	return 0, 0
}
