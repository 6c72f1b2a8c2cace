package sweep

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A point is a system call that is made: who makes it (0: the runtime; others in the order of their birth), which
// one, and how many of these he has made before.
type point struct {
	who int
	nr  uint64
	nth int
}

func (p point) compare(q point) int {
	return cmp.Or(cmp.Compare(p.who, q.who), cmp.Compare(p.nr, q.nr), cmp.Compare(p.nth, q.nth))
}

// A fault is what happens there: an error, or SIGKILL if it is 0.
type fault struct {
	at    point
	errno unix.Errno
}

// An outcome is how a traced call has ended.
type outcome struct {
	code    int
	stderr  string
	reached bool // the fault's place
	hung    bool
	made    map[point]bool // without a fault: what was made
}

// A tracer follows a call of the runtime and all that it forks, until they execute another program.
type tracer struct {
	fault  *fault
	out    outcome
	main   int
	born   map[int]int  // thread → who
	groups map[int]int  // thread group → who
	failed map[int]bool // threads whose call is to fail when it returns
	counts map[[2]uint64]int
	exe    os.FileInfo // of the runtime
	begun  bool        // the runtime runs, and not what runs it
	late   atomic.Bool
}

const options = unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC |
	unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL

// A call is one of the runtime.
type call struct {
	argv, env []string // what comes before the runtime's name runs it
	dir       string
	stdin     *os.File // and stdout; nil: /dev/null
	atMost    time.Duration
}

// run makes the call with a fault, or none.
func (c *call) run(f *fault) (*outcome, error) {
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	name := filepath.Join(c.dir, "stderr")
	stderr, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	stdin := c.stdin
	if stdin == nil {
		if stdin, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
			return nil, err
		}
		defer stdin.Close()
	}
	path, err := exec.LookPath(c.argv[0])
	if err != nil {
		return nil, err
	}
	pid, err := syscall.ForkExec(path, c.argv, &syscall.ProcAttr{
		Dir: c.dir, Env: c.env, Files: []uintptr{stdin.Fd(), stdin.Fd(), stderr.Fd()}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return nil, err
	}
	t := &tracer{
		fault: f, main: pid, born: map[int]int{}, groups: map[int]int{}, failed: map[int]bool{}, counts: map[[2]uint64]int{},
	}
	t.out.made = map[point]bool{}
	if t.exe, err = os.Stat(harness.Runtime()); err != nil {
		return nil, err
	}
	if err := t.seize(pid); err != nil {
		_ = unix.Kill(pid, unix.SIGKILL)
		return nil, err
	}
	late := time.AfterFunc(c.atMost, func() {
		t.late.Store(true)
		_ = unix.Kill(pid, unix.SIGKILL)
	})
	err = t.follow()
	late.Stop()
	t.out.hung = t.late.Load()
	text, _ := os.ReadFile(name)
	t.out.stderr = string(text)
	return &t.out, err
}

// seize exchanges the tracing that a child has asked for against one that can be ended while it runs.
func (t *tracer) seize(pid int) error {
	if err := waitStop(pid); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_DETACH, uintptr(pid), 0, uintptr(unix.SIGSTOP), 0, 0); errno != 0 {
		return fmt.Errorf("detach: %w", errno)
	}
	for { // until it is stopped
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return err
		}
		if _, rest, _ := strings.Cut(string(text), ") "); strings.HasPrefix(rest, "T") {
			break
		}
		runtime.Gosched()
	}
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, uintptr(options), 0, 0); errno != 0 {
		return fmt.Errorf("seize: %w", errno)
	}
	t.know(pid)
	t.executed()
	return unix.Kill(pid, unix.SIGCONT)
}

// executed finds out whether it is the runtime that runs now.
func (t *tracer) executed() {
	now, err := os.Stat(fmt.Sprintf("/proc/%d/exe", t.main))
	t.begun = err == nil && os.SameFile(now, t.exe)
}

func waitStop(pid int) error {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &ws, unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case !ws.Stopped():
			return fmt.Errorf("child %d has ended", pid)
		default:
			return nil
		}
	}
}

