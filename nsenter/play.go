package nsenter

import (
	"syscall"
	"unsafe"
)

// exitFailed is the exit status of a process whose tape failed before the
// user's program ran.
const exitFailed = 1

// maxInterrupts is how often a system call is made that says it was interrupted. A
// seccomp filter may say so for ever.
const maxInterrupts = 1 << 16

// play runs the tape and never returns. It runs in a process that shares
// nothing with Go but memory: no allocation, no stack growth, no write barrier,
// no preemption may happen here.
//
//go:norace
//go:nosplit
//go:noinline
//go:nocheckptr
func play(base, ops, n uintptr, p *Progress) {
	for i := uintptr(0); i < n; i++ {
		o := (*op)(ptr(ops + i*unsafe.Sizeof(op{})))
		p.Step = uint32(i)
		var a [6]uintptr
		for j := uintptr(0); j < 6; j++ {
			v := o.arg[j]
			switch bit := uint8(1) << j; {
			case o.rel&bit != 0:
				v += base
			case o.load&bit != 0:
				v = *(*uintptr)(ptr(base + v))
			case o.load32&bit != 0:
				v = uintptr(*(*int32)(ptr(base + v)))
			}
			a[j] = v
		}
		r, e := uintptr(0), syscall.Errno(0)
		forks := o.mode == modeFork
		switch o.nr {
		case nrSet:
			*(*uintptr)(ptr(base + o.out)) = a[0]
			i += uintptr(o.skip)
			continue
		case nrBranch:
			if a[0] != 0 {
				i += uintptr(o.skip)
			}
			continue
		case nrMark:
			p.Phase = Phase(a[0])
			continue
		case nrGoto:
			i = a[0] - 1
			continue
		case nrFail:
			e = syscall.Errno(a[0])
		case nrExpect:
			if uintptr(*(*byte)(ptr(a[0]))) != a[1] {
				e = syscall.Errno(a[2])
			}
		case nrCompare:
			if (a[0]&a[1] == a[2]) == (a[4] != 0) {
				e = syscall.Errno(a[3])
			}
		default:
			for try := 0; try < maxInterrupts; try++ {
				r, _, e = syscall.RawSyscall6(o.nr, a[0], a[1], a[2], a[3], a[4], a[5])
				if e != syscall.EINTR {
					break
				}
			}
			if forks && e == 0 && r != 0 {
				exit(0) // at once: who sees the child can write to the tape by way of that
			}
		}
		if e == 0 {
			store(base, o.out, r)
			switch {
			case o.mode == modeOnSuccess:
				i += uintptr(o.skip)
			case o.mode == modeDemand && r == 0:
				fail(p, ErrPeerGone)
			}
			continue
		}
		if o.mode == modeIgnore || o.mode == modeOnSuccess {
			continue
		}
		switch {
		case o.expects(e):
			i += uintptr(o.skip)
		case o.mode == modeHome:
			*(*uintptr)(ptr(base + uintptr(headerErrno))) = uintptr(e)
			*(*uintptr)(ptr(base + uintptr(headerFailed))) = i
			i = *(*uintptr)(ptr(base + uintptr(headerHome))) - 1
		default:
			fail(p, uint32(e))
		}
	}
	exit(0)
}

//go:norace
//go:nosplit
func (o *op) expects(e syscall.Errno) bool {
	for j := 0; j < len(o.errno); j++ {
		if o.errno[j] == uint16(e) {
			return true
		}
	}
	return false
}

//go:norace
//go:nosplit
func store(base, out, r uintptr) {
	switch {
	case out == 0:
	case out&outInt32 != 0:
		*(*int32)(ptr(base + out - outInt32)) = int32(r)
	default:
		*(*uintptr)(ptr(base + out)) = r
	}
}

//go:norace
//go:nosplit
func fail(p *Progress, errno uint32) {
	p.Errno = errno
	exit(exitFailed)
}

// exit ends the process. Where a seccomp filter refuses even that it faults, for no
// filter is asked about an instruction that the processor refuses.
//
//go:norace
//go:nosplit
//go:nocheckptr
func exit(status uintptr) {
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, status, 0, 0)
	for {
		*(*uint32)(ptr(faultAddress)) = 0
	}
}

// faultAddress is in the first page, which nobody may map (vm.mmap_min_addr).
const faultAddress = 8

// ptr makes a pointer of an address outside Go's heap. It must not be inlined:
// the compiler of Go 1.26 panics where it sees a struct copied through an
// integer that became a pointer.
//
//go:nosplit
//go:noinline
func ptr(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }
