package calls

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
	"github.com/rung-oci/rung/nsenter"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// A rig is a kernel, and what a test looks at it by.
type rig struct {
	*Kernel
	dir   string // an empty directory
	top   FD     // the same
	pid   int    // who makes the calls
	pidfd int
	ended bool

	progress *nsenter.Progress // of another process
	far      *Far
}

// local makes the calls by the test itself.
func local(t *testing.T) *rig {
	dir, fd := directory(t)
	return &rig{Kernel: new(Kernel), dir: dir, top: Number(fd), pid: os.Getpid()}
}

func directory(t *testing.T) (string, int) {
	t.Helper()
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return dir, fd
}

// remote has another process make the calls: a fork of ours, or a program of its own.
func remote(count, size int, program bool) func(*testing.T) *rig {
	return func(t *testing.T) *rig {
		t.Helper()
		if program && !nsenter.HaveProgram {
			t.Skip("there is no machine code for this architecture")
		}
		runtime.LockOSThread() // the program dies with the thread that starts it
		t.Cleanup(runtime.UnlockOSThread)
		dir, top := directory(t)
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		tape := nsenter.NewTape()
		ours, theirs := tape.FDSlot(), tape.FDSlot()
		// A fork has our end too, and wouldn't see it closed.
		tape.Call("close the builder's end", unix.SYS_CLOSE, ours.FD()).Ignore()
		far := &Far{Annex: tape.Annex(theirs, count, size), Sock: pair[0]}
		image := tape.Image()
		far.Annex = far.Annex.In(image)
		arena, err := nsenter.NewArena(image)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(arena.Close)
		record := testbed.Memory(t, make([]byte, 4096))
		if err := nsenter.InitProgress(record); err != nil {
			t.Fatal(err)
		}
		r := &rig{dir: dir, top: Number(top), far: far}
		if r.progress, err = nsenter.MapProgress(record); err != nil {
			t.Fatal(err)
		}
		fill := func(a *nsenter.Arena) {
			a.SetFD(ours, pair[0])
			a.SetFD(theirs, pair[1])
			far.Arena = a
			t.Cleanup(a.Unmap)
		}
		if program {
			p, err := nsenter.OpenProgram(arena.FD, image.Size, image.Relocs, image.Ops, image.Count)
			if err != nil {
				t.Fatal(err)
			}
			fill(p.Arena)
			exe := testbed.Memory(t, p.Executable(arena.FD, record))
			r.pid, r.pidfd, err = nsenter.Spawn{Exe: exe, Args: []string{""}, Inherit: []int{arena.FD, record, pair[1], top}}.Start()
			if err != nil {
				t.Fatal(err)
			}
		} else {
			a, err := nsenter.OpenArena(arena.FD, image.Size, image.Relocs)
			if err != nil {
				t.Fatal(err)
			}
			fill(a)
			r.pid, err = nsenter.Fork(&nsenter.CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, nsenter.Player{Arena: a, Ops: image.Ops, Count: image.Count, Progress: r.progress})
			if err != nil {
				t.Fatal(err)
			}
			if r.pidfd, err = unix.PidfdOpen(r.pid, 0); err != nil {
				t.Fatal(err)
			}
		}
		unix.Close(pair[1])
		testbed.Until(t, "the process waits", func() bool { return r.progress.Step > 0 })
		t.Cleanup(func() {
			if !r.ended {
				_ = unix.PidfdSendSignal(r.pidfd, unix.SIGKILL, nil, 0)
				r.await(t)
			}
			unix.Close(r.pidfd)
			if far.Sock >= 0 {
				unix.Close(far.Sock)
			}
		})
		r.Kernel = NewKernel(far)
		return r
	}
}

// await waits for the end of the process, once.
func (r *rig) await(t *testing.T) unix.WaitStatus {
	t.Helper()
	r.ended = true
	return testbed.Await(t, r.pid)
}

// remotes are processes that make calls. The small ones have to be told of most in parts.
var remotes = []struct {
	name  string
	start func(*testing.T) *rig
}{
	{"fork", remote(256, 64<<10, false)},
	{"small fork", remote(8, 512, false)},
	{"program", remote(256, 64<<10, true)},
	{"small program", remote(8, 512, true)},
}

// everywhere runs f with calls made by whom they may be made by.
func everywhere(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	t.Run("local", func(t *testing.T) { f(t, local(t)) })
	elsewhere(t, f)
}

// elsewhere runs f with calls made by another process.
func elsewhere(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	for _, where := range remotes {
		t.Run(where.name, func(t *testing.T) { f(t, where.start(t)) })
	}
}

// mkdir queues a call that a test can see the effect of.
func (r *rig) mkdir(name string) *Call { return r.Mkdirat("make "+name, r.top, name, 0o755) }

// open queues the opening of a directory.
func (r *rig) open(name string) *Call {
	return r.Openat("open "+name, r.top, name, unix.O_PATH|unix.O_DIRECTORY, 0)
}

// has tells whether there is something below the directory.
func (r *rig) has(name string) bool {
	_, err := os.Lstat(r.dir + "/" + name)
	return err == nil
}

// there fails the test unless what is named is there, and with a "-" before its name: isn't.
func (r *rig) there(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if name[0] == '-' && r.has(name[1:]) {
			t.Errorf("%s is there", name[1:])
		} else if name[0] != '-' && !r.has(name) {
			t.Errorf("%s is missing", name)
		}
	}
}

// says fails the test unless err has the text; "": is none.
func says(t *testing.T, what string, err error, text string) {
	t.Helper()
	if err == nil && text != "" || err != nil && err.Error() != text {
		t.Errorf("%s: %v, want %q", what, err, text)
	}
}

// step is what calls are part of.
type step string

func (s step) String() string { return string(s) }

// same tells whether an error is the very same one.
func same(got, want error) bool { return got == want } //nolint:errorlint // and not one that wraps it
