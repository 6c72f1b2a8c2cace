package rootfs

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestCreate(t *testing.T) {
	long := strings.Repeat("./", 2000)
	for _, tt := range []struct {
		before string
		dir    bool
		path   string
		made   string // what the path must be then, below the root
		errno  unix.Errno
	}{
		{"", true, "x", "x", 0},
		{"", true, "/x/y/z/", "x/y/z", 0},
		{"", true, "x//y/./z", "x/y/z", 0},
		{"", true, "../../x", "x", 0},
		{"", true, "x/../y", "y", 0},
		{"", false, "x", "x", 0},
		{"", false, "/x/y", "x/y", 0},
		{"f", false, "f", "f", 0},
		{"f", true, "f", "", unix.ENOTDIR},
		{"d/", false, "d", "", unix.ENOTDIR},
		{"f", true, "f/x", "", unix.ENOTDIR},
		{"f", false, "f/x/y", "", unix.ENOTDIR},
		{"p|", false, "p", "p", 0},
		{"l -> nowhere", true, "l", "nowhere", 0},
		{"l -> nowhere", false, "l", "nowhere", 0},
		{"l -> nowhere", true, "l/x/y", "nowhere/x/y", 0},
		{"l -> /deep/er", false, "l/x", "deep/er/x", 0},
		{"l -> ../../../../escape", true, "l", "escape", 0},
		{"d/l -> ../../../../escape/x", false, "d/l", "escape/x", 0},
		{"d/l -> x", true, "d/l/y", "d/x/y", 0},
		{"l -> x/", true, "l", "x", 0},
		{"l -> /", true, "l/x", "x", 0},
		{"l -> m,m -> n,n -> o", false, "l", "o", 0},
		{"l -> l", true, "l", "", unix.ELOOP},
		{"l -> m/x,m -> l", true, "l", "", unix.ELOOP},
		{"l -> f/x,f", true, "l", "", unix.ENOTDIR},
		{"", true, strings.Repeat("x", 256), "", unix.ENAMETOOLONG},
		{"", true, "a/" + strings.Repeat("x", 256) + "/b", "", unix.ENAMETOOLONG},
		{"", true, strings.Repeat("d/", 3000), "", unix.ENAMETOOLONG},
		// More components than a path can have, by links: it must end where it says or fail.
		{"l -> " + long, true, "l/x", "x", 0},
		{"l -> " + long, true, "l/l/l/x", "x", 0}, // the kernel knows the way to the directory
		{"l -> " + long, true, "l/l/l/x/y", "", unix.ELOOP},
	} {
		outer := t.TempDir()
		testbed.Tree(t, outer, "root/", "decoy/", "escape/", "x/")
		dir := outer + "/root"
		if tt.before != "" {
			testbed.Tree(t, dir, strings.Split(tt.before, ",")...)
		}
		outside := strings.Split(contents(t, outer), "/root")[0]
		r := root(t, dir)
		f, what := r.file, "File"
		if tt.dir {
			f, what = r.dir, "Dir"
		}
		fd, err := f(tt.path)
		if number(err) != tt.errno || (err == nil) != (tt.errno == 0) {
			t.Errorf("%s(%.50q) after %.50q = %v, want %v", what, tt.path, tt.before, err, tt.errno)
		}
		if err == nil {
			if tt.made != "" {
				check(t, fd, dir+"/"+tt.made, what, tt.before)
			}
			unix.Close(fd)
		}
		if got := strings.Split(contents(t, outer), "/root")[0]; got != outside {
			t.Errorf("%s(%.50q) after %.50q changed what is outside:\n%s", what, tt.path, tt.before, got)
		}
	}
}

