package calls

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What never fits is an error that names it. Nothing behind it is made.
func TestTooLong(t *testing.T) {
	r := remote(8, 512, false)(t)
	err := r.Try(func() {
		r.mkdir("a")
		r.Step(step("s"))
		r.Readlinkat("read", r.top, "a", NewBuf(4096))
		r.mkdir("b")
	})
	says(t, "Try", err, "read: file name too long")
	if e := (*Error)(nil); !errors.As(err, &e) || e.Step != step("s") {
		t.Errorf("the error is %#v", e)
	}
	r.there(t, "a", "-b")
	// What takes all there is may do so.
	name := strings.Repeat("n", 250)
	says(t, "Do", r.Symlinkat("", strings.Repeat("x", 180), r.top, name).Do(), "")
	r.there(t, name)
	// Handlers within handlers need more.
	err = r.Try(func() {
		r.mkdir("a").Else(func(unix.Errno) error {
			r.mkdir("a").Else(func(unix.Errno) error { return r.mkdir("inner").Do() })
			return nil
		})
		for range 20 {
			r.mkdir("a").Tolerate(unix.EEXIST)
		}
	})
	if err != nil && !errors.Is(err, unix.ENAMETOOLONG) || (err == nil) != r.has("inner") {
		t.Errorf("handlers within handlers: %v, made: %v", err, r.has("inner"))
	}
	says(t, "Flush", r.Flush(), "")
}

// The process ends where a call makes it, and where it is killed.
func TestGone(t *testing.T) {
	exit := func(r *rig) *Call { return r.Call("exit", unix.SYS_EXIT_GROUP, Int(3)) }
	kill := func(r *rig) { _ = unix.Kill(r.pid, unix.SIGKILL) }
	for name, f := range map[string]func(t *testing.T, r *rig){
		"by a call": func(_ *testing.T, r *rig) { exit(r) },
		"by a call at once": func(t *testing.T, r *rig) {
			if _, err := exit(r).Now(); !errors.Is(err, ErrGone) {
				t.Errorf("Now = %v", err)
			}
		},
		"in a handler": func(_ *testing.T, r *rig) { r.mkdir("a").Else(func(unix.Errno) error { exit(r); return nil }) },
		"in a handler at once": func(t *testing.T, r *rig) {
			r.mkdir("a").Else(func(unix.Errno) error {
				_, err := exit(r).Now()
				if !errors.Is(err, ErrGone) {
					t.Errorf("Now = %v", err)
				}
				return err
			})
		},
		"while a handler is at work": func(t *testing.T, r *rig) {
			r.mkdir("a").Else(func(unix.Errno) error { kill(r); r.await(t); return nil })
		},
		"before it is asked": func(t *testing.T, r *rig) { kill(r); r.await(t) },
		"while it makes a call": func(_ *testing.T, r *rig) {
			r.Call("", unix.SYS_KILL, Int(r.pid), Int(int(unix.SIGSTOP))) // it neither answers nor ends
			r.mkdir("b").Tolerate(unix.EEXIST)
			go func() {
				var info unix.Siginfo
				_ = unix.Waitid(unix.P_PID, r.pid, &info, unix.WSTOPPED|unix.WNOWAIT, nil)
				kill(r)
			}()
		},
	} {
		t.Run(name, func(t *testing.T) {
			elsewhere(t, func(t *testing.T, r *rig) {
				r.mkdir("a")
				says(t, "Flush", r.Flush(), "")
				r.Step(step("s"))
				err := r.Try(func() {
					f(t, r)
					r.mkdir("after")
				})
				if e := (*Error)(nil); !errors.Is(err, ErrGone) || !errors.As(err, &e) || e.Step != step("s") {
					t.Errorf("Try = %#v, want %v", err, ErrGone)
				}
				r.mkdir("later")
				err = r.Flush()
				if !errors.Is(err, ErrGone) || !same(r.mkdir("later").Do(), err) || !same(r.End(), err) {
					t.Errorf("Flush = %v, kept %v", err, r.Err())
				}
				if fd, err := r.Fetch(r.top); fd != -1 || err == nil {
					t.Errorf("Fetch = %d, %v", fd, err)
				}
				r.there(t, "-after", "-later")
				if r.progress.Errno != 0 {
					t.Errorf("the record has error %d", r.progress.Errno)
				}
			})
		})
	}
}

// The process goes on behind the annex, where this tape ends.
func TestEnd(t *testing.T) {
	elsewhere(t, func(t *testing.T, r *rig) {
		r.mkdir("a")
		r.mkdir("a").Else(func(unix.Errno) error { return r.mkdir("b").Do() })
		says(t, "End", r.End(), "")
		if ws := r.await(t); ws != 0 || r.progress.Errno != 0 {
			t.Errorf("status %#x, error %d", ws, r.progress.Errno)
		}
		r.there(t, "a", "b")
		r.mkdir("c")
		if err := r.Flush(); !errors.Is(err, ErrGone) {
			t.Errorf("Flush = %v", err)
		}
		says(t, "End", r.End(), r.Err().Error())
	})
}

