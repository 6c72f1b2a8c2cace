// Package hook runs the hooks of a container.
//
// A hook is foreign code in the middle of our work, so everything about it is
// bounded: its time, with everything in its process group; the output that is
// kept of it; and what its children, living on with its pipes open, can do to us.
package hook

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/spawn"
	"github.com/rung-oci/rung/nsenter"
)

// maxOutput is how much of a hook's output is kept: its end.
const maxOutput = 16 << 10

// A Spawn starts a hook's program with the descriptors as its stdin, stdout
// and stderr, as the leader of a process group of its own. The pidfd is the
// caller's to close.
type Spawn func(h *specs.Hook, stdin, output int) (pid, pidfd int, err error)

// Until is what ends a hook before it does so itself. The zero value is nothing.
type Until struct {
	Stop   *cancel.Signal
	Init   int         // a pidfd of the container's first process, if there is a Doomed
	Doomed func() bool // asked once when that has ended: whether who has killed it removes the container; else the hook goes on
}

var errDoomed = errors.New("container is being removed")

// State is the state of a container as a hook gets it on its stdin, cut where
// the pid goes.
type State struct{ Before, After string }

// JSON is the whole text.
func (s State) JSON(pid int) string { return fmt.Sprintf("%s%d%s", s.Before, pid, s.After) }

// RunAll runs the hooks in order and stops at the first that fails. The error
// names it by its kind ("createRuntime") and number.
func RunAll(kind string, hooks []specs.Hook, state string, start Spawn, until Until) error {
	for i := range hooks {
		if err := Run(&hooks[i], state, start, until); err != nil {
			return fmt.Errorf("error running %s hook #%d: %w", kind, i, err)
		}
	}
	return nil
}

// Run runs one hook and waits for it. A hook that doesn't end within its
// timeout, or meets its until, is killed with its process group. The error holds the end of what
// the hook printed.
func Run(h *specs.Hook, state string, start Spawn, until Until) error {
	if err := until.Stop.Err(); err != nil {
		return err
	}
	stdin, err := memory(state)
	if err != nil {
		return err
	}
	defer unix.Close(stdin)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	defer unix.Close(pipe[0])
	pid, pidfd, err := start(h, stdin, pipe[1])
	unix.Close(pipe[1])
	if err != nil {
		return fmt.Errorf("start %s: %w", h.Path, err)
	}
	defer unix.Close(pidfd)
	out, late, stopped := watch(pidfd, pipe[0], timeout(h), until)
	if late || stopped != nil {
		unix.Kill(-pid, unix.SIGKILL)
		unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	}
	err = spawn.Ended(pid)
	if stopped != nil && err != nil {
		return fmt.Errorf("%s: %w", h.Path, stopped)
	}
	if late {
		err = fmt.Errorf("%s: timed out after %d s", h.Path, *h.Timeout)
	}
	if err != nil && len(out) > 0 {
		err = fmt.Errorf("%w, output: %s", err, oneLine(out))
	}
	return err
}

// memory is a file with the text. A pipe would have to be filled while the
// hook may not read.
func memory(text string) (int, error) {
	fd, err := unix.MemfdCreate("state", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("make state file: %w", err)
	}
	if err = fdio.WriteAll(fd, []byte(text)); err == nil {
		_, err = unix.Seek(fd, 0, 0)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("write state file: %w", err)
	}
	return fd, nil
}

func timeout(h *specs.Hook) time.Duration {
	if h.Timeout == nil {
		return 0
	}
	return time.Duration(*h.Timeout) * time.Second
}

// watch collects output until the process ends, whoever else still holds the
// pipe, or until limit (0: none) has passed, or there is something else for which it is stopped.
func watch(pidfd, pipe int, limit time.Duration, until Until) (out []byte, late bool, stopped error) {
	var deadline time.Time
	if limit > 0 {
		deadline = time.Now().Add(limit)
	}
	unix.SetNonblock(pipe, true)
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}, {Fd: int32(pipe), Events: unix.POLLIN}, until.Stop.Poll(), {Fd: -1, Events: unix.POLLIN}}
	if until.Doomed != nil {
		fds[3].Fd = int32(until.Init)
	}
	for {
		if limit > 0 && time.Until(deadline) <= 0 {
			return out, true, until.Stop.Err()
		}
		if _, err := fdio.Poll(fds, deadline); err != nil {
			return out, false, until.Stop.Err()
		}
		ended := fds[0].Revents != 0
		if fds[1].Revents != 0 || ended {
			var open bool
			if out, open = drain(pipe, out); !open {
				fds[1].Fd = -1
			}
		}
		if ended || fds[2].Revents != 0 {
			return out, false, until.Stop.Err()
		}
		if fds[3].Revents != 0 {
			if until.Doomed() {
				return out, false, errDoomed
			}
			fds[3].Fd = -1
		}
	}
}

// drain reads what is there, at most a bounded number of times: a hook that
// writes without end must not keep us from its timeout.
func drain(pipe int, out []byte) ([]byte, bool) {
	var buf [4096]byte
	for range 64 {
		n, err := fdio.Read(pipe, buf[:])
		if n > 0 {
			out = append(out, buf[:n]...)
			if len(out) > 2*maxOutput {
				out = append(out[:0], out[len(out)-maxOutput:]...)
			}
			continue
		}
		return out, errors.Is(err, unix.EAGAIN)
	}
	return out, true
}

func oneLine(out []byte) string {
	if len(out) > maxOutput {
		out = out[len(out)-maxOutput:]
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "; ")
}

// A Place is where hooks run that belong into the caller's own namespaces.
type Place struct {
	Dir string   // working directory; "": the caller's
	Env []string // the environment of a hook whose configuration has none
}

// Start starts a hook. It has exactly the environment of its configuration, if that has
// one: the caller's would let a container's engine leak into it (CVE-2025-23266).
func (p Place) Start(h *specs.Hook, stdin, output int) (pid, pidfd int, err error) {
	args := h.Args
	if len(args) == 0 {
		args = []string{h.Path}
	}
	env := h.Env
	if env == nil {
		if env = p.Env; env == nil {
			env = []string{} // nil would be the caller's
		}
	}
	// Threads of the Go runtime may have a large timer slack, see package spawn.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unix.Prctl(unix.PR_SET_TIMERSLACK, nsenter.TimerSlack, 0, 0, 0)
	pidfd = -1
	pid, err = syscall.ForkExec(h.Path, args, &syscall.ProcAttr{
		Dir:   p.Dir,
		Env:   env,
		Files: []uintptr{uintptr(stdin), uintptr(output), uintptr(output)},
		Sys:   &syscall.SysProcAttr{Setpgid: true, PidFD: &pidfd},
	})
	return pid, pidfd, err
}
