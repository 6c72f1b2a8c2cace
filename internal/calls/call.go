package calls

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Call is a system call that is to be made.
type Call struct {
	k       *Kernel
	nr      uintptr
	args    [6]Arg
	label   string
	object  string // what the label is about; "": it says so itself
	step    fmt.Stringer
	other   func(unix.Errno) error
	unless  *bool
	ret     int          // what it gave; -1: nothing
	into    *Call        // gets the result, too
	expect  [most]uint16 // errors that are none
	n       uint8        // arguments
	level   uint8        // of the Kernel, when it was queued
	made    bool
	patient bool

	// Of one that another process makes.
	result    place
	tolerated bool  // it has failed with an error that is none, when it was made again
	over      int32 // how many calls are passed over where it succeeds
	otherwise int32 // how many, where a comparison fails
	together  int32 // how many calls must be in one part with it
}

// most is how many errors a call tolerates.
const most = 6

// An Arg is an argument of a call.
type Arg struct {
	n    int
	p    unsafe.Pointer
	kind argKind
}

type argKind uint8

const (
	argInt   argKind = iota // n
	argText                 // a C string: n bytes at p, and a NUL
	argIn                   // n bytes at p
	argOut                  // the Buf p
	argWord2                // two bytes at n in the Buf p
	argWord4                // four
	argFD                   // what the Call p gives
)

// Int is the number n.
func Int(n int) Arg { return Arg{n: n} }

// Text is a string that ends with NUL.
func Text(s string) Arg {
	return Arg{n: len(s), p: unsafe.Pointer(unsafe.StringData(s)), kind: argText}
}

// In is memory that the kernel reads.
func In(b []byte) Arg { return Arg{n: len(b), p: unsafe.Pointer(unsafe.SliceData(b)), kind: argIn} }

func (a *Arg) bytes() []byte { return unsafe.Slice((*byte)(a.p), a.n) }
func (a *Arg) buf() *Buf     { return (*Buf)(a.p) }
func (a *Arg) call() *Call   { return (*Call)(a.p) }

// A Buf is memory that the kernel writes. Its bytes are there when the call has been made.
type Buf struct {
	Bytes []byte
	at    place // until the call has been made that writes it
}

// NewBuf is a Buf of n bytes.
func NewBuf(n int) *Buf { return &Buf{Bytes: make([]byte, n)} }

// Out is memory that the kernel writes.
func (b *Buf) Out() Arg { return Arg{p: unsafe.Pointer(b), kind: argOut} }

// Int32 is the int32 at off in the buffer, when the call that has it as an argument is made.
func (b *Buf) Int32(off uintptr) Arg { return Arg{p: unsafe.Pointer(b), n: int(off), kind: argWord4} }

// Uint16 is Int32 for two bytes. Another process passes two more, of which the kernel has made
// zeros; it must be little-endian.
func (b *Buf) Uint16(off uintptr) Arg { return Arg{p: unsafe.Pointer(b), n: int(off), kind: argWord2} }

// An FD is a descriptor of the process that makes the calls. It may be one that is yet to
// be opened.
type FD struct {
	n    int
	from *Call
}

// None is no descriptor.
var None = FD{n: -1}

// At is a path's beginning where it is the working directory of who makes the call.
var At = FD{n: unix.AT_FDCWD}

// Number is descriptor n of the process that makes the calls.
func Number(n int) FD { return FD{n: n} }

// Int is the number of a descriptor, which must be known: the call that gives it has been
// made, or failed: -1.
func (f FD) Int() int {
	if f.from != nil {
		return f.from.ret
	}
	return f.n
}

// None tells whether it is no descriptor, and isn't to be one.
func (f FD) None() bool { return f.from == nil && f.n < 0 }

// Arg passes the descriptor.
func (f FD) Arg() Arg {
	if f.from != nil && !f.from.made {
		return Arg{p: unsafe.Pointer(f.from), kind: argFD}
	}
	return Int(f.Int())
}

// Result is what the call gave, once it has been made; -1 if nothing.
func (c *Call) Result() int { return c.ret }

// FD is the descriptor that the call gives.
func (c *Call) FD() FD { return FD{from: c} }

// Give has the call give fd after all: for a handler of its error.
func (c *Call) Give(fd FD) {
	c.ret = fd.Int()
	if c.k.far != nil && c.result != 0 {
		c.k.far.Arena.SetWord(c.k.far.slot(c.result), uintptr(c.ret))
	}
}

// Tolerate lets errors pass, at most six.
func (c *Call) Tolerate(errs ...unix.Errno) *Call {
	c.expect = [most]uint16{}
	for i, e := range errs {
		c.expect[i] = uint16(e)
	}
	return c
}

