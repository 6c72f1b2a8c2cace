package spawn

import "golang.org/x/sys/unix"

// A Child is a process that we have to reap. Until then nobody else can have
// its pid.
type Child struct {
	PID    int
	Status unix.WaitStatus // once it is reaped

	reaped bool
}

// Wait reaps the child.
func (c *Child) Wait() {
	for c.PID > 0 && !c.reaped {
		if _, err := unix.Wait4(c.PID, &c.Status, 0, nil); err != unix.EINTR {
			c.reaped = true
		}
	}
}

// Kill ends the child and reaps it.
func (c *Child) Kill() {
	if c.PID > 0 && !c.reaped {
		unix.Kill(c.PID, unix.SIGKILL)
		c.Wait()
	}
}
