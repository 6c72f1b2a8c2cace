package libcontainer

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/launch"
)

// reports tells whether somebody waits to hear that the program runs: our caller,
// or we, when an agent has to answer before.
func (x *execution) reports() bool {
	return x.front == nil || x.opt.PidFile != "" || x.opt.PidfdSocket != "" || notifyProfile(x.spec) != nil
}

// announce waits until the program runs and tells those who wait for it.
func (x *execution) announce() error {
	if x.reports() {
		runs, err := x.awaitExec()
		if err == nil && runs {
			x.reapDead()
			err = x.verdict()
		}
		if err != nil {
			return err
		}
		if err := x.sockets.sendPidfd(x.exec.PID); err != nil {
			return err
		}
		if err := writePidFile(x.opt.PidFile, x.exec.PID); err != nil {
			return err
		}
	}
	x.terminal.Close() // while we held it, the terminal wouldn't end with the process
	return nil
}

// awaitExec waits until the status pipe closes, by the execve or by death. In a
// container that is paused the process will run its program when that is resumed,
// which nobody knows the time of: then it isn't waited for.
func (x *execution) awaitExec() (runs bool, err error) {
	deadline := time.Now().Add(launch.AgentPatience)
	for {
		fds := []unix.PollFd{{Fd: int32(x.status.FD()), Events: unix.POLLIN}, x.stop.Poll()}
		over, err := fdio.Poll(fds, x.patience(deadline))
		switch {
		case err != nil:
			return false, fmt.Errorf("wait for execve: %w", err)
		case x.stop.Err() != nil:
			return false, x.stop.Err()
		case over:
			return true, nil
		default:
			if by, err := x.c.manager.FrozenBy(); x.opt.IgnorePaused && (err != nil || by != "") {
				return false, err
			}
			if notifyProfile(x.spec) != nil && !time.Now().Before(deadline) {
				return false, x.failed(fmt.Errorf("seccomp agent doesn't answer: process waits at: %s", x.exec.At()))
			}
		}
	}
}

// patience is until when awaitExec waits before it looks around, never
// where nothing but the execve is to be seen.
func (x *execution) patience(deadline time.Time) time.Time {
	switch {
	case x.opt.IgnorePaused:
		return time.Now().Add(frozenLook)
	case notifyProfile(x.spec) != nil:
		return deadline
	}
	return time.Time{}
}

// frozenLook is how often an exec that may come into a paused
// container looks whether it has.
const frozenLook = 20 * time.Millisecond

// verdict is why the process didn't come to its program, if it didn't.
func (x *execution) verdict() error {
	if err := x.exec.Err(); err != nil {
		return x.failed(x.explained(err))
	}
	if x.exec.Ran() {
		return nil
	}
	return x.failed(x.killed())
}

// reapDead reaps a process that has died before it ran its program: the init of its pid namespace, with which it has perhaps died, is seen to have ended only then.
func (x *execution) reapDead() {
	if !x.exec.Ran() && wait(x.exec.Pidfd, likelyEndWait) {
		x.exec.Wait()
	}
}