func check(t *testing.T, fd int, path, what, before string) {
	t.Helper()
	st, err := os.Lstat(path)
	if err != nil {
		t.Errorf("%s after %.50q: %v", what, before, err)
		return
	}
	want := root(t, path[:strings.LastIndexByte(path, '/')])
	ref, err := unix.Openat(want.FD.Int(), path[strings.LastIndexByte(path, '/')+1:], unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer unix.Close(ref)
	if fileID(t, fd) != fileID(t, ref) {
		t.Errorf("%s after %.50q returned another file than %s", what, before, path)
	}
	if before == "" {
		mode := map[string]os.FileMode{"Dir": os.ModeDir | 0o755, "File": 0o644}[what]
		if st.Mode() != mode&^umask() && st.Mode() != mode {
			t.Errorf("%s made mode %v, want %v", what, st.Mode(), mode)
		}
	}
}

func umask() os.FileMode {
	m := unix.Umask(0)
	unix.Umask(m)
	return os.FileMode(m)
}

// Whatever path and links are: nothing outside of the root is made or changed,
// and what comes back is what a process inside finds there.
func FuzzCreate(f *testing.F) {
	f.Add("a/b", "../../escape", true)
	f.Add("l", "x/y", false)
	f.Add("l/../l/z", "/../escape/./n", true)
	f.Add("d/l/x", "..//f", true)
	f.Fuzz(func(t *testing.T, path, target string, dir bool) {
		if strings.ContainsRune(path+target, 0) || target == "" || len(target) > 4000 {
			return
		}
		outer := t.TempDir()
		testbed.Tree(t, outer, "root/d/", "root/f", "decoy/", "escape/")
		in := outer + "/root"
		if os.Symlink(target, in+"/l") != nil || os.Symlink(target, in+"/d/l") != nil {
			return
		}
		outside := strings.Split(contents(t, outer), "/root")[0]
		r := root(t, in)
		make, j := r.file, newJail(t, in)
		if dir {
			make = r.dir
		}
		fd, err := make(path)
		if err == nil {
			if got := j.open("/"+path, 0); got.err == nil && got.file != fileID(t, fd) {
				t.Errorf("made %q (l -> %q), which a process inside doesn't find there", path, target)
			}
			unix.Close(fd)
		}
		if got := strings.Split(contents(t, outer), "/root")[0]; got != outside {
			t.Errorf("making %q (l -> %q) changed what is outside:\n%s", path, target, got)
		}
	})
}

// While somebody exchanges a directory with a link to the outside, all results
// lie inside, and no error of the race comes out.
func TestRace(t *testing.T) {
	outer := t.TempDir()
	testbed.Tree(t, outer, "root/a/b/c/d/", "root/away/", "root/a/link -> ../../../escape", "escape/secret", "secret")
	dir := outer + "/root"
	before := strings.Split(contents(t, outer), "/root")[0]
	r := root(t, dir)
	var stop atomic.Bool
	var swaps atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ; !stop.Load(); swaps.Add(1) {
			_ = unix.Renameat2(r.FD.Int(), "a/b", r.FD.Int(), "away", unix.RENAME_EXCHANGE)
			_ = unix.Renameat2(r.FD.Int(), "a/b/c", r.FD.Int(), "a/link", unix.RENAME_EXCHANGE)
		}
	}()
	readRegular := func(path string) (int, error) {
		text, _, err := r.ReadRegular(path, 100)
		if err == nil { // there is no such file inside
			t.Errorf("%s led outside: read %q", path, text)
			err = unix.EPERM
		}
		return -1, err
	}
	list := []struct {
		path string
		f    func(string) (int, error)
	}{
		{"a/b/c/d/../../../../a/b", r.lookup}, {"a/b/c/../../../x", r.dir}, {"a/link/../../y", r.file}, {"a/b/c/n", r.dir}, {"../a/../a/b/../../secret", r.lookup}, {"a/link/secret", readRegular},
	}
	most := 6 * time.Second
	if os.Getenv("RUNG_EMULATED") != "" {
		most *= 5
	}
	start, n, good := time.Now(), 0, 0
	for ; (n < 5000 || swaps.Load() < 2000) && time.Since(start) < most; n++ {
		c := list[n%len(list)]
		fd, err := c.f(c.path)
		switch number(err) {
		case unix.EAGAIN, unix.EXDEV:
			t.Fatalf("%s: the race shows: %v", c.path, err)
		}
		if err != nil {
			continue
		}
		good++
		if !below(t, fd, dir) {
			t.Fatalf("%s led outside", c.path)
		}
		unix.Close(fd)
	}
	stop.Store(true)
	<-done
	if n < 1000 || good < 100 || swaps.Load() < 1000 {
		t.Errorf("%d tries, %d good, %d exchanges: too few to say anything", n, good, swaps.Load())
	}
	if after := strings.Split(contents(t, outer), "/root")[0]; after != before {
		t.Errorf("outside was changed:\n%s", after)
	}
}

