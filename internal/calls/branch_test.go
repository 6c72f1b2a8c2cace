package calls

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

// Calls that are made where one fails give what it was to give.
func TestOr(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		same := testbed.Same(t, r.pid)
		r.mkdir("there")
		for _, name := range []string{"there", "missing"} {
			c := r.open(name)
			c.Or(func() *Call {
				r.mkdir(name)
				return r.open(name)
			})
			fd := c.FD()
			r.Mkdirat("in "+name, fd, "in", 0o755)
			r.Close(fd)
		}
		r.mkdir("after")
		says(t, "Flush", r.Flush(), "")
		r.there(t, "there/in", "missing/in", "after")
		same()
		fd, err := r.open("x").Or(func() *Call { r.mkdir("x"); return r.open("x") }).Open()
		if err != nil || fd.Int() < 0 {
			t.Errorf("Open = %d, %v", fd.Int(), err)
		}
		r.Close(fd)
		says(t, "Flush", r.Flush(), "")
	})
}

// Calls that are made where one fails with one error give what it was to give.
func TestInstead(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		same := testbed.Same(t, r.pid)
		r.mkdir("there")
		for _, name := range []string{"there", "missing"} {
			c := r.open(name).Instead(unix.ENOENT, func() *Call {
				r.mkdir(name)
				return r.open(name)
			})
			r.Mkdirat("in "+name, c.FD(), "in", 0o755)
			r.Close(c.FD())
		}
		says(t, "Flush", r.Flush(), "")
		r.there(t, "there/in", "missing/in")
		says(t, "Try", r.Try(func() {
			r.open("there/in/x").Instead(unix.EPERM, func() *Call { r.mkdir("x"); return r.open("x") })
			r.mkdir("after")
		}), "open there/in/x: no such file or directory")
		says(t, "Try", r.Try(func() {
			r.open("nothing").Instead(unix.ENOENT, func() *Call { r.mkdir("there"); return r.open("there") })
			r.mkdir("after")
		}), "make there: file exists")
		r.there(t, "-after", "-x")
		fd, err := r.open("y").Instead(unix.ENOENT, func() *Call { r.mkdir("y"); return r.open("y") }).Open()
		if err != nil || fd.Int() < 0 {
			t.Errorf("Open = %d, %v", fd.Int(), err)
		}
		r.Close(fd)
		c := r.open("nothing").Else(func(unix.Errno) error { return r.mkdir("handled").Do() }).Instead(unix.EPERM, func() *Call { return r.open("there") })
		if _, err := c.Now(); err != nil || c.Result() >= 0 {
			t.Errorf("Now = %d, %v", c.Result(), err)
		}
		says(t, "Flush", r.Flush(), "")
		r.there(t, "handled")
		r.Fail("", errors.New("own"))
		r.open("x").Instead(unix.ENOENT, func() *Call { t.Error("goes on"); return nil })
		same()
	})
}

// What is handled among them doesn't hide what the last one gives.
func TestOrHandled(t *testing.T) {
	for name, f := range map[string]func(r *rig, c *Call) *Call{
		"one before": func(r *rig, _ *Call) *Call {
			r.mkdir("a").Else(func(unix.Errno) error { return r.mkdir("b").Do() })
			return r.open("a")
		},
		"the last": func(r *rig, _ *Call) *Call {
			last := r.open("nothing either")
			return last.Else(func(unix.Errno) error {
				fd, err := r.open("a").Open()
				last.Give(fd)
				return err
			})
		},
		"one that gives it itself": func(r *rig, c *Call) *Call {
			given := new(bool)
			r.mkdir("a").Else(func(unix.Errno) error {
				fd, err := r.open("a").Open()
				c.Give(fd)
				*given = true
				return err
			})
			return r.open("nothing either").Unless(given)
		},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, r *rig) {
				r.mkdir("a")
				c := r.open("nothing")
				c.Or(func() *Call { return f(r, c) })
				r.Mkdirat("", c.FD(), "in", 0o755)
				says(t, "Flush", r.Flush(), "")
				r.Mkdirat("", c.FD(), "late", 0o755)
				says(t, "Flush", r.Flush(), "")
				if r.there(t, "a/in", "a/late"); c.Result() < 0 {
					t.Errorf("gave %d", c.Result())
				}
				r.Close(c.FD())
			})
		})
	}
}

