package criu

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// CheckKernel has `criu check` say whether the kernel has what CRIU needs.
func CheckKernel(program string) error {
	c := &Client{pidfd: -1}
	var err error
	if c.output, err = unix.MemfdCreate("criu", unix.MFD_CLOEXEC); err != nil {
		return fmt.Errorf("make output file: %w", err)
	}
	c.conn.FD = -1
	defer c.Close()
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /dev/null: %w", err)
	}
	defer unix.Close(null)
	c.child.PID, err = syscall.ForkExec(program, []string{"criu", "check"}, &syscall.ProcAttr{
		Env: environment(), Files: []uintptr{uintptr(null), uintptr(c.output), uintptr(c.output)}, Sys: &syscall.SysProcAttr{Setpgid: true, PidFD: &c.pidfd},
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", program, err)
	}
	fds := []unix.PollFd{{Fd: int32(c.pidfd), Events: unix.POLLIN}}
	if ended, err := fdio.Poll(fds, time.Now().Add(greetWait)); err != nil || !ended {
		return fmt.Errorf("criu check: %w", ErrHangs)
	}
	c.child.Wait()
	if c.child.Status.ExitStatus() != 0 {
		return errors.New("criu check: " + c.said())
	}
	return nil
}
