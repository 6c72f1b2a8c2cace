package calls

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

// Nothing is made before somebody has to know, and then all in order.
func TestOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		r.mkdir("a")
		r.there(t, "-a")
		a := r.open("a").FD() // what it gives is used before it is known
		r.there(t, "-a/b")
		r.Mkdirat("", a, "b", 0o755)
		b := r.Openat("", a, "b", unix.O_PATH, 0).FD()
		r.Mkdirat("", b, "c", 0o755)
		r.Unlinkat("", r.top, "nothing").Tolerate(unix.ENOENT)
		r.Call("", unix.SYS_UNLINKAT, b.Arg(), Text("c"), Int(unix.AT_REMOVEDIR))
		r.Mkdirat("", b, "d", 0o755)
		if r.Remote() {
			r.there(t, "-a")
		}
		says(t, "Flush", r.Flush(), "")
		r.there(t, "a/b/d", "-a/b/c")
		if a.Int() < 0 || b.Int() < 0 || a.None() || b.Int() == a.Int() {
			t.Errorf("descriptors %d and %d", a.Int(), b.Int())
		}
		r.Mkdirat("", b, "late", 0o755) // known by now
		r.Close(a)
		r.Close(b)
		r.Close(None)
		says(t, "Flush", r.Flush(), "")
		r.there(t, "a/b/late")
		if n, err := r.Fchmod("", b, Int(0o700)).Now(); n != -1 || !errors.Is(err, unix.EBADF) {
			t.Errorf("Fchmod of what is closed = %d, %v", n, err)
		}
	})
}

// One error ends all that follows, and stays.
func TestSticky(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		r.Step(step("first"))
		r.mkdir("a")
		r.Step(step("second"))
		r.mkdir("a")
		r.Step(step("third"))
		lost := r.open("a").FD()
		r.mkdir("b").Else(func(unix.Errno) error { t.Error("a call was made behind an error"); return nil })
		err := r.Flush()
		says(t, "Flush", err, "make a: file exists")
		var e *Error
		if !errors.As(err, &e) || e.Step != step("second") || e.Label != "make a" || !errors.Is(err, unix.EEXIST) {
			t.Errorf("the error is %#v", e)
		}
		n, nerr := r.mkdir("c").Now()
		fd, ferr := r.open("a").Open()
		derr := r.mkdir("d").Do()
		if n != -1 || fd.Int() != -1 || !fd.None() || lost.Int() != -1 || !same(nerr, err) || !same(ferr, err) || !same(derr, err) || !same(r.Err(), err) || !same(r.Flush(), err) {
			t.Errorf("%d, %d, %d, %v, %v, %v, %v", n, fd.Int(), lost.Int(), nerr, ferr, derr, r.Err())
		}
		r.Fail("", errors.New("another"))
		if terr := r.Try(func() { t.Error("Try goes on behind an error") }); !same(terr, err) || !same(r.Err(), err) {
			t.Errorf("Try = %v, kept %v", terr, r.Err())
		}
		r.there(t, "a", "-b", "-c", "-d")
	})
}

func TestFail(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		r.Fail("none", nil)
		r.mkdir("a")
		r.Step(step("s"))
		r.Fail("what", unix.EDOM)
		r.mkdir("b")
		err := r.Flush()
		says(t, "Flush", err, "what: numerical argument out of domain")
		if e := (*Error)(nil); !errors.As(err, &e) || e.Step != step("s") {
			t.Errorf("the error is %#v", e)
		}
		r.there(t, "a", "-b")
	})
}

func TestTolerate(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		handled := 0
		count := func(unix.Errno) error { handled++; return nil }
		all := []unix.Errno{unix.EPERM, unix.ENOENT, unix.ESRCH, unix.EIO, unix.ENXIO, unix.EEXIST}
		r.mkdir("a").Tolerate(unix.EEXIST).Else(count)
		again := r.mkdir("a").Tolerate(all...).Else(count)
		r.mkdir("b")
		if n, err := r.mkdir("a").Tolerate(unix.EEXIST).Now(); n != -1 || err != nil {
			t.Errorf("Now of what is tolerated = %d, %v", n, err)
		}
		if again.FD().Int() != -1 || handled != 0 {
			t.Errorf("gave %d, %d errors handled", again.FD().Int(), handled)
		}
		r.mkdir("a").Tolerate(unix.ENOENT).Else(count) // another one
		r.mkdir("c")
		r.mkdir("a").Tolerate(unix.ENOENT, unix.ENOTDIR)
		r.mkdir("d")
		says(t, "Flush", r.Flush(), "make a: file exists")
		if r.there(t, "a", "b", "c", "-d"); handled != 1 {
			t.Errorf("%d errors handled, want 1", handled)
		}
	})
}

