package calls

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/nsenter"
)

// Far is a first process that waits in its tape's annex to make calls.
type Far struct {
	Arena *nsenter.Arena
	Annex nsenter.Annex
	Sock  int // a socket to it
	// Begin is called once, before the first call is made: so that calls can be queued before the process is there. nil: it is.
	Begin func() error

	entry int // the next free one
	data  int // the next free byte
	all   []*Call
	given []*Call
}

// ErrGone says that the process which makes the calls has ended. Why is in its progress
// record.
var ErrGone = errors.New("container's first process has ended")

// NewKernel has another process make the calls.
func NewKernel(f *Far) *Kernel { return &Kernel{far: f} }

// End lets the process go on behind the annex.
func (k *Kernel) End() error {
	f := k.far
	at := f.closings(k.queue)
	if at >= 0 {
		k.queue = nil
	}
	if err := k.Flush(); err != nil {
		return err
	}
	f.Arena.GoOn(&f.Annex, at)
	return f.tell()
}

// closings has calls made on the way behind the annex, if none of them is anything but the end of a descriptor, of which nobody has to
// hear. It is the entry where they begin, or -1.
func (f *Far) closings(queue []*Call) int {
	if len(queue) == 0 || f.entry+len(queue) >= f.Annex.Count {
		return -1
	}
	for _, c := range queue {
		if c.nr != unix.SYS_CLOSE || c.args[0].kind == argFD && !c.args[0].call().made {
			return -1
		}
	}
	for i, c := range queue {
		f.Arena.Write(&f.Annex, f.entry+i, unix.SYS_CLOSE, nsenter.Int(int(c.args[0].value()))).Ignore()
	}
	f.Arena.WriteAfter(&f.Annex, f.entry+len(queue))
	return f.entry
}

// Label says what entry i of a tape is for, if it is one of the annex.
func (f *Far) Label(i int) string {
	if i -= f.Annex.First; i < 0 || i >= len(f.all) || f.all[i] == nil {
		return ""
	}
	switch c := f.all[i]; {
	case c.step == nil:
		return c.what()
	case c.what() == "":
		return c.step.String()
	default:
		return c.step.String() + ": " + c.what()
	}
}

// A place is where something is in the memory of the annex; 0: nowhere.
type place int

func (f *Far) slot(p place) nsenter.Slot { return f.Annex.Data + nsenter.Slot(p-1) }

// room is what has to be left for the handlers of errors: of entries and of bytes, a part of
// all.
const room = 4

// alloc takes n bytes.
func (f *Far) alloc(n int) place {
	p := place(f.data + 1)
	f.data += (n + 7) &^ 7
	return p
}

// Given is the descriptor whose number the process will have put into slot s of its tape when it first waits.
func (k *Kernel) Given(s nsenter.Slot) FD {
	c := &Call{k: k, nr: given, ret: -1, args: [6]Arg{{n: int(s)}}}
	k.far.given = append(k.far.given, c)
	return c.FD()
}

// given is no system call: its argument is the slot where a descriptor is.
const given = ^uintptr(2)

// Ready has the process there.
func (f *Far) Ready() error {
	begin := f.Begin
	if f.Begin = nil; begin == nil {
		return nil
	}
	return begin()
}

// run has the process make the calls of the queue, in parts that fit.
func (f *Far) run(k *Kernel) {
	if err := f.Ready(); err != nil {
		k.keep(0, &Error{Err: err, whole: true})
	}
	entry, data := f.entry, f.data
	for len(k.queue) > 0 && k.err == nil {
		n := f.fit(k)
		if n == 0 {
			first := k.queue[0]
			k.keep(first.level, &Error{Step: first.step, Label: first.what(), Err: unix.ENAMETOOLONG})
			break
		}
		part, rest := k.queue[:n], k.queue[n:]
		k.queue = nil
		if err := f.make(k, part); err != nil {
			k.keep(part[0].level, &Error{Step: part[0].step, Label: part[0].what(), Err: err})
		}
		k.queue = rest
		f.entry, f.data = entry, data
	}
	if k.err != nil {
		k.drop(k.queue)
		k.queue = nil
	}
}

// fit is how many calls of the queue there is room for. The first one, with those that have to be
// made together with it, may take all there is.
func (f *Far) fit(k *Kernel) int {
	entries, bytes := f.Annex.Count-f.entry-1, f.Annex.Size-f.data
	if n := k.count(entries-(entries+room-1)/room, bytes-bytes/room, false); n > 0 {
		return n
	}
	return k.count(entries, bytes, true)
}

