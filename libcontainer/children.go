package libcontainer

import (
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/proc"
)

// A child is a process of ours in a container. It has to be reaped when it has ended, whether anybody waits for it or not: the kernel
// lets the first process of its pid namespace end only then.
type child struct {
	pid   int
	note  func(ExitStatus) // called before an init is reaped, which Delete may do as well; nil: it is none
	ended chan struct{}    // closed when it is reaped; then the following two are known
	exit  ExitStatus
	err   error

	mu    sync.Mutex
	pidfd fdio.Own // closed: it is reaped
}

func newChild(pid, pidfd int) *child {
	return &child{pid: pid, pidfd: fdio.New(pidfd), ended: make(chan struct{})}
}

// signal sends a signal; unix.ESRCH if the child has ended.
func (c *child) signal(sig unix.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.pidfd.Open() {
		return unix.ESRCH
	}
	return unix.PidfdSendSignal(c.pidfd.FD(), sig, nil, 0)
}

// tryReap reaps the child if it has ended and the kernel lets us: who traces it may keep it.
func (c *child) tryReap() bool {
	var ws unix.WaitStatus
	if got, err := unix.Wait4(c.pid, &ws, unix.WNOHANG, nil); err != nil || got != c.pid {
		return false
	}
	c.over(ws, nil)
	return true
}

// reap waits for the child's end and reaps it. It holds a thread.
func (c *child) reap() {
	_, _ = fdio.Await(c.pidfd.FD(), time.Time{})
	if c.note != nil {
		c.over(reapNoted(c.pid, c.pidfd.FD(), c.note))
		return
	}
	c.over(reaped(c.pid, c.pidfd.FD()))
}

func (c *child) over(ws unix.WaitStatus, err error) {
	c.exit, c.err = exitStatus(ws), err
	c.mu.Lock()
	c.pidfd.Close()
	c.mu.Unlock()
	close(c.ended)
}

// reaped waits for a child's end and reaps it. A program that takes the statuses of all its children away, or ignores SIGCHLD, has perhaps left it to the
// pidfd.
func reaped(pid, pidfd int) (ws unix.WaitStatus, err error) {
	err = fdio.Again(func() error { _, err := unix.Wait4(pid, &ws, 0, nil); return err })
	if errors.Is(err, unix.ECHILD) {
		return lostStatus(pid, pidfd, err)
	}
	return ws, err
}

// lostStatus is the status of a child that somebody else has waited for, if it can be known; else the error is why it isn't ours.
func lostStatus(pid, pidfd int, why error) (unix.WaitStatus, error) {
	host, err := proc.Open()
	if err != nil {
		return 0, why
	}
	defer host.Close()
	ws, err := host.WaitStatus(pidfd, pid)
	if err != nil {
		return 0, why
	}
	return ws, nil
}

// children are the processes that this program has in containers and that are still to be reaped.
var children reaper

// A reaper reaps children as they end, each by its pid: one goroutine for all, as long as there are any, and no thread.
type reaper struct {
	mu      sync.Mutex
	watched []*child
	poll    *os.File // an epoll of their pidfds; nil: there is no goroutine
	epoll   int
	idle    []*child // detached ones: who has made them is perhaps about to end itself
	some    atomic.Bool
}

// later is watch when this program next has to do with a container.
func (r *reaper) later(c *child) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, c)
	r.some.Store(true)
}

// rouse watches those that are to be watched later.
func (r *reaper) rouse() {
	if !r.some.Load() {
		return
	}
	r.mu.Lock()
	idle := r.idle
	r.idle = nil
	r.some.Store(false)
	r.mu.Unlock()
	for _, c := range idle {
		r.watch(c)
	}
}

// watch has a child reaped when it ends.
func (r *reaper) watch(c *child) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begin() != nil || unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, c.pidfd.FD(), &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(c.pidfd.FD())}) != nil {
		go c.reap() // no descriptors are left, or no poller takes them
		return
	}
	r.watched = append(r.watched, c)
}

// begin starts the goroutine if there is none.
func (r *reaper) begin() error {
	if r.poll != nil {
		return nil
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // says that the Go runtime's poller shall have it
		unix.Close(fd)
		return err
	}
	f := os.NewFile(uintptr(fd), "children")
	if err := f.SetReadDeadline(time.Time{}); err != nil {
		f.Close()
		return err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return err
	}
	r.poll, r.epoll = f, fd
	go func() {
		defer f.Close()
		_ = raw.Read(func(uintptr) bool { return r.look(fd) })
	}()
	return nil
}

// look reaps those that have ended, and tells whether none are left: the goroutine ends then.
func (r *reaper) look(epoll int) (none bool) {
	var events [16]unix.EpollEvent
	for {
		n, err := unix.EpollWait(epoll, events[:], 0)
		if err == unix.EINTR {
			continue
		}
		r.mu.Lock()
		for _, e := range events[:max(n, 0)] {
			r.end(int(e.Fd))
		}
		none = len(r.watched) == 0
		if none {
			r.poll = nil
		}
		r.mu.Unlock()
		if none || n <= 0 {
			return none
		}
	}
}

// end reaps the child behind a pidfd, which has ended.
func (r *reaper) end(pidfd int) {
	i := slices.IndexFunc(r.watched, func(c *child) bool { return c.pidfd.FD() == pidfd })
	if i < 0 {
		return
	}
	c := r.watched[i]
	r.watched = slices.Delete(r.watched, i, i+1)
	_ = unix.EpollCtl(r.epoll, unix.EPOLL_CTL_DEL, pidfd, nil)
	if c.note != nil || !c.tryReap() {
		go c.reap()
	}
}