// A handler makes calls in between, and gives what those behind it use.
func TestElse(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		var log []unix.Errno
		r.mkdir("before")
		open := r.open("x")
		open.Else(func(e unix.Errno) error {
			log = append(log, e)
			r.there(t, "before", "-after", "-x")
			r.mkdir("x")
			fd, err := r.open("x").Open()
			open.Give(fd)
			return err
		})
		x := open.FD()
		r.Mkdirat("", x, "in", 0o755)
		r.mkdir("x").Else(func(e unix.Errno) error { // its calls come before those behind
			log = append(log, e)
			r.there(t, "x/in", "-after")
			r.mkdir("x/queued")
			return nil
		})
		r.mkdir("after").Else(func(unix.Errno) error { t.Error("no error"); return nil })
		in := r.Openat("", x, "in", unix.O_PATH, 0).FD()
		r.Mkdirat("", in, "deep", 0o755)
		r.mkdir("x/queued").Else(func(e unix.Errno) error { // is there if the order is right
			log = append(log, e)
			return nil
		})
		says(t, "Flush", r.Flush(), "")
		r.there(t, "x/in/deep", "x/queued", "after")
		if got, want := fmt.Sprint(log), fmt.Sprint([]unix.Errno{unix.ENOENT, unix.EEXIST, unix.EEXIST}); got != want {
			t.Errorf("handled %s, want %s", got, want)
		}
		if x.Int() < 0 {
			t.Errorf("Give left %d", x.Int())
		}
		r.Close(in)
		r.Close(x)
	})
}

// A handler's calls may have handlers.
func TestElseNested(t *testing.T) {
	for _, where := range []func(*testing.T) *rig{local, remote(64, 8192, false), remote(64, 8192, true)} {
		t.Run("", func(t *testing.T) {
			r := where(t)
			outer := r.open("a/b/c")
			outer.Else(func(unix.Errno) error {
				mid := r.open("a/b")
				mid.Else(func(unix.Errno) error {
					r.mkdir("a").Else(func(e unix.Errno) error { return e })
					r.mkdir("a/b")
					fd, err := r.open("a/b").Open()
					mid.Give(fd)
					return err
				})
				r.Mkdirat("", mid.FD(), "c", 0o755)
				r.Mkdirat("", mid.FD(), "c", 0o755).Else(func(unix.Errno) error { return nil })
				fd, err := r.open("a/b/c").Open()
				outer.Give(fd)
				r.Close(mid.FD())
				return err
			})
			r.Mkdirat("", outer.FD(), "d", 0o755)
			r.Close(outer.FD())
			says(t, "Flush", r.Flush(), "")
			r.there(t, "a/b/c/d")
		})
	}
}

