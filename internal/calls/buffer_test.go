package calls

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

// Parts of what a call has written decide whether those behind it are made.
func TestRequire(t *testing.T) {
	high := uint32(4294967294) // negative as an int32
	for _, tt := range []struct {
		name string
		f    func(r *rig, s Stat, st Statfs) *Call
		want string
	}{
		{"type", func(r *rig, s Stat, _ Statfs) *Call { return r.RequireKind("x", s, unix.S_IFREG, unix.EDOM) }, ""},
		{"another type", func(r *rig, s Stat, _ Statfs) *Call { return r.RequireKind("x", s, unix.S_IFDIR, unix.EDOM) }, "x: numerical argument out of domain"},
		{"mode", func(r *rig, s Stat, _ Statfs) *Call { return r.Require("x", s.Mode(), 0o7777, 0o4751, unix.EDOM) }, ""},
		{"all of the mode", func(r *rig, s Stat, _ Statfs) *Call {
			return r.Require("x", s.Mode(), ^uint32(0), unix.S_IFREG|0o4751, unix.EDOM)
		}, ""},
		{"another mode", func(r *rig, s Stat, _ Statfs) *Call { return r.Require("x", s.Mode(), 0o7777, 0o751, unix.EDOM) }, "x: numerical argument out of domain"},
		{"refused mode", func(r *rig, s Stat, _ Statfs) *Call { return r.Refuse("x", s.Mode(), 0o7777, 0o4751, unix.EDOM) }, "x: numerical argument out of domain"},
		{"refused other mode", func(r *rig, s Stat, _ Statfs) *Call { return r.Refuse("x", s.Mode(), 0o7777, 0o751, unix.EDOM) }, ""},
		{"owner", func(r *rig, s Stat, _ Statfs) *Call { return r.Require("x", s.UID(), ^uint32(0), high, unix.EDOM) }, ""},
		{"part of the owner", func(r *rig, s Stat, _ Statfs) *Call { return r.Require("x", s.UID(), 1<<31, 1<<31, unix.EDOM) }, ""},
		{"another owner", func(r *rig, s Stat, _ Statfs) *Call { return r.Require("x", s.UID(), ^uint32(0), 0, unix.EDOM) }, "x: numerical argument out of domain"},
		{"refused owner", func(r *rig, s Stat, _ Statfs) *Call { return r.Refuse("x", s.UID(), ^uint32(0), high, unix.EDOM) }, "x: numerical argument out of domain"},
		{"refused other owner", func(r *rig, s Stat, _ Statfs) *Call { return r.Refuse("x", s.UID(), ^uint32(0), 0, unix.EDOM) }, ""},
		{"group", func(r *rig, s Stat, _ Statfs) *Call { return r.Require("x", s.GID(), ^uint32(0), 7, unix.EDOM) }, ""},
		{"no device", func(r *rig, s Stat, _ Statfs) *Call { a, _ := s.Rdev(); return r.Require("x", a, 0, 1, unix.EDOM) }, "x: numerical argument out of domain"},
		{"file system", func(r *rig, _ Stat, s Statfs) *Call {
			return r.Require("x", s.Type(), ^uint32(0), unix.PROC_SUPER_MAGIC, unix.EDOM)
		}, ""},
		{"another file system", func(r *rig, _ Stat, s Statfs) *Call {
			return r.Refuse("x", s.Type(), ^uint32(0), unix.PROC_SUPER_MAGIC, unix.EDOM)
		}, "x: numerical argument out of domain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, r *rig) {
				path := r.dir + "/f"
				if err := os.WriteFile(path, nil, 0); err != nil {
					t.Fatal(err)
				}
				if err := os.Chown(path, int(high), 7); err != nil {
					t.Fatal(err)
				}
				if err := unix.Chmod(path, 0o4751); err != nil {
					t.Fatal(err)
				}
				var s Stat
				var fs Statfs
				look := func() {
					f := r.Openat("", r.top, "f", unix.O_PATH, 0).FD()
					s, _ = r.Stat("", f)
					r.Close(f)
					p := r.Openat("", At, "/proc", unix.O_PATH, 0).FD()
					fs, _ = r.Fstatfs("", p)
					r.Close(p)
				}
				look()
				tt.f(r, s, fs)
				r.mkdir("queued").Tolerate(unix.EEXIST)
				says(t, "queued", r.Try(func() {}), tt.want)
				if r.Err() != nil { // Try takes what has been queued before it for kept
					return
				}
				r.there(t, "queued")
				// What was written is known even if its place is another call's.
				for i := range 20 {
					r.mkdir(strings.Repeat("z", 40) + fmt.Sprint(i))
				}
				tt.f(r, s, fs)
				says(t, "late", r.Flush(), tt.want)
				n, err := tt.f(r, s, fs).Now()
				if says(t, "Now", err, tt.want); n != 0 {
					t.Errorf("Now = %d", n)
				}
			})
		})
	}
}