// below tells whether the kernel's name of fd is below dir.
func below(t *testing.T, fd int, dir string) bool {
	t.Helper()
	buf := make([]byte, 8192)
	n, err := unix.Readlink("/proc/self/fd/"+itoa(fd), buf)
	if err != nil {
		t.Fatal(err)
	}
	name := string(buf[:n])
	return name == dir || strings.HasPrefix(name, dir+"/")
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestMknod(t *testing.T) {
	testbed.Tmpfs(t, 0, func(outer string) {
		testbed.Tree(t, outer, "root/", "dev/")
		dir := outer + "/root"
		null := uint64(unix.Mkdev(1, 3))
		for _, tt := range []struct {
			before string
			n      Node
			want   error
		}{
			{"", Node{"/dev/null", unix.S_IFCHR | 0o640, null, 1, 2}, nil},
			{"", Node{"dev/null", unix.S_IFCHR | 0o666, null, 0, 0}, nil}, // the same again: owner and mode follow
			{"", Node{"/dev/null", unix.S_IFCHR | 0o666, uint64(unix.Mkdev(1, 5)), 0, 0}, ErrWrongNode},
			{"", Node{"/dev/null", unix.S_IFBLK | 0o666, null, 0, 0}, ErrWrongNode},
			{"", Node{"/dev/null", unix.S_IFIFO | 0o666, 0, 0, 0}, ErrWrongNode},
			{"", Node{"/dev/pipe", unix.S_IFIFO | 0o4622, 0, 7, 8}, nil},
			{"", Node{"/dev/sda", unix.S_IFBLK | 0o600, uint64(unix.Mkdev(8, 1<<19)), 0, 0}, nil},
			{"file", Node{"/file", unix.S_IFCHR | 0o666, null, 0, 0}, ErrWrongNode},
			{"link -> dev/null", Node{"/link", unix.S_IFCHR | 0o666, null, 0, 0}, ErrWrongNode},
			{"dangling -> ../dev/new", Node{"/dangling", unix.S_IFCHR | 0o666, null, 0, 0}, ErrWrongNode},
			{"up -> ../../dev", Node{"/up/zero", unix.S_IFCHR | 0o666, uint64(unix.Mkdev(1, 5)), 0, 0}, nil},
			{"", Node{"/dev", unix.S_IFCHR | 0o666, null, 0, 0}, ErrWrongNode},
		} {
			if tt.before != "" {
				testbed.Tree(t, dir, tt.before)
			}
			old := unix.Umask(0)
			r := root(t, dir)
			r.Mknod(tt.n)
			err := r.K.Flush()
			unix.Umask(old)
			if tt.want != nil {
				if !errors.Is(err, tt.want) {
					t.Errorf("Mknod(%+v) = %v, want %v", tt.n, err, tt.want)
				}
				continue
			}
			var st unix.Stat_t
			path := dir + "/" + strings.Replace(tt.n.Path, "up/", "dev/", 1)
			if serr := unix.Lstat(path, &st); serr != nil || err != nil {
				t.Errorf("Mknod(%+v) = %v, %v", tt.n, err, serr)
				continue
			}
			if st.Mode != tt.n.Mode || uint64(st.Rdev) != tt.n.Rdev || int(st.Uid) != tt.n.UID || int(st.Gid) != tt.n.GID {
				t.Errorf("Mknod(%+v) made mode %#o device %#x owner %d:%d", tt.n, st.Mode, st.Rdev, st.Uid, st.Gid)
			}
		}
		if got := contents(t, outer+"/dev"); strings.Contains(got, "/") {
			t.Errorf("made outside: %s", got)
		}
	})
}

func TestSymlink(t *testing.T) {
	for _, tt := range []struct {
		before  string
		replace bool
		want    string // the target then; "": no link
		errno   unix.Errno
	}{
		{"", false, "/proc/self/fd", 0},
		{"dev/fd -> /proc/self/fd", false, "/proc/self/fd", 0},
		{"dev/fd -> /proc/self/fd", true, "/proc/self/fd", 0},
		{"dev/fd -> /proc/self/fdx", false, "/proc/self/fdx", 0},
		{"dev/fd -> /proc/self/fdx", true, "/proc/self/fd", 0},
		{"dev/fd -> dangling", true, "/proc/self/fd", 0},
		{"dev/fd", false, "", 0},
		{"dev/fd", true, "/proc/self/fd", 0},
		{"dev/fd|", true, "/proc/self/fd", 0},
		{"dev/fd/", false, "", 0},
		{"dev/fd/", true, "", unix.EISDIR},
		{"dev -> /other", false, "/proc/self/fd", 0},
	} {
		dir := t.TempDir()
		if tt.before != "" {
			testbed.Tree(t, dir, tt.before)
		}
		r := root(t, dir)
		r.Symlink("/proc/self/fd", "/dev/fd", tt.replace)
		err := r.K.Flush()
		if number(err) != tt.errno {
			t.Errorf("Symlink over %q (replace %v) = %v, want %v", tt.before, tt.replace, err, tt.errno)
		}
		path := dir + "/dev/fd"
		if strings.HasPrefix(tt.before, "dev -> ") {
			path = dir + "/other/fd"
		}
		if got, _ := os.Readlink(path); got != tt.want {
			t.Errorf("Symlink over %q (replace %v) left %q, want %q", tt.before, tt.replace, got, tt.want)
		}
	}
}

func TestSplit(t *testing.T) {
	dir := t.TempDir()
	r := root(t, dir)
	for name, want := range map[string][2]string{
		"/dev/console": {"dev", "console"}, "x": {"", "x"}, "a/../b/c": {"b", "c"}, "../../y": {"", "y"}, "d/e/": {"d", "e"},
	} {
		base := ""
		fd, err := r.opened(func() (dir calls.FD) {
			dir, base = r.Split(name)
			return dir
		})
		if err != nil || base != want[1] {
			t.Errorf("Split(%q) = %q, %v, want %q", name, base, err, want[1])
			continue
		}
		if !below(t, fd, dir) {
			t.Errorf("Split(%q) led outside", name)
		}
		buf := make([]byte, 8192)
		n, _ := unix.Readlink("/proc/self/fd/"+itoa(fd), buf)
		if got := strings.TrimPrefix(strings.TrimPrefix(string(buf[:n]), dir), "/"); got != want[0] {
			t.Errorf("Split(%q) opened %q, want %q", name, got, want[0])
		}
		unix.Close(fd)
	}
}

func TestVerify(t *testing.T) {
	fd, err := unix.Open("/dev/null", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	null := uint64(unix.Mkdev(1, 3))
	for _, tt := range []struct {
		mode uint32
		rdev uint64
		want error
	}{
		{unix.S_IFCHR, null, nil}, {unix.S_IFCHR | 0o777, null, nil}, {unix.S_IFCHR, null + 1, ErrWrongNode}, {unix.S_IFBLK, null, ErrWrongNode}, {unix.S_IFREG, 0, ErrWrongNode},
	} {
		if err := verified(fd, tt.mode, tt.rdev); !errors.Is(err, tt.want) {
			t.Errorf("Verify(%#o, %#x) = %v, want %v", tt.mode, tt.rdev, err, tt.want)
		}
	}
	if err := verified(-1, unix.S_IFCHR, null); !errors.Is(err, unix.EBADF) {
		t.Errorf("Verify(-1) = %v, want EBADF", err)
	}
}

func verified(fd int, mode uint32, rdev uint64) error {
	k := new(calls.Kernel)
	Verify(k, calls.Number(fd), mode, rdev)
	return k.Flush()
}
