package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/testbed"
)

// A jail resolves paths the way a process does whose root directory was
// changed: it is what Root is compared with.
type jail struct {
	ask    chan question
	answer chan answer
}

type question struct {
	path  string
	flags int
}

type answer struct {
	file id
	err  error
}

// newJail starts a thread whose root is dir. With mount namespaces, call it
// from a thread in the right one.
func newJail(t testing.TB, dir string) *jail {
	t.Helper()
	j := &jail{make(chan question), make(chan answer)}
	top := root(t, dir)
	ns, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with us
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Setns(ns, unix.CLONE_NEWNS)
		}
		if err == nil {
			err = unix.Fchdir(top.FD.Int())
		}
		if err == nil {
			err = unix.Chroot(".")
		}
		unix.Close(ns)
		started <- err
		for q := range j.ask {
			var a answer
			var fd int
			fd, a.err = unix.Open(q.path, q.flags|unix.O_PATH|unix.O_CLOEXEC, 0)
			if a.err == nil {
				var st unix.Stat_t
				a.err = unix.Fstat(fd, &st)
				a.file = id{uint64(st.Dev), st.Ino}
				unix.Close(fd)
			}
			j.answer <- a
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("chroot (needs root): %v", err)
	}
	t.Cleanup(func() { close(j.ask) })
	return j
}

// open asks again when there were too many links: a walk that somebody's rename
// disturbs begins anew in the kernel, and counts on from the links it had seen.
func (j *jail) open(path string, flags int) (a answer) {
	for range 5 {
		j.ask <- question{path, flags}
		if a = <-j.answer; !errors.Is(a.err, unix.ELOOP) {
			break
		}
	}
	return a
}

// compare resolves path both ways.
func compare(t testing.TB, r Root, j *jail, path string) {
	t.Helper()
	short := strings.TrimLeft(path, "/") // the jail's working directory is its root
	for flags, f := range map[int]func(string) (int, error){0: r.lookup, unix.O_NOFOLLOW: r.lookupNoFollow} {
		fd, err := f(path)
		for n := 0; n < 5 && errors.Is(err, unix.ELOOP); n++ { // as in open
			fd, err = f(path)
		}
		want := j.open(short, flags)
		if number(err) != number(want.err) || (err == nil) != (want.err == nil) {
			t.Errorf("resolving %.200q (flags %#x) = %.300v, chroot says %v", path, flags, err, want.err)
		}
		if err == nil {
			if got := fileID(t, fd); want.err == nil && got != want.file {
				t.Errorf("resolving %.200q (flags %#x) leads to %v, chroot to %v", path, flags, got, want.file)
			}
			unix.Close(fd)
		}
	}
}

// labyrinth has every kind of link.
var labyrinth = []string{
	"etc/passwd", "a/b/c/", "a/b/file", "p|", "empty/",
	"abs -> /a/b", "rel -> a/b", "up -> ../../../a", "a/b/out -> ../../../../../../etc/passwd", "a/abs -> /etc",
	"host -> /proc/self/root", "self -> .", "top -> /", "a/top -> /../..",
	"loop -> loop", "ping -> pong", "pong -> ping", "a/cycle -> ../a/cycle/x",
	"dangling -> nowhere", "deep -> a/b/new/dir", "absdangling -> /a/none/x", "climb -> a/../../../fresh",
	"tofile -> a/b/file", "slash -> a/b/", "double -> a//b", "dots -> ./a/./b/.", "fileslash -> a/b/file/", "chain1 -> chain2", "chain2 -> chain3", "chain3 -> /a/b",
	"fifo -> p", "long -> " + "a/../",
}

var paths = []string{
	"", "/", ".", "..", "../..", "/..", "//", "/./", "a", "/a/", "a//b", "a/./b", "a/b/..", "a/b/../../..", "../etc/passwd", "/../../etc/passwd",
	"abs", "abs/file", "abs/", "rel/file", "rel/..", "up/b/file", "a/b/out", "a/abs/passwd", "self/self/self/a", "top/etc", "a/top/etc/passwd",
	"host/etc", "loop", "loop/x", "ping", "ping/..", "a/cycle", "dangling", "dangling/", "dangling/x", "deep", "absdangling", "climb",
	"tofile", "tofile/", "tofile/x", "tofile/..", "slash", "slash/file", "double/file", "dots/file", "fileslash", "chain1/file", "fifo", "fifo/",
	"a/b/file", "a/b/file/", "a/b/file/.", "a/b/file/..", "nothing", "nothing/", "nothing/..", "empty/x", "etc/passwd/..", "long/a/b",
	strings.Repeat("x", 255), strings.Repeat("x", 256), "a/" + strings.Repeat("y", 256) + "/z",
	strings.Repeat("a/../", 800) + "a", strings.Repeat("a/../", 818) + "a", strings.Repeat("a/../", 900), strings.Repeat("./", 3000),
	"a\n", "\xff", " ",
}