// On says what the call's label is about: a path.
func (c *Call) On(object string) *Call {
	c.object = object
	return c
}

// Patiently makes the call again where it fails with EAGAIN or EXDEV, for some time: so openat2(2) fails
// when something is renamed while it walks up by "..".
func (c *Call) Patiently() *Call {
	c.patient = true
	return c
}

// Else has f called where the call fails with an error that isn't tolerated. If that
// returns nil all goes on. f may make calls of its own, which come before those behind c.
func (c *Call) Else(f func(unix.Errno) error) *Call {
	c.other = f
	return c
}

// Unless has the call not be made if *b is true by then: something that the handler of an earlier
// call's error has found out.
func (c *Call) Unless(b *bool) *Call {
	c.unless = b
	return c
}

// Now makes the call, after those before it. The error is its own, or its handler's, and is
// kept nowhere; or it is the one that is kept.
func (c *Call) Now() (int, error) {
	if c.made {
		return c.ret, c.k.err
	}
	var own error
	other := c.other
	c.other = func(e unix.Errno) error {
		own = e
		if other != nil {
			own = other(e)
		}
		return nil
	}
	c.k.run()
	switch {
	case c.k.err != nil:
		return -1, c.k.err
	case own != nil:
		var inner *Error
		if errors.As(own, &inner) && (inner.Label != "" || inner.whole) {
			return -1, own
		}
		return -1, &Error{Label: c.what(), Err: own}
	}
	return c.ret, nil
}

// Open is [Call.Now] for a call that gives a descriptor.
func (c *Call) Open() (FD, error) {
	n, err := c.Now()
	return Number(n), err
}

// Do is [Call.Now] for a call that gives nothing.
func (c *Call) Do() error {
	_, err := c.Now()
	return err
}

func (c *Call) expects(e unix.Errno) bool { return slices.Contains(c.expect[:], uint16(e)) }

// what says in an error what the call was for.
func (c *Call) what() string {
	if c.object == "" {
		return c.label
	}
	return c.label + " " + c.object
}

// local makes the call by this thread.
func (c *Call) local() (uintptr, unix.Errno) {
	if c.nr == compare {
		return c.compareHere()
	}
	var a [6]uintptr
	size := 0
	for i := range c.n {
		if c.args[i].kind == argText {
			size += c.args[i].n + 1
		}
	}
	text := slices.Grow(c.k.text[:0], size)
	for i := range c.n {
		arg := &c.args[i]
		if arg.kind != argText {
			a[i] = arg.value()
			continue
		}
		from := len(text)
		text = append(append(text, arg.bytes()...), 0)
		a[i] = uintptr(unsafe.Pointer(&text[from]))
	}
	c.k.text = text
	for {
		r, _, e := syscall.Syscall6(c.nr, a[0], a[1], a[2], a[3], a[4], a[5])
		runtime.KeepAlive(c)
		runtime.KeepAlive(text)
		if e != unix.EINTR || c.nr == unix.SYS_CLOSE {
			return r, e
		}
	}
}

// value is the word that is passed, but for a text.
func (a *Arg) value() uintptr {
	switch a.kind {
	case argFD:
		return uintptr(a.call().ret)
	case argWord2:
		return uintptr(*(*uint16)(unsafe.Pointer(&a.buf().Bytes[a.n])))
	case argWord4:
		return uintptr(*(*int32)(unsafe.Pointer(&a.buf().Bytes[a.n])))
	case argOut:
		return uintptr(unsafe.Pointer(unsafe.SliceData(a.buf().Bytes)))
	case argIn:
		return uintptr(a.p)
	}
	return uintptr(a.n)
}

// compare is no system call: it fails with its fourth argument unless its first one, masked
// by the second, is the third.
const compare = ^uintptr(0)

// Require queues a comparison, which fails with err unless v, a part of a buffer, masked, is
// want.
func (k *Kernel) Require(label string, v Arg, mask, want uint32, err unix.Errno) *Call {
	return k.Call(label, compare, v, Int(int(mask)), Int(int(want)), Int(int(err)), Int(0))
}

// Refuse queues a comparison, which fails with err if v, a part of a buffer, masked, is bad.
func (k *Kernel) Refuse(label string, v Arg, mask, bad uint32, err unix.Errno) *Call {
	return k.Call(label, compare, v, Int(int(mask)), Int(int(bad)), Int(int(err)), Int(1))
}

func (c *Call) compareHere() (uintptr, unix.Errno) {
	v := c.args[0].value()
	if same := uint32(v)&uint32(c.args[1].n) == uint32(c.args[2].n); same == (c.args[4].n != 0) {
		return 0, unix.Errno(c.args[3].n)
	}
	return 0, 0
}
