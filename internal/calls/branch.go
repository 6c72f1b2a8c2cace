package calls

import (
	"errors"

	"golang.org/x/sys/unix"
)

// jump is no system call: it passes over as many calls as its argument says.
const jump = ^uintptr(1)

// Or has f queue calls that are made where c fails, whatever its error is. The last of them has to be
// what f returns, and gives what c was to give. f makes no call at once.
func (c *Call) Or(f func() *Call) *Call {
	k := c.k
	if k.err != nil {
		return c
	}
	if k.far == nil {
		c.other = func(unix.Errno) error {
			last := f()
			if k.run(); k.err == nil && last.ret >= 0 {
				c.ret = last.ret
			}
			return nil // what went wrong is kept
		}
		return c
	}
	from := len(k.queue)
	last := f()
	if k.err != nil {
		return c
	}
	last.into = c
	c.over = int32(len(k.queue) - from)
	c.together = c.over
	return c
}

// Instead has f queue calls that are made where c fails with e, as those of [Call.Or] where it fails with any error.
func (c *Call) Instead(e unix.Errno, f func() *Call) *Call {
	k := c.k
	if k.err != nil {
		return c
	}
	if k.far == nil {
		other := c.other
		c.other = func(got unix.Errno) error {
			if got != e {
				if other != nil {
					return other(got)
				}
				return got
			}
			last := f()
			if k.run(); k.err == nil && last.ret >= 0 {
				c.ret = last.ret
			}
			return nil // what went wrong is kept
		}
		return c
	}
	from := len(k.queue)
	over := k.Call("", jump, Int(0))
	last := f()
	if k.err != nil {
		return c
	}
	last.into = c
	over.args[0] = Int(len(k.queue) - from - 1)
	c.Tolerate(e).otherwise = 1
	c.together = int32(len(k.queue) - from)
	return c
}

// Skipping has the calls that f queues be made unless c fails with e, which is no error then. f makes
// no call at once.
func (c *Call) Skipping(e unix.Errno, f func()) {
	k := c.k
	if k.err != nil {
		return
	}
	if k.far == nil {
		failed, other := false, c.other
		c.other = func(got unix.Errno) error {
			err := error(got)
			if got != e && other != nil {
				err = other(got)
			}
			if failed = errors.Is(err, e); failed {
				return nil
			}
			return err
		}
		if k.run(); !failed && k.err == nil {
			f()
		}
		return
	}
	from, failed := len(k.queue), false
	c.Tolerate(e)
	if f(); k.err != nil {
		return
	}
	c.otherwise = int32(len(k.queue) - from)
	c.together = c.otherwise
	if c.other == nil {
		return
	}
	for _, next := range k.queue[from:] {
		if next.unless == nil {
			next.unless = &failed
		}
	}
	other := c.other
	c.other = func(got unix.Errno) error { // which may come to e in the end
		err := other(got)
		if failed = errors.Is(err, e); failed {
			return nil
		}
		return err
	}
}

// If queues a comparison as [Kernel.Require] does, and has the calls made that yes queues if v is
// want, and else those of no. Neither makes a call at once.
func (k *Kernel) If(v Arg, mask, want uint32, yes, no func()) {
	if k.err != nil {
		return
	}
	if k.far == nil {
		equal := true
		k.Require("", v, mask, want, unix.ENOENT).Else(func(unix.Errno) error {
			equal = false
			return nil
		})
		if k.run(); equal {
			yes()
		} else {
			no()
		}
		return
	}
	c := k.Require("", v, mask, want, unix.ENOENT)
	from := len(k.queue)
	if yes(); k.err != nil {
		return
	}
	over := k.Call("", jump, Int(0))
	c.Tolerate(unix.ENOENT).otherwise = int32(len(k.queue) - from)
	from = len(k.queue)
	if no(); k.err != nil {
		return
	}
	over.args[0] = Int(len(k.queue) - from)
	c.together = c.otherwise + int32(len(k.queue)-from)
}
