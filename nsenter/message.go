package nsenter

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Message places a struct msghdr that carries one byte and n descriptors by
// SCM_RIGHTS, for sendmsg(2) or recvmsg(2) in a tape. fds are the places of
// the descriptors: fill them with [Entry.IntoFD] before a send, pass them with
// [Slot.FD] after a receive. They are -1 until then, so that a message that
// lacks a descriptor leads to EBADF and not to descriptor 0.
func (t *Tape) Message(n int) (msghdr Slot, fds []Slot) {
	h := t.Alloc(int(unsafe.Sizeof(unix.Msghdr{})))
	iov := t.Alloc(int(unsafe.Sizeof(unix.Iovec{})))
	buf := t.Alloc(8)
	t.data[buf] = 'x'
	var m unix.Msghdr
	t.pointer(iov, buf)
	v := (*unix.Iovec)(unsafe.Pointer(&t.data[iov]))
	v.SetLen(1)
	t.pointer(h+Slot(unsafe.Offsetof(m.Iov)), iov)
	(*unix.Msghdr)(unsafe.Pointer(&t.data[h])).SetIovlen(1)
	if n == 0 {
		return h, nil
	}
	ctl := t.Alloc(unix.CmsgSpace(4 * n))
	c := (*unix.Cmsghdr)(unsafe.Pointer(&t.data[ctl]))
	c.Level, c.Type = unix.SOL_SOCKET, unix.SCM_RIGHTS
	c.SetLen(unix.CmsgLen(4 * n))
	for i := range n {
		s := ctl + Slot(unix.CmsgLen(0)+4*i)
		t.noFD(s)
		fds = append(fds, s)
	}
	t.pointer(h+Slot(unsafe.Offsetof(m.Control)), ctl)
	(*unix.Msghdr)(unsafe.Pointer(&t.data[h])).SetControllen(unix.CmsgSpace(4 * n))
	return h, fds
}

// IntoFD stores the result as an int32 in s, one of a message's descriptors.
func (e Entry) IntoFD(s Slot) Entry { e.op.out = uintptr(s) | outInt32; return e }

// outInt32 marks an out that takes four bytes. Slots are aligned to four, so
// the bit is free.
const outInt32 = 1

// SysFaccessat2 is faccessat2(2), Linux 5.8; its number is one for all ports
// but those of MIPS.
const SysFaccessat2 = unix.SYS_FACCESSAT2

// A CloneStruct is a struct clone_args in a tape.
type CloneStruct struct {
	Slot Slot
	Size int // in bytes
}

// CloneArgs places a struct clone_args: flags, and the slot that takes the pid.
// Set the cgroup before it is used by [Arena.IntoCgroup].
func (t *Tape) CloneArgs(flags uint64, pid Slot) CloneStruct {
	size := int(unsafe.Sizeof(CloneArgs{}))
	s := t.Alloc(size)
	c := (*CloneArgs)(unsafe.Pointer(&t.data[s]))
	c.Flags = flags
	t.pointer(s+Slot(unsafe.Offsetof(c.ParentTID))+bigEndianHalf, pid)
	return CloneStruct{Slot: s, Size: size}
}

// IntoCgroup has the clone that uses the struct at s be born in a cgroup.
func (a *Arena) IntoCgroup(s Slot, fd int) {
	c := (*CloneArgs)(unsafe.Pointer(&a.mem[s]))
	c.Flags |= unix.CLONE_INTO_CGROUP
	c.Cgroup = uint64(fd)
}
