package launch

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/wire"
	"github.com/rung-oci/rung/nsenter"
)

// AgentPatience is how long a seccomp agent may keep the first process waiting.
const AgentPatience = 10 * time.Second

// listener hands the descriptor of the first process's filter to the agent, and
// waits until the process, whose calls the agent answers from now on, is set up.
func (p *Process) listener() error {
	if err := p.handListener(); err != nil {
		return err
	}
	return p.hearPatiently()
}

// handListener hands the descriptor to the agent and lets the process go on.
func (p *Process) handListener() error {
	pid, err := p.pid()
	if err != nil {
		return err
	}
	fd, err := p.takeListener(pid)
	if err != nil {
		return err
	}
	err = p.in.Listener(pid, fd)
	unix.Close(fd)
	if err != nil {
		return err
	}
	return p.tell()
}

// takeListener takes the descriptor out of the first process, or receives it.
func (p *Process) takeListener(pid int) (int, error) {
	if p.plan.SendListener {
		fds, err := wire.Conn{FD: p.control.FD()}.Recv()
		if err != nil || len(fds) != 1 {
			return -1, errSilent
		}
		return fds[0], nil
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, fmt.Errorf("open pidfd of first process: %w", err)
	}
	defer unix.Close(pidfd)
	theirs, err := p.arena.ReadInt32(p.plan.Slots.Listener)
	if err != nil {
		return -1, err
	}
	fd, err := unix.PidfdGetfd(pidfd, theirs, 0)
	if err != nil {
		return -1, fmt.Errorf("take seccomp listener from first process: %w", err)
	}
	return fd, nil
}

// hearPatiently is hear, but not for ever: an agent that doesn't answer would
// hold us up.
func (p *Process) hearPatiently() error {
	if p.plan.Slots.Listener == 0 {
		return p.hear()
	}
	fds := []unix.PollFd{{Fd: int32(p.control.FD()), Events: unix.POLLIN}, p.in.Cancel.Poll()}
	said, err := fdio.Poll(fds, time.Now().Add(AgentPatience))
	if err != nil {
		return fmt.Errorf("poll: %w", err)
	}
	if said {
		return p.hear()
	}
	rec, err := nsenter.ReadProgress(p.progress.FD())
	if err != nil {
		return err
	}
	return fmt.Errorf("seccomp agent doesn't answer: container init waits at: %s", p.label(rec.Step))
}