// A comparison's error can be handled, and late.
func TestRequireElse(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		r.mkdir("a")
		a := r.open("a").FD()
		s, _ := r.Stat("", a)
		n := 0
		r.RequireKind("", s, unix.S_IFREG, unix.EDOM).Else(func(e unix.Errno) error {
			if n++; e != unix.EDOM || !s.IsDir() {
				t.Errorf("handled %v, directory %v", e, s.IsDir())
			}
			r.RequireKind("", s, unix.S_IFDIR, unix.EDOM) // what is known already
			return r.Require("", s.Mode(), unix.S_IFMT, unix.S_IFLNK, unix.ERANGE).Tolerate(unix.ERANGE).Do()
		})
		r.RequireKind("", s, unix.S_IFREG, unix.EDOM).Tolerate(unix.EDOM)
		r.mkdir("b")
		if says(t, "Flush", r.Flush(), ""); n != 1 {
			t.Errorf("handled %d times", n)
		}
		r.there(t, "b")
		r.Close(a)
	})
}

// What a call has written is passed on as a number.
func TestPassOn(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		for name, mode := range map[string]os.FileMode{"from": 0o641, "to": 0o777} {
			if err := os.WriteFile(r.dir+"/"+name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(r.dir+"/"+name, mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(r.dir+"/from", 5, 6); err != nil {
			t.Fatal(err)
		}
		from := r.Openat("", r.top, "from", unix.O_PATH, 0).FD()
		s, _ := r.Stat("", from)
		to := r.Openat("", r.top, "to", unix.O_RDWR, 0).FD()
		r.Call("", unix.SYS_FCHOWN, to.Arg(), s.UID(), s.GID())
		r.Fchmod("", to, s.Mode())
		says(t, "Flush", r.Flush(), "")
		st, err := r.Look("", to)
		if err != nil || st.Uid != 5 || st.Gid != 6 || st.Mode != unix.S_IFREG|0o641 {
			t.Errorf("owner %d:%d mode %#o, %v", st.Uid, st.Gid, st.Mode, err)
		}
		r.Close(from)
		r.Close(to)
	})
}

func TestReadAndWrite(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		f := r.Openat("", r.top, "f", unix.O_RDWR|unix.O_CREAT, 0o600).FD()
		r.Write("", f, "onetwothree")
		r.Call("", unix.SYS_LSEEK, f.Arg(), Int(0), Int(unix.SEEK_SET))
		one, two := NewBuf(3), NewBuf(3)
		copy(two.Bytes, "???") // goes along
		r.Read("", f, one)
		r.Read("", f, two)
		rest := r.Read("", f, NewBuf(50))
		last := r.Read("", f, NewBuf(1))
		says(t, "Flush", r.Flush(), "")
		if string(one.Bytes) != "one" || string(two.Bytes) != "two" || rest.FD().Int() != 5 || last.FD().Int() != 0 {
			t.Errorf("read %q, %q, %d, %d", one.Bytes, two.Bytes, rest.FD().Int(), last.FD().Int())
		}
		r.Call("", unix.SYS_LSEEK, f.Arg(), Int(0), Int(unix.SEEK_SET))
		r.Read("", f, one) // one buffer for two calls: the last one counts
		r.Read("", f, one)
		says(t, "Flush", r.Flush(), "")
		if string(one.Bytes) != "two" {
			t.Errorf("read %q", one.Bytes)
		}
		r.Symlinkat("", "target", r.top, "link")
		name := NewBuf(20)
		n, err := r.Readlinkat("", r.top, "link", name).Now()
		if err != nil || string(name.Bytes[:n]) != "target" {
			t.Errorf("link to %q, %v", name.Bytes, err)
		}
		// An error leaves what was there.
		if _, err := r.Readlinkat("", r.top, "f", name).Now(); err == nil || string(name.Bytes[:6]) != "target" {
			t.Errorf("%q, %v", name.Bytes, err)
		}
		r.Close(f)
	})
}

// More than fits at once is made in parts, in order, whatever is handled in between.
func TestMany(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		same := testbed.Same(t, r.pid)
		handled, want := 0, 0
		dir := r.top
		for i := range 300 {
			r.Step(step(fmt.Sprint("step ", i)))
			r.Mkdirat("", dir, "d", 0o755)
			if i%3 == 0 {
				want++
				r.Mkdirat("", dir, "d", 0o755).Else(func(e unix.Errno) error {
					handled++
					return r.mkdir(fmt.Sprint("made", i)).Do()
				})
			}
			c := r.Openat("", dir, "e", unix.O_PATH, 0)
			c.Else(func(old FD) func(unix.Errno) error {
				return func(unix.Errno) error {
					fd, err := r.Openat("", old, "d", unix.O_PATH, 0).Open()
					c.Give(fd)
					return err
				}
			}(dir))
			s, _ := r.Stat("", c.FD())
			r.RequireKind("", s, unix.S_IFDIR, unix.ENOTDIR)
			if i > 0 {
				r.Close(dir)
			}
			dir = c.FD()
		}
		r.Close(dir)
		says(t, "Flush", r.Flush(), "")
		if same(); handled != want {
			t.Errorf("%d errors handled, want %d", handled, want)
		}
		r.there(t, strings.Repeat("d/", 300), "made0", "made297", "-made1")
	})
}
