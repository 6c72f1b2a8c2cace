// Package calls makes system calls where they belong: by the calling thread, or by a
// container's first process, in its namespaces and with its rights, see [Far].
//
// A [Kernel] queues calls. What a call gives may be used by those behind it before it is
// known, so that the first process makes many without anybody being asked in between.
// Where a call fails that something else is to be done about, it says so beforehand, by
// [Call.Else]; any other error ends all that follows, and is kept. Who has to know
// before he can go on calls [Kernel.Flush] or [Call.Now].
package calls

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Kernel takes system calls. Its zero value makes them by the calling thread, one after the
// other. It isn't safe for use by several goroutines.
type Kernel struct {
	far   *Far
	step  fmt.Stringer
	queue []*Call
	slab  []Call
	err   error
	level uint8  // how many [Kernel.Try] are at work
	whose uint8  // the level of who has kept err
	depth int    // how many handlers of errors are at work
	text  []byte // of the call that is being made
	left  []int  // descriptors whose closing an error has prevented
}

// An Error is a call that failed.
type Error struct {
	Step  fmt.Stringer // what it was part of; may be nil
	Label string       // what it was for: "attach"
	Err   error
	whole bool
}

// Whole is an error to which a call's label adds nothing.
func Whole(err error) error { return &Error{Err: err, whole: true} }

// Error says what failed and why, without the step.
func (e *Error) Error() string {
	if e.Label == "" {
		return e.Err.Error()
	}
	return e.Label + ": " + e.Err.Error()
}

// Unwrap is the cause, an errno if the kernel has said no more.
func (e *Error) Unwrap() error { return e.Err }

// Step says what the calls that follow are part of. Between two steps is where many
// queued calls are made.
func (k *Kernel) Step(s fmt.Stringer) {
	if k.far == nil || len(k.queue) >= enough {
		k.run()
	}
	k.step = s
}

// enough is how many calls are worth the way.
const enough = 320

// Call queues a system call. label says in an error what it was for. Where an error is
// kept already the call isn't made, and gives -1.
func (k *Kernel) Call(label string, nr uintptr, args ...Arg) *Call {
	if k.far == nil {
		k.run()
	}
	if len(k.slab) == 0 {
		k.slab = make([]Call, k.some())
	}
	c := &k.slab[0]
	k.slab = k.slab[1:]
	*c = Call{k: k, nr: nr, label: label, step: k.step, ret: -1, level: k.level}
	c.n = uint8(copy(c.args[:], args))
	if k.err != nil {
		c.made = true
		return c
	}
	k.queue = append(k.queue, c)
	return c
}

// some is for how many calls memory is taken at once: where they are made one after the other there are mostly few.
func (k *Kernel) some() int {
	if k.far == nil {
		return 4
	}
	return slab / int(unsafe.Sizeof(Call{}))
}

// slab is of a size, in bytes, that the Go runtime wastes nothing of.
const slab = 8192

// Flush makes all calls that are queued, and returns the error that is kept.
func (k *Kernel) Flush() error {
	k.run()
	return k.err
}

// Fail keeps an error, unless there is one.
func (k *Kernel) Fail(label string, err error) {
	if k.run(); err != nil {
		k.keep(k.level, &Error{Step: k.step, Label: label, Err: err})
	}
}

// Keep keeps an error as it is, unless there is one.
func (k *Kernel) Keep(err error) {
	if k.run(); err != nil {
		k.keep(k.level, &Error{Step: k.step, Err: err})
	}
}

// keep keeps the error of a call of a level, unless there is one.
func (k *Kernel) keep(level uint8, err *Error) {
	if k.err == nil {
		k.err, k.whose = err, level
	}
}

// Try has f queue calls, and makes them, with those before. Their error isn't kept. That of one before is, and then none of f's is made.
func (k *Kernel) Try(f func()) error {
	if k.far == nil {
		k.run()
	}
	if k.err != nil {
		return k.err
	}
	k.level++
	f()
	k.level--
	k.run()
	err := k.err
	if err == nil || k.whose <= k.level {
		return err
	}
	k.err = nil
	for _, fd := range k.left {
		k.Close(Number(fd))
	}
	k.left = nil
	return err
}

// Err is the error that is kept.
func (k *Kernel) Err() error { return k.err }

// Remote tells whether another process makes the calls.
func (k *Kernel) Remote() bool { return k.far != nil }

// run makes the calls of the queue.
func (k *Kernel) run() {
	if k.far != nil {
		k.far.run(k)
		return
	}
	for len(k.queue) > 0 {
		c := k.queue[0]
		k.queue = k.queue[:0]
		if c.unless != nil && *c.unless {
			c.made = true
			continue
		}
		ret, e := c.local()
		c.done(ret, e)
	}
}

// done notes what a call gave, and does what is to be done about an error.
func (c *Call) done(ret uintptr, e unix.Errno) {
	c.made = true
	if e == 0 {
		c.ret = int(ret)
		return
	}
	k, err := c.k, error(e)
	if c.patient && (e == unix.EAGAIN || e == unix.EXDEV) {
		if e = c.again(e); e == 0 {
			return
		}
		err = e
	}
	if c.expects(e) {
		c.tolerated = true
		return
	}
	if c.other != nil {
		queue, step, level := k.queue, k.step, k.level
		k.queue, k.step, k.level = nil, c.step, c.level // what follows may be queued already
		k.depth++
		err = c.other(e)
		k.run()
		k.depth--
		k.queue, k.step, k.level = queue, step, level
	}
	if err != nil {
		failed := &Error{Step: c.step, Label: c.what(), Err: err}
		var own *Error
		if errors.As(err, &own) && (own.Label != "" || own.whole) {
			failed = &Error{Step: c.step, Err: err, whole: true}
		}
		k.keep(c.level, failed)
	}
	if k.err != nil {
		k.drop(k.queue)
		k.queue = nil
	}
}

// again makes a call until it gives something, or fails in another way, or time is up. Under a pure
// load of renames some tries suffice.
func (c *Call) again(e unix.Errno) unix.Errno {
	k, queue, start := c.k, c.k.queue, time.Now()
	k.queue = nil
	k.depth++
	defer func() {
		k.depth--
		k.queue = queue
	}()
	for try := 0; e == unix.EAGAIN || e == unix.EXDEV; try++ {
		if try >= tries && time.Since(start) >= patience {
			return e
		}
		fd, err := k.Call(c.label, c.nr, c.args[:c.n]...).Open()
		if err == nil {
			c.Give(fd)
			return 0
		}
		if !errors.As(err, &e) { // who makes the calls has gone
			return e
		}
	}
	return e
}

// How often, and for how long, [Call.Patiently] tries.
const (
	tries    = 128
	patience = 100 * time.Millisecond
)

// drop gives up calls because of an error. What they were to close is closed when that has
// been dealt with, see [Kernel.Try].
func (k *Kernel) drop(list []*Call) {
	for _, c := range list {
		if c.made = true; c.nr != unix.SYS_CLOSE {
			continue
		}
		fd := int(c.args[0].value())
		if fd >= 0 {
			k.left = append(k.left, fd)
		}
	}
}