// What is only to be closed at the end is, without an answer.
func TestEndCloses(t *testing.T) {
	elsewhere(t, func(t *testing.T, r *rig) {
		r.mkdir("a")
		fd, err := r.open("a").Open()
		if err != nil {
			t.Fatal(err)
		}
		r.Close(fd)
		r.Close(Number(999))
		if at := r.far.closings(r.queue); at < 0 {
			t.Error("has to be answered")
		}
		says(t, "End", r.End(), "")
		if ws := r.await(t); ws != 0 || r.progress.Errno != 0 {
			t.Errorf("status %#x, error %d", ws, r.progress.Errno)
		}
	})
	elsewhere(t, func(t *testing.T, r *rig) {
		r.Close(r.open("nothing").Tolerate(unix.ENOENT).FD())
		if at := r.far.closings(r.queue); at >= 0 {
			t.Error("what isn't open yet is closed")
		}
		says(t, "End", r.End(), "")
		r.await(t)
	})
}

// Calls wait for who makes them, and for the descriptors that he gets.
func TestBegin(t *testing.T) {
	elsewhere(t, func(t *testing.T, r *rig) {
		begun := 0
		r.far.Begin = func() error { begun++; return nil }
		given := r.Given(r.far.Annex.Sock)
		flags := r.Call("look", unix.SYS_FCNTL, given.Arg(), Int(unix.F_GETFD), Int(0))
		r.mkdir("a")
		if begun != 0 || given.Int() >= 0 || given.None() {
			t.Errorf("begun %d times; given %d", begun, given.Int())
		}
		says(t, "Flush", r.Flush(), "")
		if begun != 1 || flags.Result() < 0 || given.Int() != r.far.Arena.Int32(r.far.Annex.Sock) {
			t.Errorf("begun %d times; given %d, with flags %d", begun, given.Int(), flags.Result())
		}
		says(t, "Do", r.Call("look", unix.SYS_FCNTL, given.Arg(), Int(unix.F_GETFD), Int(0)).Do(), "")
		if r.there(t, "a"); begun != 1 {
			t.Errorf("begun %d times", begun)
		}
	})
	for name, first := range map[string]func(r *rig) error{
		"Flush": func(r *rig) error { return r.Flush() },
		"Try":   func(r *rig) error { return r.Try(func() { r.mkdir("b") }) },
		"Now":   func(r *rig) error { return r.mkdir("b").Do() },
		"End":   func(r *rig) error { return r.End() },
	} {
		t.Run(name, func(t *testing.T) {
			elsewhere(t, func(t *testing.T, r *rig) {
				r.far.Begin = func() error { return errors.New("nobody comes") }
				r.mkdir("a")
				for range 2 {
					says(t, name, first(r), "nobody comes")
				}
				r.there(t, "-a", "-b")
			})
		})
	}
}

// Behind an error it doesn't.
func TestEndAfterError(t *testing.T) {
	elsewhere(t, func(t *testing.T, r *rig) {
		r.mkdir("a")
		r.mkdir("a")
		says(t, "End", r.End(), "make a: file exists")
		says(t, "End", r.End(), "make a: file exists")
		if err := unix.Kill(r.pid, 0); err != nil {
			t.Error(err)
		}
		// Nobody tells it anything any more.
		unix.Close(r.far.Sock)
		r.far.Sock = -1
		if ws := r.await(t); ws.ExitStatus() != 1 || r.progress.Errno == 0 {
			t.Errorf("status %#x, error %d", ws, r.progress.Errno)
		}
	})
}

// The record of a process that has ended in the annex tells by which call.
func TestLabel(t *testing.T) {
	elsewhere(t, func(t *testing.T, r *rig) {
		for i := range 20 {
			if got := r.far.Label(i); got != "" {
				t.Errorf("entry %d is %q before there was a call", i, got)
			}
		}
		first := r.far.Annex.First
		r.mkdir("a")
		r.Step(step("setting up"))
		r.mkdir("b")
		says(t, "Flush", r.Flush(), "")
		for i, want := range map[int]string{-1: "", first - 1: "", first: "make a", first + 1: "setting up: make b", first + 2: "", first + 1000: ""} {
			if got := r.far.Label(i); got != want {
				t.Errorf("entry %d is %q, want %q", i-first, got, want)
			}
		}
		r.mkdir("c")
		r.mkdir("a").Else(func(unix.Errno) error {
			r.mkdir("d")
			r.Call("exit", unix.SYS_EXIT_GROUP, Int(3))
			return nil
		})
		r.mkdir("e")
		if err := r.Flush(); !errors.Is(err, ErrGone) {
			t.Fatalf("Flush = %v", err)
		}
		if ws := r.await(t); ws.ExitStatus() != 3 {
			t.Errorf("status %#x", ws)
		}
		if got := r.far.Label(int(r.progress.Step)); got != "setting up: exit" {
			t.Errorf("it ended by %q", got)
		}
	})
}

func TestRemote(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		if r.Remote() != (r.far != nil) {
			t.Errorf("Remote = %v", r.Remote())
		}
		pid, err := r.Call("", unix.SYS_GETPID).Now()
		if pid != r.pid || err != nil {
			t.Errorf("calls are made by %d, %v, want %d", pid, err, r.pid)
		}
	})
}

// Where a step ends much of what is queued is made, and little isn't.
func TestStep(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		r.mkdir("a")
		r.Step(nil)
		if r.has("a") == r.Remote() {
			t.Errorf("made at the end of the step: %v", r.has("a"))
		}
		for range enough {
			r.mkdir("a").Tolerate(unix.EEXIST)
		}
		r.mkdir("b")
		r.Step(nil)
		r.there(t, "a", "b")
		says(t, "Flush", r.Flush(), "")
	})
}
