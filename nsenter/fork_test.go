package nsenter

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

// The record outlives a process that is killed, and says where it was.
func TestProgressSurvives(t *testing.T) {
	fd := testbed.Memory(t, nil)
	if err := InitProgress(fd); err != nil {
		t.Fatal(err)
	}
	if p, err := ReadProgress(fd); err != nil || p.Phase != PhaseSetup || p.Step != 0 || p.Errno != 0 {
		t.Fatalf("ReadProgress = %+v, %v, want a fresh record", p, err)
	}
	mapped, err := MapProgress(fd)
	if err != nil {
		t.Fatal(err)
	}
	r, w := pipe(t)
	tape := NewTape()
	tape.Mark(PhaseWaiting)
	tape.Call("say so", unix.SYS_WRITE, Int(w), tape.Str("x"), Int(1))
	tape.Call("block", unix.SYS_PPOLL, Int(0), Int(0), Int(0), Int(0), Int(0))
	tape.Mark(PhaseExec)
	p, err := NewLocal(tape.Image())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	p.Progress = mapped
	pid, err := Fork(&CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, p)
	if err != nil {
		t.Fatal(err)
	}
	if got := readText(t, r); got != "x" {
		t.Errorf("said %q", got)
	}
	testbed.Until(t, "the process is at entry 2", func() bool { return mapped.Step >= 2 })
	unix.Kill(pid, unix.SIGKILL)
	if ws := testbed.Await(t, pid); ws.Signal() != unix.SIGKILL {
		t.Errorf("status = %#x, want SIGKILL", ws)
	}
	got, err := ReadProgress(fd)
	if err != nil || got.Phase != PhaseWaiting || got.Step != 2 || got.Errno != 0 {
		t.Errorf("ReadProgress = %+v, %v, want waiting at entry 2 without an error", got, err)
	}
}

