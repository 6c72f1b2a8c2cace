package libcontainer

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
)

// limits sets on the waiting first process what takes rights on the host.
func (c *creation) limits(pid int) error {
	for _, r := range c.plan.Rlimits {
		lim := unix.Rlimit{Cur: r.Soft, Max: r.Hard}
		err := unix.Prlimit(pid, plan.Resource(r.Type), &lim, nil)
		if errors.Is(err, unix.EPERM) && c.limited(pid, r) {
			continue
		}
		if err != nil {
			return fmt.Errorf("set rlimit %s: %w", r.Type, err)
		}
	}
	if adj := c.plan.OOMScoreAdj; adj != nil {
		if err := c.host.WriteFile(proc.PID(pid, "oom_score_adj"), strconv.Itoa(*adj)); err != nil && !(unprivileged() && errors.Is(err, unix.EACCES)) {
			return fmt.Errorf("process.oomScoreAdj: %w", err)
		}
	}
	return c.schedule(pid)
}

// limited tells whether the first process has a limit already that we may not set.
func (c *creation) limited(pid int, r specs.POSIXRlimit) bool {
	text, err := c.host.ReadFile(proc.PID(pid, "limits"), 64<<10)
	return err == nil && inspect.HasLimit(string(text), r)
}

// schedule sets scheduler and I/O priority, or the default nice value. It comes
// when the process is in its cgroup, whose cpuset a deadline depends on.
func (c *creation) schedule(pid int) error {
	if io := c.plan.IOPriority; io != nil {
		_, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, plan.IOPriorityProcess, uintptr(pid), uintptr(plan.IOPriority(io)))
		if errno != 0 {
			return fmt.Errorf("%s: %w", plan.IOPriorityLabel, errno)
		}
	}
	if s := c.plan.Scheduler; s != nil {
		if err := unix.SchedSetAttr(pid, plan.SchedAttr(s), 0); err != nil {
			return fmt.Errorf("%s: %w", plan.SchedulerLabel, err)
		}
		return nil
	}
	if p := c.bundle.Spec.Process; p != nil && p.Scheduler != nil {
		return nil // the process has set it itself
	}
	return resetNice(pid)
}

// resetNice gives the container the default priority, whatever its caller's
// is. A caller that may not raise it keeps its own.
func resetNice(pid int) error {
	// The system call, unlike getpriority(3), returns 20 minus the value.
	prio, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil || prio == 20 {
		return nil //nolint:nilerr // what can't be read is left alone
	}
	err = unix.Setpriority(unix.PRIO_PROCESS, pid, 0)
	if err != nil && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("reset nice value: %w", err)
	}
	return nil
}
