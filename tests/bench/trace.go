package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// traced runs a command and takes the peak of each of its processes.
//
// The kernel's own figure, wait4's ru_maxrss, can't be had for one process: over
// execve it keeps the peak of the process that forked (this one's), and it mixes
// in children. So every process is stopped by ptrace just before it ends, when
// its memory is still there, and VmHWM is read.
func (b *bench) traced(files stdio, argv []string) (peak, error) {
	if b.stop.Load() {
		return peak{}, errInterrupted
	}
	type answer struct {
		peak peak
		err  error
	}
	c := make(chan answer)
	go func() {
		// The thread ends with the goroutine, which detaches what lives on.
		runtime.LockOSThread()
		p, err := b.trace(files, argv)
		c <- answer{p, err}
	}()
	a := <-c
	return a.peak, a.err
}

const traceOptions = unix.PTRACE_O_TRACEEXIT | unix.PTRACE_O_TRACEEXEC |
	unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE

func (b *bench) trace(files stdio, argv []string) (peak, error) {
	attr := files.attributes()
	attr.Sys = &syscall.SysProcAttr{Ptrace: true}
	root, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return peak{}, fmt.Errorf("start %s: %w", argv[0], err)
	}
	watchdog := time.AfterFunc(commandTime, func() { syscall.Kill(root, syscall.SIGKILL) })
	defer watchdog.Stop()
	// Only this thread: a first process that a kill ends is to be reaped by others.
	t := &tracer{root: root, seen: map[int]bool{}}
	for {
		var status syscall.WaitStatus
		pid, err := wait(-1, &status, syscall.WALL|unix.WNOTHREAD, nil)
		if err != nil {
			return peak{}, fmt.Errorf("wait for tracees: %w", err)
		}
		if status.Stopped() {
			t.stopped(pid, status)
			continue
		}
		if pid != root {
			continue
		}
		if !status.Exited() || status.ExitStatus() != 0 {
			return peak{}, fmt.Errorf("%s: wait status %#x when traced", strings.Join(argv, " "), uint32(status))
		}
		return t.peak, nil
	}
}

type tracer struct {
	root int
	seen map[int]bool // threads that are traced
	peak peak
}

// stopped looks at a thread that has stopped and lets it go on. Errors mean that
// it was killed meanwhile.
func (t *tracer) stopped(tid int, status syscall.WaitStatus) {
	signal := status.StopSignal()
	switch {
	case status>>16 == unix.PTRACE_EVENT_EXIT && signal == syscall.SIGTRAP:
		t.look(tid)
		signal = 0
	case status>>16 != 0:
		signal = 0
	case !t.seen[tid] && (tid == t.root && signal == syscall.SIGTRAP || signal == syscall.SIGSTOP):
		// The stop at the start: of the root after execve, of others when they are attached.
		if tid == t.root {
			syscall.PtraceSetOptions(tid, traceOptions)
		}
		signal = 0
	}
	t.seen[tid] = true
	syscall.PtraceCont(tid, int(signal))
}

func (t *tracer) look(tid int) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return
	}
	if size := field(data, "VmHWM"); field(data, "Tgid") == t.root {
		t.peak.Parent = max(t.peak.Parent, size)
	} else {
		t.peak.Child = max(t.peak.Child, size)
	}
}
