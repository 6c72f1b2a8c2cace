package faults

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A tracer follows a call of the runtime and all that it forks, finds the
// container's first process, and kills it at its nth system call.
type tracer struct {
	root    int
	names   map[int]string // what each process is: "runtime", "program", "first" or "other"
	known   map[int]bool   // has had its first stop
	waiting map[int]bool   // stopped before its parent told of it
	first   int
	calls   int // stops of the first process at calls: at the entry of each and at its end
	at      int
	killed  bool
}

const traceOptions = unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC |
	unix.PTRACE_O_TRACESYSGOOD | 0x100000 // PTRACE_O_EXITKILL

// Row 1: SIGKILL of the container's first process at each of its system calls.
// Create says what happened, doesn't hang, and leaves nothing.
func TestKillFirstProcess(t *testing.T) {
	harness.NeedRung(t, "counts its system calls")
	for _, c := range []struct {
		name  string
		edits []harness.Edit
	}{
		{"host root", []harness.Edit{hook("createRuntime", "true", 0), hook("createContainer", "true", 0)}},
		{"user namespace", []harness.Edit{harness.MappedRoot, hook("createRuntime", "true", 0), hook("createContainer", "true", 0)}},
		{"host root, no hook inside", []harness.Edit{hook("createRuntime", "true", 0)}},
		{"host root, no hook", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			inv := harness.Take()
			b, _ := hooked(t, c.edits...)
			step, done, n := rounds(1, 13), 0, 1
			for ; n < 2000; n += step {
				tr := trace(t, b, n)
				if !tr.killed {
					remove(t, b, inv, "not killed")
					break
				}
				done++
				st := status(t, b)
				if st != "none" && st != "stopped" {
					t.Errorf("call %d: state %s, want none or stopped", n, st)
				}
				remove(t, b, inv, fmt.Sprint("call ", n))
			}
			t.Logf("%d kills at calls 1 to %d", done, n)
			if done < 10 {
				t.Errorf("%d kills only", done)
			}
		})
	}
}

// trace runs create and kills the first process at its nth call.
func trace(t *testing.T, b *harness.Bundle, n int) *tracer {
	t.Helper()
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	stderr, err := os.Create(b.Dir + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd := exec.Command(harness.Runtime(), "--root", b.Root, "create", "--bundle", b.Dir, b.ID)
	cmd.Env, cmd.Stderr = []string{"PATH=/usr/bin:/bin"}, stderr
	cmd.SysProcAttr = &unix.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tr := &tracer{
		root: cmd.Process.Pid, at: n, names: map[int]string{cmd.Process.Pid: "runtime"},
		known: map[int]bool{}, waiting: map[int]bool{},
	}
	code := tr.follow(t)
	data := readFile(t, b.Dir+"/stderr")
	if !tr.killed && code != 0 || tr.killed && code == 0 && status(t, b) != "stopped" || code != 0 && (strings.Count(data, "\n") != 1 || strings.Contains(data, "panic")) {
		t.Errorf("killed at call %d: exit code %d: %s", n, code, data)
	}
	return tr
}

// follow is the tracer's loop; it returns the runtime's exit code.
func (tr *tracer) follow(t *testing.T) int {
	t.Helper()
	var ws unix.WaitStatus
	first, deadline := true, time.Now().Add(20*time.Second)
	for {
		pid, err := unix.Wait4(-1, &ws, unix.WALL|unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR || err == nil && pid == 0:
			if time.Now().After(deadline) {
				unix.Kill(tr.root, unix.SIGKILL)
				t.Fatalf("killed at call %d: create hangs", tr.at)
			}
			time.Sleep(50 * time.Microsecond)
			continue
		case err != nil:
			t.Fatalf("wait: %v", err)
		}
		if ws.Exited() || ws.Signaled() {
			if pid == tr.root {
				tr.release()
				if ws.Signaled() {
					return 128 + int(ws.Signal())
				}
				return ws.ExitStatus()
			}
			delete(tr.names, pid)
			continue
		}
		if first && pid == tr.root {
			first = false
			unix.PtraceSetOptions(pid, traceOptions)
			tr.resume(pid, 0)
			continue
		}
		tr.stopped(pid, ws)
	}
}

// release lets go of what lives on: a created container.
func (tr *tracer) release() {
	for pid := range tr.names {
		unix.Kill(pid, unix.SIGSTOP)
		var ws unix.WaitStatus
		for range 1000 {
			if got, err := unix.Wait4(pid, &ws, unix.WALL|unix.WNOHANG, nil); got == pid || err != nil {
				break
			}
			time.Sleep(100 * time.Microsecond)
		}
		unix.PtraceDetach(pid)
		unix.Kill(pid, unix.SIGCONT)
	}
}

// stopped handles one stop of a traced process.
func (tr *tracer) stopped(pid int, ws unix.WaitStatus) {
	event := int(ws) >> 16
	sig := ws.StopSignal()
	switch {
	case event == unix.PTRACE_EVENT_EXEC:
		tr.names[pid] = "program"
	case event == unix.PTRACE_EVENT_CLONE || event == unix.PTRACE_EVENT_FORK || event == unix.PTRACE_EVENT_VFORK:
		if msg, err := unix.PtraceGetEventMsg(pid); err == nil {
			tr.born(int(msg), pid)
		}
	case event != 0 || tr.names[pid] == "":
		if event == 0 {
			tr.waiting[pid] = true // until we know what it is
			return
		}
	case sig == unix.SIGTRAP|0x80:
		if tr.calls++; tr.calls == 2*tr.at-1 {
			tr.killed = true
			unix.Kill(pid, unix.SIGKILL)
			return
		}
	case sig == unix.SIGSTOP && !tr.known[pid]:
		tr.known[pid] = true // the first stop of a new process
	default:
		tr.resume(pid, int(sig))
		return
	}
	tr.resume(pid, 0)
}

// born notes a new process or thread. The first process is the first that the
// player, the first program that the runtime starts, clones.
func (tr *tracer) born(pid, parent int) {
	tr.names[pid] = "other"
	if tr.names[parent] == "program" && tr.first == 0 && tgid(pid) == pid {
		tr.names[pid], tr.first = "first", pid
	}
	if tr.waiting[pid] {
		tr.known[pid] = true
		tr.resume(pid, 0)
	}
}

// resume lets a process run, the first process until its next system call.
func (tr *tracer) resume(pid, sig int) {
	request := uintptr(unix.PTRACE_CONT)
	if tr.names[pid] == "first" {
		request = unix.PTRACE_SYSCALL
	}
	unix.Syscall6(unix.SYS_PTRACE, request, uintptr(pid), 0, uintptr(sig), 0, 0)
}

func tgid(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), "\nTgid:")
	var n int
	fmt.Sscan(rest, &n)
	return n
}