// count is how many calls of the queue have no more entries and bytes. one takes no more than has to
// be made together with the first.
func (k *Kernel) count(entries, bytes int, one bool) (n int) {
	end := 0
	for i, c := range k.queue {
		entries--
		bytes -= c.size()
		if entries < 0 || bytes < 0 || one && n > 0 {
			return n
		}
		if end = max(end, i+1+int(c.together)); end == i+1 {
			n = end
		}
	}
	return n
}

// size is how many bytes the call takes at most.
func (c *Call) size() int {
	n := 8
	for i := range c.n {
		switch a := &c.args[i]; a.kind {
		case argText, argIn:
			n += a.n + 9
		case argOut:
			n += len(a.buf().Bytes) + 8
		}
	}
	return n
}

// make has the process make the calls.
func (f *Far) make(k *Kernel, part []*Call) error {
	first := f.entry
	if need := first + len(part); need > len(f.all) {
		f.all = append(f.all, make([]*Call, need-len(f.all))...)
	}
	for i, c := range part {
		f.write(first+i, c)
	}
	f.entry += len(part)
	f.Arena.WriteEnd(&f.Annex, f.entry)
	f.entry++
	known := 0 // of so many calls it is known what they gave
	for at := 0; ; {
		for i, c := range part[at:] {
			if c.unless != nil && *c.unless {
				f.Arena.WriteNothing(&f.Annex, first+at+i)
			}
		}
		f.Arena.GoOn(&f.Annex, first+at)
		if err := f.ask(); err != nil {
			return err
		}
		failed, e := f.Arena.Failed(&f.Annex)
		if failed -= first; e == 0 {
			failed = len(part)
		}
		for ; known < failed; known++ {
			f.read(part[known])
		}
		if e == 0 {
			return nil
		}
		if at = f.home(k, part, failed, e); at == len(part) {
			return nil
		}
		known = at
	}
}

// home deals with a call of the part that has failed. It returns which one is to be made next.
func (f *Far) home(k *Kernel, part []*Call, failed int, e unix.Errno) int {
	c, rest := part[failed], part[failed+1:]
	f.readBufs(c)
	if c.done(0, e); k.err != nil {
		k.drop(rest)
		return len(part)
	}
	f.Arena.SetWord(f.slot(c.result), uintptr(c.ret))
	if c.into != nil && c.ret >= 0 { // it has been given something
		c.into.Give(Number(c.ret))
	}
	if !c.tolerated {
		return failed + 1
	}
	// The process would have passed over these by itself, had it been this error at once.
	for _, next := range rest[:c.otherwise] {
		f.read(next)
	}
	return failed + 1 + int(c.otherwise)
}

// write makes an entry of the call.
func (f *Far) write(i int, c *Call) {
	c.result = f.alloc(8)
	f.Arena.SetWord(f.slot(c.result), ^uintptr(0))
	var args [6]nsenter.Arg
	for j := range c.n {
		args[j] = f.arg(&c.args[j])
	}
	var e nsenter.Entry
	var errs [most]unix.Errno
	switch c.nr {
	case jump:
		e = f.Arena.WriteJump(&f.Annex, i, c.args[0].n)
	case compare:
		e = f.Arena.WriteCompare(&f.Annex, i, args[0], uint32(c.args[1].n), uint32(c.args[2].n), unix.Errno(c.args[3].n), c.args[4].n != 0).Into(f.slot(c.result))
	default:
		e = f.Arena.Write(&f.Annex, i, c.nr, args[:c.n]...).Into(f.slot(c.gives().result))
	}
	switch {
	case c.otherwise > 0:
		e.SkipOn(int(c.otherwise), c.errors(&errs)...)
	case c.over > 0:
		e.SkipOnSuccess(int(c.over))
	case c.expect[0] != 0:
		e.Tolerate(c.errors(&errs)...)
	}
	f.all[i] = c
}

// gives is the call that gets the result.
func (c *Call) gives() *Call {
	if c.into != nil {
		return c.into
	}
	return c
}

// errors are those that the call tolerates, in room for them.
func (c *Call) errors(room *[most]unix.Errno) []unix.Errno {
	list := room[:0]
	for _, e := range c.expect {
		if e != 0 {
			list = append(list, unix.Errno(e))
		}
	}
	return list
}

func (f *Far) arg(a *Arg) nsenter.Arg {
	switch a.kind {
	case argFD:
		switch from := a.call(); {
		case from.made:
			return nsenter.Int(from.ret)
		case from.nr == given:
			return nsenter.Slot(from.args[0].n).FD()
		default:
			return f.slot(from.result).Value()
		}
	case argText:
		return f.put(a.bytes(), 1)
	case argIn:
		return f.put(a.bytes(), 0)
	case argWord2, argWord4:
		if a.buf().at == 0 { // the memory may be another call's by now
			return nsenter.Uint(a.value())
		}
		return (f.slot(a.buf().at) + nsenter.Slot(a.n)).FD()
	case argOut:
		out := a.buf()
		out.at = f.alloc(len(out.Bytes))
		a.n = int(out.at) // another call may write the buffer too
		copy(f.Arena.Bytes(f.slot(out.at), len(out.Bytes)), out.Bytes)
		return f.slot(out.at).Addr()
	}
	return nsenter.Int(a.n)
}

