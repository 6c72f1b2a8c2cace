package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Follow calls the runtime and traces all that it forks. For each process that is in
// another pid namespace than the test's, and so to be seen by a container, look is
// called before and after every system call that it makes until it executes a program.
func (c *Cmd) Follow(t testing.TB, look func(pid int)) *Result {
	t.Helper()
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	argv := append(append(append([]string{}, c.Via...), Runtime()), c.Args...)
	path, err := exec.LookPath(argv[0])
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(TempDir(t), "out")
	r := &Result{Args: argv, out: base, err: base + ".err"}
	files := []uintptr{0, 0, 0}
	for i, name := range []string{os.DevNull, r.out, r.err} {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f.Fd()
	}
	env := c.Env
	if env == nil {
		env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	}
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{Dir: c.Dir, Env: env, Files: files, Sys: &syscall.SysProcAttr{Ptrace: true}})
	if err != nil {
		t.Fatal(err)
	}
	f := follower{main: pid, look: look, known: map[int]bool{}}
	if err := f.follow(); err != nil {
		t.Fatalf("trace: %v", err)
	}
	out, _ := os.ReadFile(r.out)
	text, _ := os.ReadFile(r.err)
	r.Code, r.Stdout, r.Stderr = f.code, string(out), string(text)
	return r
}

// A follower traces processes.
type follower struct {
	main  int // the runtime
	code  int // its exit code
	look  func(pid int)
	known map[int]bool // that are traced → whether a container sees them
}

const followOptions = unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL

// follow goes on until nobody is left to be traced.
func (f *follower) follow() error {
	deadline := time.Now().Add(time.Minute)
	options, ended := false, false
	for !ended || len(f.known) > 0 {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WALL|unix.WNOTHREAD|unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ECHILD:
			return nil
		case err != nil:
			return fmt.Errorf("wait: %w", err)
		case pid == 0:
			if time.Now().After(deadline) {
				unix.Kill(f.main, unix.SIGKILL)
				return fmt.Errorf("the call takes longer than a minute")
			}
			time.Sleep(20 * time.Microsecond)
			continue
		case ws.Exited() || ws.Signaled():
			delete(f.known, pid)
			if pid == f.main {
				ended = true
				if f.code = ws.ExitStatus(); ws.Signaled() {
					f.code = 128 + int(ws.Signal())
				}
			}
			continue
		}
		if !options {
			options = true
			if err := unix.PtraceSetOptions(pid, followOptions); err != nil {
				return fmt.Errorf("set options: %w", err)
			}
		}
		f.stopped(pid, ws)
	}
	return nil
}

// stopped looks at a process that has stopped and lets it go on.
func (f *follower) stopped(pid int, ws unix.WaitStatus) {
	seen, known := f.known[pid]
	sig := int(ws.StopSignal())
	const syscallStop = int(unix.SIGTRAP) | 0x80
	switch {
	case !known: // its first stop
		seen, sig = inContainer(pid), 0
		f.known[pid] = seen
	case sig == syscallStop, ws.TrapCause() > 0:
		sig = 0
	}
	if seen && ws.TrapCause() == unix.PTRACE_EVENT_EXEC {
		// What it is now is the container's business.
		delete(f.known, pid)
		_ = unix.PtraceDetach(pid)
		return
	}
	if !seen {
		_ = unix.PtraceCont(pid, sig)
		return
	}
	f.look(pid)
	_ = unix.PtraceSyscall(pid, sig)
}

func inContainer(pid int) bool {
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	ours, _ := os.Readlink("/proc/self/ns/pid")
	return err == nil && theirs != ours
}
