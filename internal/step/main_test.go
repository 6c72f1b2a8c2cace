package step

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// A box is a root filesystem on a tmpfs, in namespaces that end with the test. The descriptors of
// its Env are those of who makes the calls.
type box struct {
	*testing.T
	*Env
	dir  string // the tmpfs
	root string // of the container, below dir
	by   maker

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
	testbed.Tmpfs(t, unix.CLONE_NEWUTS, func(dir string) {
		unix.Umask(0) // of this thread, and of who is forked by it
		k, pid, end := m.kernel(t)
		defer end()
		b := &box{T: t, Env: NewEnv(k), dir: dir, root: filepath.Join(dir, "root"), by: m}
		defer b.close(testbed.Same(t, pid))
		testbed.Tree(t, dir, "root/")
		b.Root.FD = b.open(b.root)
		f(b)
	})
}

// close closes what the box has, and looks for what the steps have left open.
func (b *box) close(same func()) {
	for _, r := range b.requests {
		fdio.CloseAll(r.fds)
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
	same()
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
func (b *box) info(path string) string {
	b.Helper()
	return testbed.Mounted([]byte(b.mountinfo()), filepath.Join(b.root, path))
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
