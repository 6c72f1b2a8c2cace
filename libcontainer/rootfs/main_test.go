package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/calls"
)

// The main goroutine keeps the main thread: what a test does to its own thread
// then never hits the one that stands for the process.
func init() { runtime.LockOSThread() }

// privately runs f on a thread with a mount namespace of its own, in a new
// directory on a tmpfs that ends with it.
func privately(t *testing.T, f func(t *testing.T, dir string)) {
	t.Helper()
	dir := t.TempDir()
	done := make(chan struct{})
	run := func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
		err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, "")
		}
		if err == nil {
			err = unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755")
		}
		if err != nil {
			t.Errorf("make a mount namespace (needs root): %v", err)
			return
		}
		f(t, dir)
	}
	go run()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("test hangs")
	}
}

// tree makes files below dir: "d/" a directory, "f" a file, "l -> target" a
// link, "p|" a FIFO.
func tree(t testing.TB, dir string, entries ...string) {
	t.Helper()
	for _, e := range entries {
		name, target, link := strings.Cut(e, " -> ")
		path := filepath.Join(dir, strings.TrimSuffix(name, "|"))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case err != nil:
		case link:
			err = os.Symlink(target, path)
		case strings.HasSuffix(e, "/"):
			err = os.MkdirAll(path, 0o755)
		case strings.HasSuffix(e, "|"):
			err = unix.Mkfifo(path, 0o644)
		default:
			err = os.WriteFile(path, []byte(e), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// contents lists everything below dir with its type.
func contents(t testing.TB, dir string) string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil {
			list = append(list, strings.TrimPrefix(path, dir)+" "+d.Type().String())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(list)
	return strings.Join(list, "\n")
}

func root(t testing.TB, dir string) Root {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if elsewhere {
		return Root{K: far(t), FD: calls.Number(fd)}
	}
	return At(fd)
}

// opened is the number of what a queued call opens; -1, its error, and nothing left open, where
// something went wrong.
func (r Root) opened(queue func() calls.FD) (int, error) {
	var fd calls.FD
	err := r.K.Try(func() { fd = queue() })
	if err != nil {
		r.K.Close(fd)
		return -1, err
	}
	return r.take(fd, nil)
}

func (r Root) dir(path string) (int, error) {
	return r.opened(func() calls.FD { return r.Dir(path) })
}

func (r Root) file(path string) (int, error) {
	return r.opened(func() calls.FD { return r.File(path) })
}

func (r Root) lookup(path string) (int, error) {
	return r.take(r.Lookup(path))
}

func (r Root) lookupPlain(path string) (int, error) {
	return r.take(r.LookupPlain(path))
}

// lookupNoFollow opens the last component as it is, as what works on links does.
func (r Root) lookupNoFollow(path string) (int, error) {
	return r.take(r.openat2("open", path, howLink).Open())
}

func (r Root) read(path string) error {
	_, _, err := r.ReadRegular(path, 4)
	return err
}

// id names the file behind a descriptor.
type id struct{ dev, ino uint64 }

func fileID(t testing.TB, fd int) id {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return id{uint64(st.Dev), st.Ino}
}

// number is the errno of an error of this package.
func number(err error) unix.Errno {
	var e unix.Errno
	errors.As(err, &e)
	return e
}