func TestOrError(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		r.mkdir("a")
		says(t, "Try", r.Try(func() {
			r.open("nothing").Or(func() *Call { r.mkdir("a"); return r.open("a") })
			r.mkdir("after")
		}), "make a: file exists")
		says(t, "Try", r.Try(func() {
			r.open("nothing").Or(func() *Call { return r.open("nothing either") })
			r.mkdir("after")
		}), "open nothing either: no such file or directory")
		r.there(t, "-after")
		r.mkdir("a")
		r.open("nothing").Or(func() *Call { return r.open("a") })
		says(t, "Flush", r.Flush(), "make a: file exists")
	})
}

// Calls that make sense only if one before has been made.
func TestSkipping(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		same := testbed.Same(t, r.pid)
		r.mkdir("there")
		for _, name := range []string{"there", "missing"} {
			c := r.open(name)
			c.Skipping(unix.ENOENT, func() {
				r.Mkdirat("", c.FD(), "in", 0o755)
				r.Close(c.FD())
				r.mkdir("was " + name)
			})
			r.mkdir("after " + name)
		}
		says(t, "Flush", r.Flush(), "")
		r.there(t, "there/in", "was there", "-was missing", "after there", "after missing")
		c := r.open("there").Else(func(e unix.Errno) error { return Whole(e) })
		c.Skipping(unix.ENOENT, func() { r.Close(c.FD()) })
		says(t, "Flush", r.Flush(), "")
		says(t, "Try", r.Try(func() {
			c := r.Openat("open", r.top, "there/in/../../there/in/x/y", 0, 0)
			c.Skipping(unix.ENOTDIR, func() { r.mkdir("not made") })
		}), "open: no such file or directory")
		r.there(t, "-not made")
		same()
	})
}

func TestIf(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		r.mkdir("a")
		a := r.open("a").FD()
		s, _ := r.Stat("", a)
		for kind, name := range map[uint32]string{unix.S_IFDIR: "is", unix.S_IFREG: "isn't"} {
			r.If(s.Mode(), unix.S_IFMT, kind,
				func() { r.mkdir("yes, it " + name); r.mkdir("yes again, it " + name) },
				func() { r.mkdir("no, it " + name) })
			r.If(s.Mode(), unix.S_IFMT, kind, func() {}, func() { r.mkdir("only no, it " + name) })
			r.If(s.Mode(), unix.S_IFMT, kind, func() { r.mkdir("only yes, it " + name) }, func() {})
		}
		r.mkdir("after")
		says(t, "Flush", r.Flush(), "")
		r.there(t, "yes, it is", "yes again, it is", "-no, it is", "-only no, it is", "only yes, it is",
			"-yes, it isn't", "-yes again, it isn't", "no, it isn't", "only no, it isn't", "-only yes, it isn't", "after")
		says(t, "Try", r.Try(func() {
			r.If(s.Mode(), unix.S_IFMT, unix.S_IFREG, func() {}, func() { r.mkdir("a"); r.mkdir("more") })
			r.mkdir("last")
		}), "make a: file exists")
		r.there(t, "-more", "-last")
		handled := 0
		r.If(s.Mode(), unix.S_IFMT, unix.S_IFDIR, func() {
			r.mkdir("a").Else(func(unix.Errno) error { handled++; return r.mkdir("b").Do() })
			r.mkdir("c")
		}, func() { r.mkdir("d") })
		says(t, "Flush", r.Flush(), "")
		if r.there(t, "b", "c", "-d"); handled != 1 {
			t.Errorf("handled %d times", handled)
		}
		r.Close(a)
	})
}

// One inside the other, and more than is told at once.
func TestBranches(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		for i := range 40 {
			name := fmt.Sprint("d", i)
			c := r.open(name)
			c.Skipping(unix.ENOENT, func() { t.Helper(); r.Close(c.FD()) })
			made := r.open(name)
			made.Or(func() *Call {
				r.mkdir(name)
				return r.open(name)
			})
			r.Close(made.FD())
		}
		says(t, "Flush", r.Flush(), "")
		r.there(t, "d0", "d39")
		r.Fail("", errors.New("own"))
		c := r.open("x").Or(func() *Call { t.Error("goes on"); return nil })
		c.Skipping(unix.ENOENT, func() { t.Error("goes on") })
		r.If(Int(1), 1, 1, func() { t.Error("goes on") }, func() { t.Error("goes on") })
	})
}
