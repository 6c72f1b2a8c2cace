package step

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/mount/option"
	"github.com/rung-oci/rung/libcontainer/proc"
)

// The main goroutine keeps the main thread: what a test does to its own thread
// then never hits the one that stands for the process.
func init() {
	runtime.LockOSThread()
	_ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
}

// A box is a root filesystem on a tmpfs, in namespaces that end with the test.
type box struct {
	*testing.T
	*Env
	dir  string // the tmpfs
	root string // of the container, below dir
}

// inBox runs f on a thread with mount and UTS namespaces of its own.
func inBox(t *testing.T, f func(b *box)) {
	t.Helper()
	dir := t.TempDir()
	done := make(chan struct{})
	run := func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
		old := unix.Umask(0)
		defer unix.Umask(old)
		err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS | unix.CLONE_NEWUTS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, "")
		}
		if err == nil {
			err = unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755")
		}
		if err != nil {
			t.Errorf("make namespaces (needs root): %v", err)
			return
		}
		unix.Umask(0) // of this thread now
		b := &box{t, NewEnv(), dir, filepath.Join(dir, "root")}
		b.tree("root/")
		b.Root.FD = b.open(b.root)
		if b.Env.Proc, err = proc.Open(); err != nil {
			t.Errorf("open /proc: %v", err)
			return
		}
		defer b.Env.Proc.Close()
		f(b)
	}
	go run()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("test hangs")
	}
}

func (b *box) open(path string) int {
	b.Helper()
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { unix.Close(fd) })
	return fd
}

// tree makes files below the tmpfs: "d/" a directory, "f" a file that holds its
// name, "l -> target" a link, "p|" a FIFO.
func (b *box) tree(entries ...string) {
	b.Helper()
	for _, e := range entries {
		name, target, link := strings.Cut(e, " -> ")
		path := filepath.Join(b.dir, strings.TrimSuffix(name, "|"))
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
			b.Fatal(err)
		}
	}
}

// clone adds a detached copy of a path to the trees and returns its number.
func (b *box) clone(path string) int {
	b.Helper()
	fd, err := mount.Clone(unix.AT_FDCWD, path, true)
	if err != nil {
		b.Fatal(err)
	}
	b.Trees = append(b.Trees, fd)
	return len(b.Trees) - 1
}

// must runs a step that has to succeed.
func (b *box) must(s Step) {
	b.Helper()
	if err := s.Run(b.Env); err != nil {
		b.Fatalf("%s: %v", s, err)
	}
}

// fails runs a step that has to fail with the text.
func (b *box) fails(s Step, want string) {
	b.Helper()
	if err := s.Run(b.Env); err == nil || err.Error() != want {
		b.Errorf("%s: %v, want %s", s, err, want)
	}
}

// info is the line of mountinfo for the last mount at a path of the container.
func (b *box) info(path string) (line string) {
	b.Helper()
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		b.Fatal(err)
	}
	for _, l := range strings.Split(string(text), "\n") {
		if f := strings.Fields(l); len(f) > 5 && f[4] == filepath.Join(b.root, path) {
			line = l
		}
	}
	return line
}

// mounted checks the line of mountinfo for a path of the container.
func (b *box) mounted(path string, want ...string) {
	b.Helper()
	line := b.info(path)
	for _, w := range want {
		if !strings.Contains(line, w) {
			b.Errorf("at %s is %q, want %q", path, line, w)
		}
	}
}

func (b *box) read(path string) string {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(b.root, path))
	if err != nil {
		return errors.Unwrap(err).Error()
	}
	return string(text)
}

func parse(t *testing.T, words string) option.Options {
	t.Helper()
	o, err := option.Parse(strings.Fields(words))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// newMount is a Mount as package plan makes it of an entry of the
// configuration.
func newMount(t *testing.T, kind, target, words string) *Mount {
	t.Helper()
	o := parse(t, words)
	return &Mount{Target: target, Kind: kind, Source: kind, Options: o, Attr: o.Attr.Set, Fallback: -1}
}
