package stage

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/early"
	"github.com/rung-oci/rung/libcontainer/fault"
	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/seal"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/trap"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// A Hand is a stage that is a thread of the runtime. It has descriptors, a working
// directory and a umask of its own, joins the container's namespaces as the main
// thread of a stage does, and ends with its work: no other goroutine ever runs on
// it. What only a process can be is not for it: its caller has cloned the first
// process, and must outlive it.
type Hand struct {
	*spawn.Stage
	orders chan handOrders
	taken  chan struct{} // closes when the thread has its own descriptors
	far    int           // its end of the socket, ours until then
}

// NewHand starts the thread, which waits for its orders.
func NewHand() (*Hand, error) {
	ours, theirs, err := wire.Pair()
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	h := &Hand{
		Stage:  &spawn.Stage{Conn: ours, Thread: ended},
		orders: make(chan handOrders, 1), taken: make(chan struct{}), far: theirs.FD,
	}
	h.Exe = seal.None
	// A thread in a container's namespaces is nobody else's business, nor what the
	// runtime has open now. (It has CAP_SYS_PTRACE, so that its own files in /proc stay open to it.)
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	orders := h.orders // which the caller may let go of before the thread runs
	go ownThread(func() { threadLife(orders, h.taken, ended, &h.Builder) })
	return h, nil
}

// ownThread calls f on a thread that nobody else has and that ends with f. The goroutine
// must be made for it. The process's main thread can't be that one: the Go runtime doesn't
// end it but parks it for ever, here in the container's namespaces and with descriptors of its own, and
// it is the thread to which the kernel gives the process's signals. It is held until another one is taken.
func ownThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return // locked: the thread ends with the goroutine
	}
	defer runtime.UnlockOSThread()
	taken := make(chan struct{})
	go ownThread(func() {
		close(taken)
		f()
	})
	<-taken
}

// Order gives the orders, and the first process's pid. Of the descriptors in them,
// which stay the caller's, the hand needs the arena and the progress record, of the
// first process a pidfd and the socket to it, and what it executes as a builder.
func (h *Hand) Order(o step.Orders, pid int) {
	o.Wire = h.far
	h.orders <- handOrders{&o, pid}
}

type handOrders struct {
	*step.Orders
	pid int
}

// Let waits until the thread has taken its descriptors, so that ours can be closed.
// A hand that gets no orders is let go.
func (h *Hand) Let() {
	if h.orders != nil {
		close(h.orders)
		h.orders = nil
		<-h.taken
		unix.Close(h.far)
	}
}

// threadLife is the life of the thread.
func threadLife(orders <-chan handOrders, taken, ended chan<- struct{}, builder *atomic.Int32) {
	early.GrowStack()
	defer close(ended)
	o, ok := <-orders
	if !ok {
		close(taken)
		return
	}
	timeline.Builder.Phase("separate from the runtime")
	conn := wire.Conn{FD: o.Wire}
	err := separate(o.Orders)
	if err != nil {
		conn.SendFailure(wire.Fail("", err))
	}
	close(taken)
	if err != nil {
		return // its descriptors are the runtime's still
	}
	defer closeBut(trap.Written())
	if failed := hand(o, builder); failed != nil {
		conn.SendFailure(failed)
	}
	timeline.Builder.Phase("")
}

// separate gives the thread its own copy of what threads share, with none of the
// runtime's descriptors but those in its orders, as it would keep sockets open whose
// end tells of a process's death, and the one that signals need.
func separate(o *step.Orders) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_FILES); err != nil {
		return fmt.Errorf("separate builder's thread: %w", err)
	}
	unix.Umask(0)
	closeBut(o.Wire, o.Peer, o.Pidfd, o.Arena, o.Progress, o.Exe, o.Trace, trap.Written())
	return nil
}

// closeBut closes all descriptors but those to keep and the first three.
func closeBut(keep ...int) {
	slices.Sort(keep)
	from := 3
	for _, fd := range append(keep, math.MaxInt32) {
		if fd < from {
			continue // there is none
		}
		if fd > from {
			_ = unix.CloseRange(uint(from), uint(fd-1), 0)
		}
		from = fd + 1
	}
}

// hand does a stage's work when the first process exists.
func hand(o handOrders, builder *atomic.Int32) (failed *wire.Failure) {
	defer func() {
		if p := recover(); p != nil {
			failed = wire.Fail("", fmt.Errorf("builder: internal error: %v", p))
		}
	}()
	fault.Set(fault.Wanted())
	fault.Point("stage:cloned")
	host, err := proc.Open()
	if err != nil {
		return wire.Fail("open /proc", err)
	}
	o.Proc = host.FD
	first := &process{pid: o.pid, pidfd: o.Pidfd, sock: wire.Conn{FD: o.Peer}, builder: builder}
	if err := first.release(o.Orders, host); err != nil {
		return wire.Fail("", err)
	}
	return first.house(o.Orders)
}