// know gives a thread that is new its number.
func (t *tracer) know(tid int) {
	if _, known := t.born[tid]; known {
		return
	}
	group := groupOf(tid)
	who, known := t.groups[group]
	if !known {
		who = len(t.groups)
		t.groups[group] = who
	}
	t.born[tid] = who
}

// groupOf is the thread group of a thread.
func groupOf(tid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "Tgid:"); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(value))
			return n
		}
	}
	return tid
}

// follow goes on until the runtime has ended, and lets go of what it leaves.
func (t *tracer) follow() error {
	for {
		var ws unix.WaitStatus
		tid, err := unix.Wait4(-1, &ws, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("wait: %w", err)
		case ws.Exited() || ws.Signaled():
			delete(t.born, tid)
			if tid == t.main {
				if t.out.code = ws.ExitStatus(); ws.Signaled() {
					t.out.code = 128 + int(ws.Signal())
				}
				t.letGo()
				return nil
			}
			continue
		}
		t.stopped(tid, ws)
	}
}

const (
	syscallStop = unix.SIGTRAP | 0x80
	eventStop   = 128 // PTRACE_EVENT_STOP
)

// stopped looks at a thread that has stopped, and lets it go on.
func (t *tracer) stopped(tid int, ws unix.WaitStatus) {
	t.know(tid)
	sig, event := ws.StopSignal(), int(ws)>>16
	switch {
	case event == unix.PTRACE_EVENT_EXEC && t.born[tid] != 0:
		// What it is now isn't ours.
		delete(t.born, tid)
		_ = unix.PtraceDetach(tid)
		return
	case event != 0 && (sig == unix.SIGSTOP || sig == unix.SIGTSTP || sig == unix.SIGTTIN || sig == unix.SIGTTOU) && event == eventStop:
		_ = ptrace(unix.PTRACE_LISTEN, tid, 0)
		return
	case event != 0:
		if sig = 0; event == unix.PTRACE_EVENT_EXEC {
			t.executed()
		}
	case sig == syscallStop:
		sig = 0
		if nr, entering := number(tid); !t.begun {
			break
		} else if entering {
			t.enter(tid, nr)
		} else if t.failed[tid] {
			delete(t.failed, tid)
			_ = setResult(tid, t.fault.errno)
		}
	}
	if !t.begun || t.fault != nil && t.out.reached && len(t.failed) == 0 {
		_ = ptrace(unix.PTRACE_CONT, tid, uintptr(sig)) // nothing to see yet, or any more
		return
	}
	_ = ptrace(unix.PTRACE_SYSCALL, tid, uintptr(sig))
}

// enter counts a call, and begins to have it fail if it is the one.
func (t *tracer) enter(tid int, nr uint64) {
	who := t.born[tid]
	key := [2]uint64{uint64(who), nr}
	at := point{who, nr, t.counts[key]}
	t.counts[key]++
	if t.fault == nil {
		t.out.made[at] = true
		return
	}
	if t.out.reached || t.fault.at != at {
		return
	}
	t.out.reached = true
	if t.fault.errno == 0 {
		_ = unix.Kill(groupOf(tid), unix.SIGKILL)
		return
	}
	t.failed[tid] = true
	if nr != unix.SYS_CLOSE { // which closes, whatever it says
		_ = skip(tid)
	}
}

// letGo ends the tracing of what the runtime has left.
func (t *tracer) letGo() {
	for tid := range t.born {
		if ptrace(unix.PTRACE_INTERRUPT, tid, 0) != nil {
			continue
		}
		if waitStop(tid) == nil {
			_ = unix.PtraceDetach(tid)
		}
	}
}

func ptrace(request, tid int, data uintptr) error {
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), 0, data, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// number is the system call that a thread enters, or leaves: PTRACE_GET_SYSCALL_INFO, Linux 5.3.
func number(tid int) (nr uint64, entering bool) {
	const getSyscallInfo = 0x420e
	var info struct {
		op   uint8
		_    [3]byte
		arch uint32
		_    [2]uint64 // instruction and stack pointer
		nr   uint64
		_    [8]uint64
	}
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	return info.nr, errno == 0 && info.op == 1 // an entry
}