// The error of a handler: what it says itself is enough, an errno gets the call's label.
func TestElseError(t *testing.T) {
	own := errors.New("own")
	for _, tt := range []struct {
		name string
		f    func(r *rig, e unix.Errno) error
		want string
		is   error
	}{
		{"the same", func(_ *rig, e unix.Errno) error { return e }, "outer: no such file or directory", unix.ENOENT},
		{"another", func(*rig, unix.Errno) error { return own }, "outer: own", own},
		{"wrapped", func(_ *rig, e unix.Errno) error { return fmt.Errorf("why: %w", e) }, "outer: why: no such file or directory", unix.ENOENT},
		{"whole", func(*rig, unix.Errno) error { return Whole(own) }, "own", own},
		{"whole around another", func(*rig, unix.Errno) error { return Whole(fmt.Errorf("x: %w", own)) }, "x: own", own},
		{"of a call", func(r *rig, _ unix.Errno) error { return r.mkdir("a").Do() }, "make a: file exists", unix.EEXIST},
		{"of a call without a label", func(r *rig, _ unix.Errno) error { return r.Mkdirat("", r.top, "a", 0).Do() }, "outer: file exists", unix.EEXIST},
		{"around a call's", func(r *rig, _ unix.Errno) error { return fmt.Errorf("around: %w", r.mkdir("a").Do()) }, "around: make a: file exists", unix.EEXIST},
		{"of a queued call", func(r *rig, _ unix.Errno) error { r.mkdir("a"); return nil }, "make a: file exists", unix.EEXIST},
		{"of a queued call before its own", func(r *rig, _ unix.Errno) error { r.mkdir("a"); return r.mkdir("b").Do() }, "make a: file exists", unix.EEXIST},
		{"of Try", func(r *rig, _ unix.Errno) error { return r.Try(func() { r.mkdir("a") }) }, "make a: file exists", unix.EEXIST},
		{"handler of a handler's call", func(r *rig, _ unix.Errno) error {
			return r.mkdir("a").Else(func(unix.Errno) error { return own }).Do()
		}, "make a: own", own},
		{"whole of a handler's call", func(r *rig, _ unix.Errno) error {
			return r.mkdir("a").Else(func(unix.Errno) error { return Whole(own) }).Do()
		}, "own", own},
		{"whole of a handler's Try", func(r *rig, _ unix.Errno) error {
			return r.Try(func() { r.mkdir("a").Else(func(unix.Errno) error { return Whole(own) }) })
		}, "own", own},
		{"kept by a handler", func(r *rig, _ unix.Errno) error { r.Fail("kept", own); return nil }, "kept: own", own},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, r *rig) {
				r.mkdir("a")
				says(t, "Flush", r.Flush(), "")
				fail := func() {
					r.Step(step("s"))
					r.Openat("outer", r.top, "nothing", unix.O_PATH, 0).Else(func(e unix.Errno) error { return tt.f(r, e) })
					r.Step(step("later"))
					r.mkdir("after")
				}
				tried := r.Try(fail)
				says(t, "Try", tried, tt.want)
				says(t, "kept after Try", r.Err(), "")
				fail()
				err := r.Flush()
				says(t, "Flush", err, tt.want)
				if e := (*Error)(nil); !errors.Is(err, tt.is) || !errors.As(err, &e) || e.Step != step("s") {
					t.Errorf("the error is %#v", err)
				}
				r.there(t, "-after", "-b")
			})
		})
	}
}

// What a handler finds out decides on calls that are behind it.
func TestUnless(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		missing, present := false, false
		r.mkdir("a")
		x := r.open("x").Else(func(unix.Errno) error { missing = true; return nil }).FD()
		a := r.open("a").Else(func(unix.Errno) error { present = true; return nil }).FD()
		r.Mkdirat("", x, "in", 0o755).Unless(&missing)
		skipped := r.mkdir("skipped").Unless(&missing).Else(func(unix.Errno) error { t.Error("was made"); return nil })
		r.Mkdirat("", a, "in", 0o755).Unless(&present)
		before := r.mkdir("b").Unless(&present)
		r.Call("", unix.SYS_CLOSE, x.Arg()).Unless(&missing)
		r.Call("", unix.SYS_CLOSE, a.Arg()).Unless(&present)
		says(t, "Flush", r.Flush(), "")
		r.there(t, "a/in", "b", "-skipped")
		if skipped.FD().Int() != -1 || before.FD().Int() != 0 || x.Int() != -1 {
			t.Errorf("gave %d, %d, %d", skipped.FD().Int(), before.FD().Int(), x.Int())
		}
		if n, err := r.mkdir("skipped").Unless(&missing).Now(); n != -1 || err != nil {
			t.Errorf("Now of what isn't made = %d, %v", n, err)
		}
		if r.has("skipped") {
			t.Error("made anyway")
		}
	})
}

// An error of Now is kept nowhere, but those of calls before it are.
func TestNow(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		same := testbed.Same(t, r.pid)
		r.mkdir("a")
		fd, err := r.open("a").Open()
		if err != nil || fd.Int() < 0 || fd.None() {
			t.Fatalf("Open = %d, %v", fd.Int(), err)
		}
		says(t, "Do", r.Mkdirat("", fd, "b", 0o755).Do(), "")
		r.there(t, "a/b")
		says(t, "Do of what fails", r.mkdir("a").Do(), "make a: file exists")
		if n, err := r.open("x").Now(); n != -1 || !errors.Is(err, unix.ENOENT) {
			t.Errorf("Now = %d, %v", n, err)
		}
		fd2, err := r.open("x").Else(func(e unix.Errno) error { return fmt.Errorf("because: %w", e) }).Open()
		says(t, "Open", err, "open x: because: no such file or directory")
		if !fd2.None() || fd2.Int() != -1 || r.Err() != nil {
			t.Errorf("gave %d, kept %v", fd2.Int(), r.Err())
		}
		c := r.open("x")
		c.Else(func(unix.Errno) error {
			got, err := r.open("a").Open()
			c.Give(got)
			return err
		})
		given, err := c.Open()
		if err != nil || given.Int() < 0 || given.Int() == fd.Int() {
			t.Errorf("Open of what is given = %d, %v", given.Int(), err)
		}
		known := r.open("a")
		says(t, "Flush", r.Flush(), "")
		if n, err := known.Now(); err != nil || n < 0 || n != known.FD().Int() {
			t.Errorf("Now of what has been made = %d, %v", n, err)
		}
		for _, fd := range []FD{fd, given, known.FD()} {
			r.Close(fd)
		}
		says(t, "Flush", r.Flush(), "")
		same()
		r.mkdir("a")
		says(t, "Do behind an error", r.mkdir("c").Do(), "make a: file exists")
		says(t, "kept", r.Err(), "make a: file exists")
		r.there(t, "-c")
	})
}

