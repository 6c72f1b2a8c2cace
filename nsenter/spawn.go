package nsenter

import (
	"fmt"
	"math"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// NewLocal lays the image out in memory that a forked process shares with us,
// but that no other process can map.
func NewLocal(im Image) (Player, error) {
	size := im.Size
	off := (size + 15) &^ 15
	mem, err := unix.Mmap(-1, 0, off+ProgressSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return Player{}, fmt.Errorf("map tape memory: %w", err)
	}
	copy(mem, im.Data)
	a := &Arena{FD: -1, mem: mem, base: uintptr(unsafe.Pointer(&mem[0]))}
	for _, r := range im.Relocs {
		*a.word(Slot(r)) += a.base
	}
	*a.word(0) = a.base
	return Player{Arena: a, Ops: im.Ops, Count: im.Count, Progress: (*Progress)(unsafe.Pointer(&mem[off]))}, nil
}

// Free unmaps a local arena.
func (p Player) Free() { _ = unix.Munmap(p.Arena.mem) }

// TimerSlack is the kernel's default timer slack, in ns.
const TimerSlack = 50_000

// A Spawn describes a program to be started from an open file.
type Spawn struct {
	Exe     int      // the executable, by execveat(2)
	Args    []string // argv
	Env     []string // the environment
	Inherit []int    // descriptors that the program keeps, under the same numbers
	Stdio   []int    // what it has as descriptors 0, 1 and 2: each that very one, or one from 3 on; nil: ours
	Extra   []int    // what it has as descriptors from 3 on, each numbered above them all; what it inherits is, too
	Slack   int      // timer slack of the program's main thread, and of threads it makes, in ns; 0: ours
}

// Start starts the program as a child of ours that dies with the calling
// thread. It returns once the program runs; a step that fails before is the
// error.
func (s Spawn) Start() (pid, pidfd int, err error) {
	if over := 3 + len(s.Extra); over > 3 && s.Exe < over {
		if s.Exe, err = unix.FcntlInt(uintptr(s.Exe), unix.F_DUPFD_CLOEXEC, over); err != nil {
			return 0, -1, fmt.Errorf("copy descriptor of the program: %w", err)
		}
		defer unix.Close(s.Exe)
	}
	t := s.tape()
	p, err := NewLocal(t.Image())
	if err != nil {
		return 0, -1, err
	}
	defer p.Free()
	var fd int32 = -1
	ca := &CloneArgs{Flags: unix.CLONE_PIDFD, Pidfd: uint64(uintptr(unsafe.Pointer(&fd))), ExitSignal: uint64(unix.SIGCHLD)}
	pid, err = Vfork(ca, p)
	if err != nil {
		return 0, -1, fmt.Errorf("fork: %w", err)
	}
	if e := p.Progress.Errno; e != 0 {
		reap(pid)
		unix.Close(int(fd))
		return 0, -1, fmt.Errorf("%s: %w", t.Label(int(p.Progress.Step)), syscall.Errno(e))
	}
	return pid, int(fd), nil
}

func (s Spawn) tape() *Tape {
	t := NewTape()
	t.Call("set death signal", unix.SYS_PRCTL, Int(unix.PR_SET_PDEATHSIG), Int(int(unix.SIGKILL)))
	if s.Slack != 0 {
		t.Call("set timer slack", unix.SYS_PRCTL, Int(unix.PR_SET_TIMERSLACK), Int(s.Slack))
	}
	// In the child alone: what the program that embeds us has open and inheritable is
	// its own business.
	t.Call("close descriptors at execve", unix.SYS_CLOSE_RANGE, Int(3), Uint(math.MaxUint32), Int(unix.CLOSE_RANGE_CLOEXEC))
	for i, fd := range s.Stdio {
		if fd != i {
			t.Call("use standard descriptor", unix.SYS_DUP3, Int(fd), Int(i), Int(0))
		}
	}
	for i, fd := range s.Extra {
		t.Call("pass descriptor", unix.SYS_DUP3, Int(fd), Int(3+i), Int(0))
	}
	for _, fd := range s.Inherit {
		t.Call("inherit descriptor", unix.SYS_FCNTL, Int(fd), Int(unix.F_SETFD), Int(0))
	}
	t.Call("execute", unix.SYS_EXECVEAT, Int(s.Exe), t.Str(""), t.Strs(s.Args, 0).Addr(), t.Strs(s.Env, 0).Addr(), Int(unix.AT_EMPTY_PATH))
	return t
}

// reap waits for a child. One without an exit signal is what wait(2) calls a clone child.
func reap(pid int) (ws unix.WaitStatus) {
	_ = fdio.Again(func() error { _, err := unix.Wait4(pid, &ws, unix.WALL, nil); return err })
	return ws
}