func TestLookupLikeChroot(t *testing.T) {
	dir := t.TempDir()
	testbed.Tree(t, dir, labyrinth...)
	r, j := root(t, dir), newJail(t, dir)
	for _, p := range paths {
		if strings.Trim(p, "/") == "" { // below: open("") is an error, Root takes it for the top
			continue
		}
		compare(t, r, j, p)
	}
	for _, p := range []string{"", "/", "//"} {
		fd, err := r.lookup(p)
		if err != nil || fileID(t, fd) != fileID(t, r.FD.Int()) {
			t.Errorf("Lookup(%q) = %v, want the top", p, err)
		}
		unix.Close(fd)
	}
}

// A chain of exactly as many links as the kernel follows, and of one more.
func TestLinkLimit(t *testing.T) {
	dir := t.TempDir()
	entries := []string{"end/"}
	for i := range 45 {
		target := "end"
		if i > 0 {
			target = "l" + string(rune('A'+i-1))
		}
		entries = append(entries, "l"+string(rune('A'+i))+" -> "+target)
	}
	testbed.Tree(t, dir, entries...)
	r, j := root(t, dir), newJail(t, dir)
	for i := range 45 {
		compare(t, r, j, "l"+string(rune('A'+i)))
	}
}

func FuzzLookup(f *testing.F) {
	dir := f.TempDir()
	testbed.Tree(f, dir, labyrinth...)
	r, j := root(f, dir), newJail(f, dir)
	for _, p := range paths {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if strings.Trim(path, "/") == "" || strings.Contains(path, "\x00") {
			return
		}
		compare(t, r, j, path)
	})
}