func TestTry(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		says(t, "Try of nothing", r.Try(func() {}), "")
		r.mkdir("a")
		says(t, "Try", r.Try(func() { r.mkdir("b") }), "")
		r.there(t, "a", "b")
		err := r.Try(func() {
			r.mkdir("c")
			r.mkdir("a")
			r.mkdir("d")
			says(t, "Try in Try", r.Try(func() { r.mkdir("inner") }), "make a: file exists")
		})
		says(t, "Try", err, "make a: file exists")
		says(t, "Try that fails itself", r.Try(func() { r.Fail("x", unix.EDOM) }), "x: numerical argument out of domain")
		r.mkdir("e")
		says(t, "Flush", r.Flush(), "")
		r.there(t, "c", "-d", "-inner", "e")
		r.mkdir("a").Else(func(unix.Errno) error { return r.mkdir("mended").Do() })
		says(t, "Try behind what is mended", r.Try(func() { r.mkdir("f") }), "")
		r.there(t, "mended", "f")
		r.mkdir("a").Else(func(unix.Errno) error { return r.Try(func() { r.mkdir("b") }) })
		says(t, "Try behind what isn't", r.Try(func() { r.mkdir("g") }), "make b: file exists")
		says(t, "kept", r.Err(), "make b: file exists")
		r.there(t, "-g")
	})
}

func TestTryKeeps(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		r.mkdir("a")
		r.mkdir("a")
		says(t, "Try behind what fails", r.Try(func() { r.mkdir("f") }), "make a: file exists")
		says(t, "kept", r.Err(), "make a: file exists")
		says(t, "Try", r.Try(func() { t.Error("goes on") }), "make a: file exists")
		r.there(t, "-f")
	})
}

// Whatever goes wrong, what is to be closed is.
func TestCloseAfterError(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		r.mkdir("a")
		says(t, "Flush", r.Flush(), "")
		same := testbed.Same(t, r.pid)
		for name, f := range map[string]func() error{
			"a call": func() error { r.mkdir("a"); return nil },
			"a call, made at once": func() error {
				r.mkdir("a")
				_ = r.Flush()
				return nil
			},
			"ourselves": func() error { r.Fail("", unix.EDOM); return nil },
			"a handler": func() error {
				r.mkdir("a").Else(func(e unix.Errno) error {
					fd := r.open("a").FD()
					defer r.Close(fd)
					return r.mkdir("a").Do()
				})
				return nil
			},
			"a queued call of a handler": func() error {
				r.mkdir("a").Else(func(e unix.Errno) error {
					fd := r.open("a").FD()
					r.mkdir("a")
					r.Close(fd)
					return nil
				})
				return nil
			},
			"what is to be open": func() error {
				fd := r.open("nothing").FD()
				r.Close(fd)
				return nil
			},
		} {
			err := r.Try(func() {
				fd := r.open("a").FD()
				defer r.Close(fd)
				other := r.open("a").FD()
				defer r.Close(other)
				known, err := r.open("a").Open()
				if err != nil {
					t.Error(err)
				}
				defer r.Close(known)
				_ = f()
			})
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			says(t, "Flush", r.Flush(), "")
			same()
		}
		says(t, "at the end", r.mkdir("end").Do(), "")
	})
}

func TestFetch(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		r.mkdir("a")
		a := r.open("a").FD()
		fd, err := r.Fetch(a)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil || name != r.dir+"/a" {
			t.Errorf("fetched %q, %v", name, err)
		}
		if r.Close(a); r.Flush() != nil {
			t.Error(r.Err())
		}
		if fd, err := r.Fetch(a); fd != -1 || !errors.Is(err, unix.EBADF) {
			t.Errorf("Fetch of what is closed = %d, %v", fd, err)
		}
	})
}
