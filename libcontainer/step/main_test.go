package step

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/calls"
	"github.com/rung-oci/rung/libcontainer/calls/callstest"
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

// A box is a root filesystem on a tmpfs, in namespaces that end with the test. The descriptors of
// its Env are those of who makes the calls.
type box struct {
	*testing.T
	*Env
	dir  string // the tmpfs
	root string // of the container, below dir
	by   maker
	pid  int // who makes the calls
	proc proc.FS

	theirs   []calls.FD // what the box has opened there
	ours     []int      // and has of it here
	requests []*request
}

// inBox runs f on a thread with mount and UTS namespaces of its own, once for each who may make the
// calls.
func inBox(t *testing.T, f func(b *box)) {
	t.Helper()
	for _, m := range makers {
		t.Run(m.name, func(t *testing.T) { m.box(t, f) })
	}
}

func (m maker) box(t *testing.T, f func(b *box)) {
	t.Helper()
	dir := t.TempDir()
	done := make(chan struct{})
	run := func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
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
		unix.Umask(0) // of this thread, and of who is forked by it
		host, err := proc.Open()
		if err != nil {
			t.Errorf("open /proc: %v", err)
			return
		}
		defer host.Close()
		k, pid, end := m.kernel(t)
		defer end()
		b := &box{T: t, Env: NewEnv(k), dir: dir, root: filepath.Join(dir, "root"), by: m, pid: pid}
		b.proc = host
		before := b.descriptors()
		defer b.close(before)
		b.tree("root/")
		b.Root.FD = b.open(b.root)
		f(b)
	}
	go run()
	select {
	case <-done:
	case <-time.After(2 * callstest.Patience):
		t.Fatal("test hangs")
	}
}

// close closes what the box has, and looks for what the steps have left open.
func (b *box) close(before map[string]string) {
	for _, r := range b.requests {
		CloseAll(r.fds)
	}
	for _, fd := range b.ours {
		unix.Close(fd)
	}
	if slices.Contains(b.theirs, b.Root.FD) {
		b.Root.FD = calls.None
	}
	for _, fd := range b.theirs {
		b.K.Close(fd)
	}
	// The process would do so by its execve.
	for _, fd := range slices.Concat(b.Contexts, b.Late, b.readonly, []calls.FD{b.Root.FD, b.maskFile.FD, b.maskDir.FD, b.sysctls}) {
		b.K.Close(fd)
	}
	for _, t := range b.Trees {
		b.K.Close(t.FD)
	}
	if err := b.K.Flush(); err != nil {
		b.Errorf("at the end: %v", err)
		return
	}
	after := b.descriptors()
	maps.DeleteFunc(after, func(fd, _ string) bool { return before[fd] != "" })
	if len(after) > 0 {
		b.Errorf("left open: %q", after)
	}
}

// descriptors are those of who makes the calls, without what the Go runtime opens when it likes.
func (b *box) descriptors() map[string]string {
	b.Helper()
	dir, err := b.proc.OpenFile(proc.PID(b.pid, "fd"), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		b.Error(err)
		return nil
	}
	f := os.NewFile(uintptr(dir), "fd")
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		b.Error(err)
	}
	open := make(map[string]string)
	for _, name := range names {
		var buf [256]byte
		n, err := unix.Readlinkat(dir, name, buf[:])
		what := string(buf[:max(n, 0)])
		if err == nil && what != "anon_inode:[eventpoll]" && what != "anon_inode:[eventfd]" && (b.K.Remote() || name != strconv.Itoa(dir)) {
			open[name] = what
		}
	}
	return open
}

// nearOnly skips what another process is never asked for.
func (b *box) nearOnly(why string) {
	b.Helper()
	if b.K.Remote() {
		b.Skip(why)
	}
}

// roomy skips what takes more memory at once than a small annex has.
func (b *box) roomy(what string) {
	b.Helper()
	if b.by.name == "far small" {
		b.Skip("the annex is too small for " + what)
	}
}

// open opens a path for the steps.
func (b *box) open(path string) calls.FD {
	b.Helper()
	fd, err := b.K.Openat("", calls.At, path, unix.O_PATH|unix.O_NOFOLLOW, 0).Open()
	if err != nil {
		b.Fatalf("open %s: %v", path, err)
	}
	b.theirs = append(b.theirs, fd)
	return fd
}

// fetch is a descriptor of the test's for one of the steps'.
func (b *box) fetch(fd calls.FD) int {
	b.Helper()
	own, err := b.K.Fetch(fd)
	if err != nil {
		b.Fatal(err)
	}
	b.ours = append(b.ours, own)
	return own
}

// mountinfo is what who makes the calls sees of its mount namespace.
func (b *box) mountinfo() string {
	b.Helper()
	fd, err := b.K.Openat("", calls.At, "/proc/thread-self/mountinfo", unix.O_RDONLY, 0).Open()
	if err != nil {
		b.Fatalf("open mountinfo: %v", err)
	}
	own, err := b.K.Fetch(fd)
	b.K.Close(fd)
	if err != nil {
		b.Fatal(err)
	}
	f := os.NewFile(uintptr(own), "mountinfo")
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
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
	fd, err := mount.Clone(b.K, "", calls.At, path, true).Open()
	if err != nil {
		b.Fatal(err)
	}
	b.own(fd)
	return len(b.Trees) - 1
}

// own adds a mount, or a file system without one, to the trees.
func (b *box) own(fd calls.FD) {
	b.Helper()
	t := Tree{FD: fd}
	if b.K.Remote() { // who sends it to the process has looked at it
		var err error
		if t.Stat, err = b.K.Look("", fd); err != nil {
			b.Fatal(err)
		}
	}
	b.Trees = append(b.Trees, t)
}

// do runs a step. What it says about itself isn't kept.
func (b *box) do(s Step) error {
	return b.K.Try(func() { s.Run(b.Env) })
}

// must runs a step that has to succeed.
func (b *box) must(s Step) {
	b.Helper()
	if err := b.do(s); err != nil {
		b.Fatalf("%s: %v", s, err)
	}
}

// fails runs a step that has to fail with the text.
func (b *box) fails(s Step, want string) {
	b.Helper()
	if err := b.do(s); err == nil || err.Error() != want {
		b.Errorf("%s: %v, want %s", s, err, want)
	}
}

// info is the line of mountinfo for the last mount at a path of the container.
func (b *box) info(path string) (line string) {
	b.Helper()
	for l := range strings.Lines(b.mountinfo()) {
		if f := strings.Fields(l); len(f) > 5 && f[4] == filepath.Join(b.root, path) {
			line = strings.TrimSuffix(l, "\n")
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