// put places bytes, and zeros behind them.
func (f *Far) put(b []byte, zeros int) nsenter.Arg {
	s := f.slot(f.alloc(len(b) + zeros))
	mem := f.Arena.Bytes(s, len(b)+zeros)
	clear(mem[copy(mem, b):])
	return s.Addr()
}

// read takes what a call has given.
func (f *Far) read(c *Call) {
	c.made = true
	c.ret = int(f.Arena.Word(f.slot(c.result)))
	if c.into != nil { // which may have been read before
		c.into.ret = int(f.Arena.Word(f.slot(c.into.result)))
		c.ret = c.into.ret
	}
	f.readBufs(c)
}

func (f *Far) readBufs(c *Call) {
	if c.nr == compare {
		return
	}
	for i := range c.n {
		if a := &c.args[i]; a.kind == argOut {
			out := a.buf()
			copy(out.Bytes, f.Arena.Bytes(f.slot(place(a.n)), len(out.Bytes)))
			if out.at == place(a.n) {
				out.at = 0
			}
		}
	}
}

// ask has the process go on, and waits until it waits again.
func (f *Far) ask() error {
	if err := f.tell(); err != nil {
		return err
	}
	return f.hear()
}

// hear waits until the process waits.
func (f *Far) hear() error {
	var b [1]byte
	if n, err := fdio.Read(f.Sock, b[:]); err != nil || n == 0 {
		return ErrGone
	}
	for _, c := range f.given {
		c.ret, c.made = int(f.Arena.Int32(nsenter.Slot(c.args[0].n))), true
	}
	f.given = nil
	return nil
}

func (f *Far) tell() error {
	if fdio.Again(func() error { return unix.Sendmsg(f.Sock, []byte{1}, nil, nil, unix.MSG_NOSIGNAL) }) != nil {
		return ErrGone
	}
	return nil
}

// Fetch is a descriptor of our own for what fd is in the process that makes the calls. It
// is the caller's.
func (k *Kernel) Fetch(fd FD) (int, error) {
	if err := k.Flush(); err != nil {
		return -1, err
	}
	if k.far == nil {
		return unix.FcntlInt(uintptr(fd.Int()), unix.F_DUPFD_CLOEXEC, 0)
	}
	own, err := k.far.fetch(fd.Int())
	if err != nil {
		return -1, fmt.Errorf("take descriptor from first process: %w", err)
	}
	return own, nil
}

// fetch has the process send a descriptor. (pidfd_getfd(2) would take the rights of a tracer, which a
// security module may give nobody.)
func (f *Far) fetch(fd int) (int, error) {
	if f.entry+1 >= f.Annex.Count || f.data+nsenter.PassingSize > f.Annex.Size {
		return -1, unix.ENOBUFS
	}
	msg := f.slot(place(f.data + 1))
	f.Arena.Passing(msg, fd)
	f.Arena.Write(&f.Annex, f.entry, unix.SYS_SENDMSG, f.Annex.Sock.FD(), msg.Addr(), nsenter.Int(unix.MSG_NOSIGNAL))
	f.Arena.WriteEnd(&f.Annex, f.entry+1)
	f.Arena.GoOn(&f.Annex, f.entry)
	if err := f.tell(); err != nil {
		return -1, err
	}
	own, err := f.receive()
	if own < 0 || err != nil {
		if _, e := f.Arena.Failed(&f.Annex); err == nil {
			err = e
		}
		return -1, err
	}
	if err := f.hear(); err != nil {
		unix.Close(own)
		return -1, err
	}
	return own, nil
}

// receive receives a byte, and a descriptor if there is one with it: else -1.
func (f *Far) receive() (int, error) {
	var b [1]byte
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn := 0, 0
	err := fdio.Again(func() (err error) {
		n, oobn, _, _, err = unix.Recvmsg(f.Sock, b[:], oob, unix.MSG_CMSG_CLOEXEC)
		return err
	})
	if err != nil || n == 0 {
		return -1, ErrGone
	}
	list, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(list) == 0 {
		return -1, err
	}
	fds, err := unix.ParseUnixRights(&list[0])
	if err != nil || len(fds) != 1 {
		return -1, err
	}
	return fds[0], nil
}

// bytesOf is the memory of a value.
func bytesOf[T any](v *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)) }
