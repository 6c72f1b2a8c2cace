package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func store(t testing.TB) Store {
	t.Helper()
	return Store{filepath.Join(t.TempDir(), "run", "rung")}
}

func create(t testing.TB, s Store, id string) *Entry {
	t.Helper()
	e, err := s.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func TestCheckID(t *testing.T) {
	for id, ok := range map[string]bool{
		"a": true, "A-b_c+d.e9": true, "..a": true, "...": true, "-": true, strings.Repeat("x", 255): true,
		"": false, ".": false, "..": false, "a/b": false, "/": false, "a b": false, "é": false, "a\n": false, "a\x00": false, "a:b": false,
		strings.Repeat("x", 256): false, "a\xff": false, "*": false, "~": false,
	} {
		if err := CheckID(id); id == "" && !errors.Is(err, errEmptyID) || (err == nil) != ok || err != nil && !errors.Is(err, ErrInvalidID) {
			t.Errorf("CheckID(%q) = %v, want ok %v", id, err, ok)
		}
	}
}

func TestCreateOnce(t *testing.T) {
	old := unix.Umask(0o777) // the caller's umask doesn't count
	defer unix.Umask(old)
	s := Store{filepath.Join(t.TempDir(), "rung")}
	if _, err := s.Open("c"); !errors.Is(err, ErrNotExist) {
		t.Errorf("Open before there is a store = %v, want %v", err, ErrNotExist)
	}
	unix.Umask(0o077)
	if err := os.MkdirAll(s.Root, 0o700); err != nil {
		t.Fatal(err)
	}
	unix.Umask(0o777)
	e, err := s.Create("c")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if st, err := os.Stat(e.Dir); err != nil || st.Mode().Perm() != 0o711 {
		t.Errorf("mode = %v, %v, want 0711", st.Mode(), err)
	}
	if _, err := s.Create("c"); !errors.Is(err, ErrExist) {
		t.Errorf("Create again = %v, want %v", err, ErrExist)
	}
	if err := e.Remove(); err != nil {
		t.Fatal(err)
	}
	e2, err := s.Create("c")
	if err != nil {
		t.Fatalf("Create after Remove = %v", err)
	}
	e2.Close()
	for _, bad := range []string{"", "..", "a/b"} {
		if _, err := s.Create(bad); !errors.Is(err, ErrInvalidID) {
			t.Errorf("Create(%q) = %v", bad, err)
		}
		if _, err := s.Open(bad); !errors.Is(err, ErrInvalidID) {
			t.Errorf("Open(%q) = %v", bad, err)
		}
	}
}

func TestOpen(t *testing.T) {
	s := store(t)
	create(t, s, "dir")
	if err := os.WriteFile(s.Root+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("dir", s.Root+"/link"); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]error{"file": ErrNotExist, "link": ErrNotExist, "nothing": ErrNotExist, "dir": nil} {
		e, err := s.Open(id)
		if !errors.Is(err, want) {
			t.Errorf("Open(%q) = %v, want %v", id, err, want)
		}
		if err == nil {
			if e.ID != id || e.Dir != s.Root+"/"+id {
				t.Errorf("Open(%q) = %+v", id, e)
			}
			e.Close()
			e.Close()
		}
	}
	if ids, err := s.IDs(); err != nil || !slices.Equal(ids, []string{"dir"}) {
		t.Errorf("IDs() = %q, %v", ids, err)
	}
	for _, id := range []string{"b", "a", "Z"} {
		create(t, s, id)
	}
	if err := os.Mkdir(s.Root+"/not an id", 0o700); err != nil {
		t.Fatal(err)
	}
	if ids, err := s.IDs(); err != nil || !slices.Equal(ids, []string{"Z", "a", "b", "dir"}) {
		t.Errorf("IDs() = %q, %v", ids, err)
	}
	if _, err := store(t).IDs(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("IDs() without a store = %v", err)
	}
}

// Only one holds the lock, and the one that waits gets it.
func TestLock(t *testing.T) {
	s := store(t)
	e := create(t, s, "c")
	var held, locks atomic.Int32
	held.Store(1)
	done := make(chan error)
	const n = 8
	for range n {
		go func() {
			o, err := s.Open("c")
			if err == nil {
				if err = o.Lock(nil); err == nil {
					if held.Add(1) != 1 {
						err = errors.New("two hold the lock")
					}
					locks.Add(1)
					time.Sleep(2 * time.Millisecond) // in which another could get it too
					held.Add(-1)
				}
				o.Close()
			}
			done <- err
		}()
	}
	time.Sleep(20 * time.Millisecond) // that none gets it, nothing tells
	if got := locks.Load(); got != 0 {
		t.Errorf("%d have got the lock that Create holds", got)
	}
	held.Store(0)
	e.Close()
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Who waits while the container is deleted learns that it is gone, and doesn't
// take the next one of that name for it.
func TestRemovedWhileWaiting(t *testing.T) {
	for _, again := range []bool{false, true} {
		s := store(t)
		e := create(t, s, "c")
		o, err := s.Open("c")
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		go func() { got <- o.Lock(nil) }()
		time.Sleep(5 * time.Millisecond) // in which Lock looks again and again, and nothing tells of it
		if err := e.Remove(); err != nil {
			t.Fatal(err)
		}
		if again {
			create(t, s, "c")
		}
		e.Close()
		select {
		case err := <-got:
			if !errors.Is(err, ErrNotExist) {
				t.Errorf("Lock = %v, want %v", err, ErrNotExist)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("Lock hangs")
		}
		o.Close()
	}
}

// A `delete --force` that comes between the mkdir and the lock of Create wins:
// Create must not go on with a directory that has no name.
func TestCreateMeetsDelete(t *testing.T) {
	s := store(t)
	if err := os.MkdirAll(s.Root, 0o700); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var won atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			o, err := s.Open("c")
			if err != nil {
				continue
			}
			if unix.Flock(o.FD, unix.LOCK_EX|unix.LOCK_NB) == nil && o.exists() == nil && o.Remove() == nil {
				won.Add(1)
			}
			o.Close()
		}
	}()
	for start := time.Now(); won.Load() < 50 && time.Since(start) < 5*time.Second; {
		e, err := s.Create("c")
		if err != nil {
			if !errors.Is(err, ErrNotExist) {
				t.Errorf("Create = %v", err)
			}
			continue
		}
		if err := e.exists(); err != nil {
			t.Errorf("Create returned a directory without a name")
			e.Close()
			break
		}
		if err := e.Remove(); err != nil {
			t.Error(err)
		}
		e.Close()
	}
	stop.Store(true)
	<-done
	if won.Load() == 0 {
		t.Skip("the deleter never came between: nothing was tested")
	}
}

func TestFiles(t *testing.T) {
	s := store(t)
	e := create(t, s, "c")
	if err := e.WriteFile("x", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := e.WriteFile("x", []byte("2")); err != nil {
		t.Fatal(err)
	}
	if got, err := e.ReadFile("x"); string(got) != "2" || err != nil {
		t.Errorf("ReadFile = %q, %v", got, err)
	}
	if st, _ := os.Stat(e.Dir + "/x"); st.Mode() != 0o600 {
		t.Errorf("mode = %v, want 0600", st.Mode())
	}
	if list, _ := os.ReadDir(e.Dir); len(list) != 1 {
		t.Errorf("left: %v", list)
	}
	fd, err := e.MakeFifo("fifo")
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := e.MakeFifo("fifo"); !errors.Is(err, unix.EEXIST) || !strings.HasPrefix(err.Error(), "make "+e.Dir+"/fifo: ") {
		t.Errorf("MakeFifo again = %v", err)
	}
	file, err := e.MakeFile("file")
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(file)
	if _, err := e.MakeFile("file"); !errors.Is(err, unix.EEXIST) {
		t.Errorf("MakeFile again = %v", err)
	}
	// What isn't a regular file is refused, and nothing is waited for.
	if err := os.Symlink("x", e.Dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{"fifo": errNotRegular, "link": unix.ELOOP, ".": errNotRegular, "nothing": unix.ENOENT} {
		if _, err := e.ReadFile(name); !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "read "+e.Dir+"/"+name+": ") {
			t.Errorf("ReadFile(%s) = %v, want %v", name, err, want)
		}
	}
	if _, err := e.OpenFile("link", unix.O_RDONLY); !errors.Is(err, unix.ELOOP) {
		t.Errorf("OpenFile of a link = %v", err)
	}
	for range 2 {
		if err := e.Unlink("x"); err != nil {
			t.Errorf("Unlink = %v", err)
		}
	}
	if err := e.Unlink("."); err == nil {
		t.Error("Unlink of the directory: no error")
	}
	// A temporary name that somebody left is no obstacle, a link there is.
	if err := os.WriteFile(e.Dir+"/.y.tmp", []byte("long old text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := e.WriteFile("y", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, _ := e.ReadFile("y"); string(got) != "new" {
		t.Errorf("ReadFile = %q", got)
	}
	if st, _ := os.Stat(e.Dir + "/y"); st.Mode() != 0o600 {
		t.Errorf("mode = %v, want 0600", st.Mode())
	}
}

func TestReadLimit(t *testing.T) {
	e := create(t, store(t), "c")
	if err := os.WriteFile(e.Dir+"/big", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(e.Dir+"/big", maxFile+1); err != nil { // sparse
		t.Fatal(err)
	}
	if _, err := e.ReadFile("big"); !errors.Is(err, unix.EFBIG) {
		t.Errorf("ReadFile = %v, want EFBIG", err)
	}
}

func TestRemove(t *testing.T) {
	s := store(t)
	e := create(t, s, "c")
	deep := e.Dir
	for i := range 50 {
		deep = filepath.Join(deep, fmt.Sprintf("d%d", i))
	}
	outside := t.TempDir()
	if err := os.WriteFile(outside+"/keep", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := errors.Join(os.MkdirAll(deep, 0o700), os.Symlink(outside, e.Dir+"/link"), os.Symlink(outside, deep+"/link"),
		unix.Mkfifo(e.Dir+"/fifo", 0o600), e.WriteIntent(&Intent{ID: "c"}))
	for i := range 300 { // more than one getdents
		err = errors.Join(err, os.WriteFile(fmt.Sprintf("%s/%0200d", e.Dir, i), nil, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Remove(); err != nil {
		t.Fatalf("Remove = %v", err)
	}
	if _, err := os.Stat(e.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
	if _, err := os.Stat(outside + "/keep"); err != nil {
		t.Errorf("Remove followed a link: %v", err)
	}
}

// What is interrupted can be repeated: the intent goes last.
func TestRemoveKeepsIntent(t *testing.T) {
	e := create(t, store(t), "c")
	if err := errors.Join(e.WriteIntent(&Intent{ID: "c"}), e.WriteFile("x", nil), os.Mkdir(e.Dir+"/busy", 0o700)); err != nil {
		t.Fatal(err)
	}
	testbed.Thread(t, unix.CLONE_NEWNS, func() {
		if err := unix.Mount("tmpfs", e.Dir+"/busy", "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		if err := e.Remove(); !errors.Is(err, unix.EBUSY) || !strings.HasPrefix(err.Error(), "remove "+e.Dir) {
			t.Errorf("Remove with a mount inside = %v, want EBUSY", err)
		}
		if i, err := e.Intent(); err != nil || i == nil {
			t.Errorf("the intent is gone: %v, %v", i, err)
		}
		if err := errors.Join(unix.Unmount(e.Dir+"/busy", 0), e.Remove()); err != nil {
			t.Error(err)
		}
	})
}

// On a full disk nothing old is lost, and all can be removed.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	testbed.Thread(t, unix.CLONE_NEWNS, func() {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
			t.Fatal(err)
		}
		e, err := Store{dir}.Create("c")
		if err != nil {
			t.Error(err)
			return
		}
		defer e.Close()
		if err := e.WriteFile("state", []byte("old")); err != nil {
			t.Error(err)
		}
		_ = os.WriteFile(dir+"/fill", make([]byte, 1<<20), 0o600)
		if err := e.WriteFile("state", make([]byte, 1<<16)); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("WriteFile on a full disk = %v", err)
		}
		if got, err := e.ReadFile("state"); string(got) != "old" {
			t.Errorf("ReadFile = %d bytes, %v, want the old text", len(got), err)
		}
		if list, _ := os.ReadDir(e.Dir); len(list) != 1 {
			t.Errorf("left: %v", list)
		}
		if err := e.Remove(); err != nil {
			t.Errorf("Remove on a full disk = %v", err)
		}
	})
}
