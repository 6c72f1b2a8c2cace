package libcontainer

import (
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spawn"
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
	if !spawn.IsChild(r.PID) {
		return // not ours, as with every command but `run`
	}
	if st, err := host.Stat(r.PID); err == nil && st.Dead() && st.Start == r.Start {
		var ws unix.WaitStatus
		if got, err := unix.Wait4(r.PID, &ws, unix.WNOHANG|unix.WALL, nil); err == nil && got == r.PID {
			hearings.tell(identityOf(r), exitStatus(ws))
		}
	}
}

// A hearing is what callers of this program wait for of a container's init: who deletes it meanwhile reaps it, and hands its status on.
type hearing struct {
	callers int
	status  *ExitStatus
}

// hearings are those of all containers that anybody waits for.
var hearings = callers{of: map[identity]*hearing{}}

type callers struct {
	mu sync.Mutex
	of map[identity]*hearing
}

// join begins to listen, until leave is called.
func (c *callers) join(who identity) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.of[who]
	if h == nil {
		h = &hearing{}
		c.of[who] = h
	}
	h.callers++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if h.callers--; h.callers == 0 {
			delete(c.of, who)
		}
	}
}

func (c *callers) tell(who identity, status ExitStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.of[who]; h != nil {
		h.status = &status
	}
}

// told is the status of an init that another call has reaped since it is listened for; nil: none has. Who is at it is waited for.
func (c *callers) told(who identity) *ExitStatus {
	inits.Lock()
	defer inits.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.of[who]; h != nil {
		return h.status
	}
	return nil
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