func TestProgressErrors(t *testing.T) {
	empty, short, wrong := testbed.Memory(t, nil), testbed.Memory(t, nil), testbed.Memory(t, nil)
	if _, err := unix.Write(short, make([]byte, ProgressSize-1)); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(wrong, make([]byte, ProgressSize)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		fd   int
		want error
	}{{empty, unix.EINVAL}, {short, unix.EINVAL}, {wrong, unix.EINVAL}, {-1, unix.EBADF}} {
		if _, err := ReadProgress(tt.fd); !errorIs(err, tt.want, "read progress record: ") {
			t.Errorf("ReadProgress(%d) = %v, want %v", tt.fd, err, tt.want)
		}
	}
	full, err := unix.Open("/dev/full", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(full)
	if err := InitProgress(full); !errorIs(err, unix.ENOSPC, "write progress record: ") {
		t.Errorf("InitProgress of a full disk = %v", err)
	}
	if _, err := MapProgress(-1); !errorIs(err, unix.EBADF, "map progress record: ") {
		t.Errorf("MapProgress(-1) = %v", err)
	}
}

func errorIs(err, want error, prefix string) bool {
	return err != nil && strings.HasPrefix(err.Error(), prefix) && err.Error() == prefix+want.Error()
}

// The image may lie anywhere, and be completed through another mapping.
func TestArenaAtTwoAddresses(t *testing.T) {
	r, w := pipe(t)
	tape := NewTape()
	env, late := tape.Strs(nil, 1), tape.Alloc(64)
	out, word := tape.FDSlot(), tape.Slot()
	tape.Call("stdout", unix.SYS_DUP3, out.FD(), Int(1), Int(0))
	tape.Call("exec", unix.SYS_EXECVE, tape.Str("/bin/sh"), tape.Strs([]string{"sh", "-c", "echo $X"}, 0).Addr(), env.Addr())
	im := tape.Image()
	for _, text := range []string{"one", "two"} {
		made, err := NewArena(im)
		if err != nil {
			t.Fatal(err)
		}
		player, err := OpenArena(made.FD, len(im.Data), im.Relocs)
		if err != nil {
			t.Fatal(err)
		}
		other, err := OpenArena(made.FD, len(im.Data), nil)
		if err != nil {
			t.Fatal(err)
		}
		if player.base == other.base {
			t.Fatal("both mappings are at the same address")
		}
		other.SetFD(out, w)
		other.SetWord(word, 12345)
		other.SetString(late, env, "X="+text)
		// Only the player's own addresses may count.
		if err := unix.Munmap(other.mem); err != nil {
			t.Fatal(err)
		}
		if player.Word(word) != 12345 {
			t.Errorf("Word = %d, want what the other mapping stored", player.Word(word))
		}
		if got, err := made.ReadInt32(out); got != w || err != nil {
			t.Errorf("ReadInt32 = %d, %v, want %d", got, err, w)
		}
		var pr Progress
		pid, err := Fork(&CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, Player{player, im.Ops, im.Count, &pr})
		if err != nil {
			t.Fatal(err)
		}
		if ws := testbed.Await(t, pid); ws != 0 {
			t.Fatalf("status = %#x", ws)
		}
		if got := readText(t, r); got != text {
			t.Errorf("printed %q, want %q", got, text)
		}
		made.Close()
		made.Close() // once is enough, twice does no harm
		if made.FD != -1 {
			t.Errorf("FD after Close = %d", made.FD)
		}
	}
}

func TestArenaErrors(t *testing.T) {
	im := NewTape().Image()
	a, err := NewArena(im)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	size := len(im.Data)
	for _, r := range []uint32{uint32(size), uint32(size - wordSize + 1), ^uint32(0) - 16} {
		if _, err := OpenArena(a.FD, size, []uint32{r}); !errors.Is(err, ErrArena) {
			t.Errorf("OpenArena with a relocation at %d = %v, want %v", r, err, ErrArena)
		}
	}
	if _, err := OpenArena(-1, size, nil); err == nil {
		t.Error("OpenArena(-1): no error")
	}
	if _, err := a.ReadInt32(Slot(size)); !errors.Is(err, ErrArena) {
		t.Errorf("ReadInt32 behind the end = %v, want %v", err, ErrArena)
	}
}

// sharesMemory has a child store a word outside the arena and tells whether we
// see it.
func sharesMemory(t *testing.T, fork func(*CloneArgs, Player) (int, error)) bool {
	t.Helper()
	seen := new([64]uintptr)
	p, err := NewLocal(NewTape().Image())
	if err != nil {
		t.Fatal(err)
	}
	p.Free()
	tape := NewTape()
	out := tape.Slot()
	tape.Set("", out, Int(1), 0)
	if p, err = NewLocal(tape.Image()); err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	o := (*op)(unsafe.Pointer(&p.Arena.mem[p.Ops]))
	o.out = uintptr(unsafe.Pointer(&seen[32])) - p.Arena.base
	pid, err := fork(&CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, p)
	if err != nil {
		t.Fatal(err)
	}
	testbed.Await(t, pid)
	return seen[32] == 1
}

func TestForkCopies(t *testing.T) {
	if sharesMemory(t, Fork) {
		t.Error("Fork shares memory with its child")
	}
	if got := sharesMemory(t, Vfork); got != haveVfork {
		t.Errorf("Vfork shares memory: %v, want %v", got, haveVfork)
	}
}

func TestForkFails(t *testing.T) {
	p, err := NewLocal(NewTape().Image())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	for name, f := range map[string]func(*CloneArgs, Player) (int, error){"Fork": Fork, "Vfork": Vfork} {
		if pid, err := f(&CloneArgs{Flags: 1 << 40}, p); !errors.Is(err, unix.EINVAL) || pid != 0 {
			t.Errorf("%s with an unknown flag = %d, %v, want EINVAL", name, pid, err)
		}
	}
}

// Vfork borrows the stack of its caller: nothing of it may be damaged, whatever
// the other threads do meanwhile and however the child ends.
func TestVforkInParallel(t *testing.T) {
	heap := make([][]byte, 0, 64)
	for range 64 {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		heap = append(heap, b)
	}
	defer runtime.KeepAlive(heap)
	exe, err := unix.Open("/bin/true", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(exe)
	var wg sync.WaitGroup
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with us
			for i := range next {
				if err := vforkOnce(i, exe); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 200 {
		next <- i
	}
	close(next)
	wg.Wait()
}

//go:noinline
func vforkOnce(i, exe int) error {
	canary := [16]int{0: rand.IntN(1 << 30)}
	for j := 1; j < len(canary); j++ {
		canary[j] = canary[0] + j
	}
	fails := i%3 == 0
	tape := NewTape()
	if fails {
		tape.Fail("planned", unix.EXDEV)
	}
	tape.Call("exec", unix.SYS_EXECVEAT, Int(exe), tape.Str(""), tape.Strs([]string{"true"}, 0).Addr(), tape.Strs(nil, 0).Addr(), Int(unix.AT_EMPTY_PATH))
	p, err := NewLocal(tape.Image())
	if err != nil {
		return err
	}
	defer p.Free()
	pid, err := Vfork(&CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, p)
	if err != nil {
		return err
	}
	// The child has exec'd or ended by now: its record is final.
	errno := p.Progress.Errno
	var ws unix.WaitStatus
	for {
		if _, err = unix.Wait4(pid, &ws, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	for j := 1; j < len(canary); j++ {
		if canary[j] != canary[0]+j {
			return fmt.Errorf("run %d: the caller's stack is damaged: %v", i, canary)
		}
	}
	if fails != (errno == uint32(unix.EXDEV)) || fails != (ws.ExitStatus() == exitFailed) || err != nil {
		return fmt.Errorf("run %d: errno %d, status %#x, %v", i, errno, ws, err) //nolint:errorlint // may be nil
	}
	return nil
}

func ownExecutable(t *testing.T) int {
	t.Helper()
	fd, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func userNS(t *testing.T, pid int) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/user", pid), &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func TestSpawn(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	t.Setenv("SECRET", "1")
	r, w := pipe(t)
	kept, other := testbed.Memory(t, nil), testbed.Memory(t, nil)
	args := []string{reporter, itoa(w), itoa(kept), itoa(other)}
	pid, pidfd, err := Spawn{Exe: ownExecutable(t), Args: args, Inherit: []int{w, kept}}.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	want := fmt.Sprintf("args %q env 0 open [%d] death 9 ids 0 0 groups", args, kept)
	if got := readText(t, r); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, fmt.Sprintf("userns %d", userNS(t, os.Getpid()))) {
		t.Errorf("reported %s, want %s…", got, want)
	}
	if err := unix.PidfdSendSignal(pidfd, 0, nil, 0); err != nil {
		t.Errorf("pidfd: %v", err)
	}
	if ws := testbed.Await(t, pid); ws.ExitStatus() != 7 {
		t.Errorf("status = %#x, want exit 7", ws)
	}
}

// A failing exec is an error that names the step, and leaves nothing behind.
func TestSpawnFails(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	plain := testbed.Memory(t, nil)
	if err := unix.Fchmod(plain, 0o600); err != nil {
		t.Fatal(err)
	}
	same := testbed.Same(t, os.Getpid())
	for _, tt := range []struct {
		s    Spawn
		want string
	}{
		{Spawn{Exe: -1}, "execute: bad file descriptor"},
		{Spawn{Exe: plain}, "execute: permission denied"},
		{Spawn{Exe: plain, Inherit: []int{1 << 20}}, "inherit descriptor: bad file descriptor"},
		{Spawn{Exe: plain, Extra: []int{1 << 20}}, "pass descriptor: bad file descriptor"},
	} {
		pid, pidfd, err := tt.s.Start()
		if err == nil || err.Error() != tt.want || pid != 0 || pidfd != -1 {
			t.Errorf("Start() = %d, %d, %v, want %s", pid, pidfd, err, tt.want)
		}
	}
	same()
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
}

// The death signal counts on the thread that called Start.
func TestSpawnDiesWithItsThread(t *testing.T) {
	var pid, pidfd int
	var err error
	r, w := pipe(t)
	testbed.Thread(t, 0, func() {
		sh, oerr := unix.Open("/bin/sleep", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if oerr != nil {
			err = oerr
			return
		}
		defer unix.Close(sh)
		pid, pidfd, err = Spawn{Exe: sh, Args: []string{"sleep", "30"}, Inherit: []int{w}}.Start()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	_ = r
	if ws := testbed.Await(t, pid); ws.Signal() != unix.SIGKILL {
		t.Errorf("status = %#x, want SIGKILL", ws)
	}
}

// Who gets hold of the tape's memory can't make it smaller: whoever has it mapped would
// die of the next look at it.
func TestArenaSize(t *testing.T) {
	a, err := NewArena(NewTape().Image())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, size := range []int64{0, 1 << 20} {
		if err := unix.Ftruncate(a.FD, size); err != unix.EPERM {
			t.Errorf("Ftruncate(%d) = %v, want EPERM", size, err)
		}
	}
}
