package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

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
