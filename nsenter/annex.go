package nsenter

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Annex is room in a tape for entries that are written while the tape is played:
// for what can be decided only when something has been looked at inside. The process
// that plays waits there for a byte, plays what has been written, sends a byte when it
// is through or where an entry fails, and waits again.
type Annex struct {
	First, Count int  // its entries
	Data         Slot // memory for what the entries need
	Size         int  // of that, in bytes
	Sock         Slot // the socket by which the process waits and reports

	next          Slot
	report, after int
	ops           uint32
}

// Annex has the process wait here for entries that are written into the annex: at most count at a time, that need size
// bytes. A tape has one. The process waits and
// reports by the socket in the slot sock. An end of file there ends it. Where the annex is, [Annex.In] says.
func (t *Tape) Annex(sock Slot, count, size int) Annex {
	x := Annex{Count: count, Size: size, Sock: sock, next: t.Slot()}
	again := t.Len()
	msg, _ := t.Message(0)
	t.Call("wait for the runtime", unix.SYS_RECVMSG, sock.FD(), msg.Addr(), Int(unix.MSG_CMSG_CLOEXEC)).Demand()
	t.Call("", nrGoto, x.next.Value())
	x.report = t.Len()
	t.Call("report to runtime", unix.SYS_SENDMSG, sock.FD(), msg.Addr(), Int(unix.MSG_NOSIGNAL))
	t.Call("", nrGoto, Int(again))
	x.after = t.Len()
	t.Put(headerHome, uintptr(x.report))
	t.annexCount, t.annexSize = count, size
	return x
}

// annex is how much an image takes for the annex behind its n entries, and its own entries. The last of the others
// ends the process, which mustn't go on there.
func (t *Tape) annex() (ops []op, size int) {
	if t.annexCount == 0 {
		return nil, 0
	}
	return []op{{nr: unix.SYS_EXIT_GROUP}}, t.annexCount*int(unsafe.Sizeof(op{})) + t.annexSize
}

// In is the annex in the image of its tape.
func (x Annex) In(im Image) Annex {
	x.ops, x.First = im.Ops, int(im.Count)-x.Count
	x.Data = Slot(uintptr(im.Ops) + uintptr(im.Count)*unsafe.Sizeof(op{}))
	return x
}

// Write makes entry i of the annex the system call nr. An error that the entry doesn't expect is reported, see [Arena.Failed].
func (a *Arena) Write(x *Annex, i int, nr uintptr, args ...Arg) Entry {
	o := a.op(x, i)
	*o = op{mode: modeHome}
	o.fill(nr, args)
	return Entry{o}
}

// WriteCompare makes entry i one that fails with err unless v, masked, is want; or, if refuse, where it is.
func (a *Arena) WriteCompare(x *Annex, i int, v Arg, mask, want uint32, err unix.Errno, refuse bool) Entry {
	sense := 0
	if refuse {
		sense = 1
	}
	return a.Write(x, i, nrCompare, v, Uint(uintptr(mask)), Uint(uintptr(want)), Uint(uintptr(err)), Int(sense))
}

// WriteJump makes entry i one that passes over the next n.
func (a *Arena) WriteJump(x *Annex, i, n int) Entry {
	e := a.Write(x, i, nrBranch, Int(1))
	e.op.skip = uint32(n)
	return e
}

func (a *Arena) op(x *Annex, i int) *op {
	return (*op)(unsafe.Pointer(&a.mem[uintptr(x.ops)+uintptr(x.First+i)*unsafe.Sizeof(op{})]))
}

// WriteEnd has the process report when it comes to entry i.
func (a *Arena) WriteEnd(x *Annex, i int) {
	*a.op(x, i) = op{nr: nrGoto, arg: [6]uintptr{uintptr(x.report)}}
}

// WriteAfter has the process go on behind the annex when it comes to entry i.
func (a *Arena) WriteAfter(x *Annex, i int) {
	*a.op(x, i) = op{nr: nrGoto, arg: [6]uintptr{uintptr(x.after)}}
}

// WriteNothing makes entry i one that does nothing.
func (a *Arena) WriteNothing(x *Annex, i int) { *a.op(x, i) = op{nr: nrBranch} }

// GoOn has the process, once it is told to go on, do so at entry i of the annex, or, if
// that is -1, behind the annex.
func (a *Arena) GoOn(x *Annex, i int) {
	at := x.after
	if i >= 0 {
		at = x.First + i
	}
	a.SetWord(x.next, uintptr(at))
	a.SetWord(headerErrno, 0)
}

// Failed is the entry of the annex that has failed since [Arena.GoOn], and its error; 0 if
// none has.
func (a *Arena) Failed(x *Annex) (i int, err unix.Errno) {
	return int(a.Word(headerFailed)) - x.First, unix.Errno(a.Word(headerErrno))
}

// Bytes is the memory of n bytes at s.
func (a *Arena) Bytes(s Slot, n int) []byte { return a.mem[s : int(s)+n : int(s)+n] }

// PassingSize is how many bytes [Arena.Passing] takes.
var PassingSize = passingControl + unix.CmsgSpace(4)

const passingControl = int(unsafe.Sizeof(unix.Msghdr{})+unsafe.Sizeof(unix.Iovec{})) + 8

// Passing makes the bytes at s a struct msghdr that carries one byte and descriptor fd of the process that
// plays, for sendmsg(2).
func (a *Arena) Passing(s Slot, fd int) {
	mem, at := a.Bytes(s, PassingSize), *a.word(0)+uintptr(s)
	clear(mem)
	m, iov := (*unix.Msghdr)(unsafe.Pointer(&mem[0])), (*unix.Iovec)(unsafe.Pointer(&mem[unsafe.Sizeof(unix.Msghdr{})]))
	address := func(field unsafe.Pointer, off int) { *(*uintptr)(field) = at + uintptr(off) } // in that process
	address(unsafe.Pointer(&iov.Base), passingControl-8)
	iov.SetLen(1)
	address(unsafe.Pointer(&m.Iov), int(unsafe.Sizeof(unix.Msghdr{})))
	m.SetIovlen(1)
	address(unsafe.Pointer(&m.Control), passingControl)
	m.SetControllen(unix.CmsgSpace(4))
	c := (*unix.Cmsghdr)(unsafe.Pointer(&mem[passingControl]))
	c.Level, c.Type = unix.SOL_SOCKET, unix.SCM_RIGHTS
	c.SetLen(unix.CmsgLen(4))
	*(*int32)(unsafe.Pointer(&mem[passingControl+unix.CmsgLen(0)])) = int32(fd)
}
