package libcontainer

import (
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
)

// inits is locked by who looks whether an init is a child of ours that has ended, until he has reaped it: between the two its pid stays its own.
var inits sync.Mutex

const lookForEnd = unix.WEXITED | unix.WNOHANG | unix.WNOWAIT | unix.WALL

// reapInit reaps the first process of a container that has ended, if it is a child of this
// program that nobody has waited for: one that makes a container and deletes it would keep
// its remains for ever.
func reapInit(r *state.Record, host proc.FS) {
	inits.Lock()
	defer inits.Unlock()
	var info unix.Siginfo
	if r.PID <= 0 || unix.Waitid(unix.P_PID, r.PID, &info, lookForEnd, nil) != nil {
		return // not ours, as with every command but `run`
	}
	if st, err := host.Stat(r.PID); err == nil && st.Dead() && st.Start == r.Start {
		_, _ = unix.Wait4(r.PID, nil, unix.WNOHANG|unix.WALL, nil)
	}
}

// reapNoted reaps an init that has ended, unless a delete has, once note has heard how.
func reapNoted(pid, pidfd int, note func(ExitStatus)) (unix.WaitStatus, error) {
	host, err := proc.Open()
	if err != nil {
		return 0, err
	}
	defer host.Close()
	ws, err := host.WaitStatus(pidfd, pid)
	if err == nil {
		note(exitStatus(ws))
	}
	inits.Lock()
	defer inits.Unlock()
	var info unix.Siginfo
	if unix.Waitid(unix.P_PIDFD, pidfd, &info, lookForEnd, nil) == nil && info.Signo != 0 {
		_, _ = unix.Wait4(pid, nil, unix.WNOHANG|unix.WALL, nil)
	}
	return ws, err
}

// tend has the first process reaped when it ends, if it is in another container's pid namespace: the init of that ends only when all others are
// reaped, and who waits for that, or deletes it first, knows nothing of this one. Any other is reaped by Delete.
func (c *creation) tend() {
	if !slices.ContainsFunc(c.joined, func(j joinedNS) bool { return j.flag == unix.CLONE_NEWPID }) {
		return
	}
	pidfd, err := unix.PidfdOpen(c.record.PID, 0)
	if err != nil {
		return // it has ended, and somebody waits for all our children
	}
	init := newChild(c.record.PID, pidfd)
	init.note = (&Container{r: c.r, id: c.opt.ID, of: identityOf(c.record)}).note
	if c.opt.Detach {
		children.later(init)
	} else {
		children.watch(init)
	}
}

// note writes down how the container's init has ended, once nobody else is at work on the container.
func (h *Container) note(status ExitStatus) {
	c, err := h.openLocked(never)
	if err != nil {
		return // it is deleted
	}
	defer c.close()
	c.writeExit(int(status))
}
