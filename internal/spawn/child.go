package spawn

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// A Child is a process that we have to reap. Until then nobody else can have
// its pid.
type Child struct {
	PID    int
	Status unix.WaitStatus // once it is reaped

	reaped bool
}

// IsChild tells whether a process is a child of this program, be it of another thread's, that nobody has reaped. Until
// somebody does its number stays its own.
func IsChild(pid int) bool {
	var info unix.Siginfo
	return pid > 0 && fdio.Again(func() error {
		return unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
	}) == nil
}

// Wait reaps the child.
func (c *Child) Wait() {
	if c.PID > 0 && !c.reaped {
		_ = fdio.Again(func() error { _, err := unix.Wait4(c.PID, &c.Status, 0, nil); return err })
		c.reaped = true
	}
}

// End waits for a child that is about to end, and kills it if it doesn't in time.
func (c *Child) End(atMost time.Duration) {
	if c.PID <= 0 || c.reaped {
		return
	}
	if pidfd, err := unix.PidfdOpen(c.PID, 0); err == nil {
		if ended, _ := fdio.Await(pidfd, time.Now().Add(atMost)); !ended {
			unix.Kill(c.PID, unix.SIGKILL)
		}
		unix.Close(pidfd)
	}
	c.Wait()
}

// Ended waits for a child and reaps it. The error says how it failed, if it did.
func Ended(pid int) error {
	var ws unix.WaitStatus
	if err := fdio.Again(func() error { _, err := unix.Wait4(pid, &ws, 0, nil); return err }); err != nil {
		return fmt.Errorf("wait: %w", err)
	}
	switch {
	case ws.Signaled():
		return fmt.Errorf("signal: %s", ws.Signal())
	case ws.ExitStatus() != 0:
		return fmt.Errorf("exit status %d", ws.ExitStatus())
	}
	return nil
}

// Kill ends the child and reaps it.
func (c *Child) Kill() {
	if c.PID > 0 && !c.reaped {
		unix.Kill(c.PID, unix.SIGKILL)
		c.Wait()
	}
}
