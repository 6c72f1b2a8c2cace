package nsenter

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Filter places a struct sock_fprog, and the program that it points to, and
// passes its address: the argument of seccomp(2) that a filter goes by.
func (t *Tape) Filter(program []unix.SockFilter) Arg {
	code := t.Alloc(len(program) * unix.SizeofSockFilter)
	copy(t.data[code:], unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(program))), len(program)*unix.SizeofSockFilter))
	s := t.Alloc(int(unsafe.Sizeof(unix.SockFprog{})))
	var p unix.SockFprog
	(*unix.SockFprog)(unsafe.Pointer(&t.data[s])).Len = uint16(len(program))
	t.pointer(s+Slot(unsafe.Offsetof(p.Filter)), code)
	return s.Addr()
}