// What is mounted below is part of the container, and ".." leads back.
func TestMountInside(t *testing.T) {
	testbed.Tmpfs(t, 0, func(dir string) {
		testbed.Tree(t, dir, "root/m/", "root/in -> m/x/..", "root/back -> m/../etc", "root/etc/", "outside/etc/", "etc/")
		top := dir + "/root"
		if err := unix.Mount("tmpfs", top+"/m", "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		testbed.Tree(t, top, "m/x/", "m/up -> ../../../etc")
		if err := unix.Mount("proc", top+"/etc", "proc", 0, ""); err != nil {
			t.Fatal(err)
		}
		r, j := root(t, top), newJail(t, top)
		for _, p := range []string{"m", "m/x", "m/..", "m/x/../..", "in", "back", "m/up", "m/x/../up", "m/../../../etc", "etc/sys/kernel"} {
			compare(t, r, j, p)
		}
		// Links of procfs lead anywhere: none is followed, but a plain one is.
		for _, p := range []string{"etc/self/root", "etc/self/root/etc", "etc/self/cwd", "etc/self/exe", "etc/self/fd/0", "etc/thread-self/root"} {
			if fd, err := r.lookup(p); number(err) != unix.ELOOP {
				t.Errorf("Lookup(%q) = %d, %v, want ELOOP", p, fd, err)
			}
			for name, f := range map[string]func(string) error{
				"Dir":         func(p string) error { _, err := r.dir(p); return err },
				"File":        func(p string) error { _, err := r.file(p); return err },
				"ReadRegular": r.read,
			} {
				if err := f(p); number(err) != unix.ELOOP {
					t.Errorf("%s(%q) = %v, want ELOOP", name, p, err)
				}
			}
		}
		if fd, err := r.lookup("etc/self/status"); err != nil {
			t.Errorf("Lookup through a plain link of procfs: %v", err)
		} else {
			unix.Close(fd)
		}
	})
}

func TestLookupPlain(t *testing.T) {
	dir := t.TempDir()
	testbed.Tree(t, dir, labyrinth...)
	r := root(t, dir)
	for p, want := range map[string]unix.Errno{
		"a/b/file": 0, "/a/b": 0, "a/../a/b": 0, "": 0,
		"abs": unix.ELOOP, "abs/file": unix.ELOOP, "a/b/out": unix.ELOOP, "dangling": unix.ELOOP, "nothing": unix.ENOENT,
	} {
		fd, err := r.lookupPlain(p)
		if number(err) != want || (err == nil) != (want == 0) {
			t.Errorf("LookupPlain(%q) = %v, want %v", p, err, want)
		}
		if err == nil {
			unix.Close(fd)
		}
	}
}

func TestReadRegular(t *testing.T) {
	testbed.Tmpfs(t, 0, func(dir string) {
		testbed.Tree(t, dir, labyrinth...)
		if err := unix.Mknod(dir+"/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mknod(dir+"/tty", unix.S_IFCHR|0o666, int(unix.Mkdev(5, 0))); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Join(dir, "sock")}); err != nil {
			t.Fatal(err)
		}
		r := root(t, dir)
		for _, p := range []string{"a/b/file", "tofile", "a/b/out"} {
			// tree has written the file's name
			full := map[string]string{"a/b/out": "etc/passwd"}[p]
			if full == "" {
				full = "a/b/file"
			}
			for _, limit := range []int{0, 4, len(full), 1000} {
				text, size, err := r.ReadRegular(p, limit)
				if want := full[:min(limit, len(full))]; string(text) != want || size != int64(len(full)) || err != nil {
					t.Errorf("ReadRegular(%q, %d) = %q, %d, %v, want %q", p, limit, text, size, err, want)
				}
			}
		}
		same := testbed.Same(t, os.Getpid())
		for _, p := range []string{"p", "fifo", "null", "tty", "sock", "a", "self", "dangling", "loop", "a/b/file/"} {
			text, size, err := r.ReadRegular(p, 4)
			if err == nil {
				t.Errorf("ReadRegular(%q): no error", p)
			} else if !strings.HasPrefix(err.Error(), "open /"+p+": ") {
				t.Errorf("ReadRegular(%q) = %v, which doesn't name it", p, err)
			}
			if text != nil || size != 0 {
				t.Errorf("ReadRegular(%q) = %q, %d with its error", p, text, size)
			}
		}
		same()
	})
}

// More than is read at once, more than the limit, and what says it is empty.
func TestReadRegularSize(t *testing.T) {
	testbed.Tmpfs(t, 0, func(dir string) {
		testbed.Tree(t, dir, "proc/", "log -> proc/kmsg")
		if err := unix.Mount("proc", dir+"/proc", "proc", 0, ""); err != nil {
			t.Fatal(err)
		}
		long := strings.Repeat("0123456789abcde\n", 3*chunk/16) + "end"
		if err := os.WriteFile(dir+"/long", []byte(long), 0o644); err != nil {
			t.Fatal(err)
		}
		for name, size := range map[string]int64{"sparse": 2 << 30, "large": 4 << 30} {
			if err := os.WriteFile(dir+"/"+name, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(dir+"/"+name, size); err != nil {
				t.Fatal(err)
			}
		}
		r := root(t, dir)
		for _, tt := range []struct {
			path  string
			limit int
			want  string
			size  int64
		}{
			{"long", 1 << 20, long, int64(len(long))},
			{"long", len(long) - 1, long[:len(long)-1], int64(len(long))},
			{"long", chunk, long[:chunk], int64(len(long))},
			{"long", chunk + 1, long[:chunk+1], int64(len(long))},
			{"sparse", 5, "\x00\x00\x00\x00\x00", 2 << 30},
			{"large", 5, "\x00\x00\x00\x00\x00", 4 << 30}, // half of its size is 0
			{"log", 100, "", 0}, // reading it could block
			{"proc/self/status", 100, "", 0},
		} {
			text, size, err := r.ReadRegular(tt.path, tt.limit)
			if string(text) != tt.want || size != tt.size || err != nil {
				t.Errorf("ReadRegular(%q, %d) = %d bytes, %d, %v, want %d of %d", tt.path, tt.limit, len(text), size, err, len(tt.want), tt.size)
			}
		}
	})
}

func TestErrorText(t *testing.T) {
	r := root(t, t.TempDir())
	_, err := r.Lookup("x/y")
	var e *calls.Error
	if !errors.As(err, &e) || e.Label != "open /x/y" || !errors.Is(err, unix.ENOENT) || err.Error() != "open /x/y: no such file or directory" {
		t.Errorf("Lookup = %v", err)
	}
}

func TestOrdinaryDir(t *testing.T) {
	dir := t.TempDir()
	testbed.Tree(t, dir, labyrinth...)
	bad := errors.New("is no place for it")
	for p, want := range map[string]string{
		"a/b": "", "/a": "", "": "", "nothing": "", "nothing/x": "", "rel/..": "", "dangling/x": "",
		"a/b/file": bad.Error(), "abs": bad.Error(), "rel": bad.Error(), "dangling": bad.Error(), "loop": bad.Error(), "p": bad.Error(),
		"etc/passwd/x": bad.Error(), "loop/x": bad.Error(), strings.Repeat("x", 256): "open /" + strings.Repeat("x", 256) + ": file name too long",
	} {
		r := root(t, dir)
		same := testbed.Same(t, os.Getpid())
		r.OrdinaryDir(p, bad)
		err := r.K.Flush()
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != want || (want == bad.Error()) != errors.Is(err, bad) {
			t.Errorf("OrdinaryDir(%.50q) = %v, want %q", p, err, want)
		}
		same()
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	testbed.Tree(t, dir, labyrinth...)
	r := root(t, dir)
	fd, err := r.opened(func() calls.FD { return r.Open("abs/file").FD() })
	if err != nil || fileID(t, fd) != fileID(t, testbed.Open(t, dir+"/a/b/file")) {
		t.Errorf("Open = %v", err)
	}
	unix.Close(fd)
	if _, err := r.opened(func() calls.FD { return r.Open("nothing").FD() }); err == nil || err.Error() != "open /nothing: no such file or directory" {
		t.Errorf("Open of nothing = %v", err)
	}
	if _, err := r.opened(func() calls.FD { return r.Open("loop").FD() }); number(err) != unix.ELOOP {
		t.Errorf("Open of a loop = %v", err)
	}
}
