package stage

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/early"
	"github.com/rung-oci/rung/libcontainer/fault"
	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/seal"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/thread"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// A Hand is a stage that is a thread of the runtime. It has a working directory and
// a umask of its own, joins the container's namespaces as the main thread of a stage
// does, and ends with its work: no other goroutine ever runs on it. What only a
// process can be is not for it: its caller has cloned the first process, and must
// outlive it.
//
// It shares the descriptors of the program, for the Go runtime may poll on any
// thread. Those of which the end tells somebody of a death are its own: it closes
// them when it ends, whichever way.
type Hand struct {
	*spawn.Stage
	orders chan handOrders
}

// NewHand starts the thread, which waits for its orders.
func NewHand() (*Hand, error) {
	ours, theirs, err := wire.Pair()
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	h := &Hand{Stage: &spawn.Stage{Conn: ours, Thread: ended}, orders: make(chan handOrders, 1)}
	h.Exe = seal.None
	orders := h.orders // which the caller may let go of before the thread runs
	go thread.Own(func() {
		defer close(ended)
		defer theirs.Close()
		threadLife(orders, theirs, &h.Builder)
	})
	return h, nil
}

// Order gives the orders, and the first process's pid. The hand owns the descriptors
// in them from now on: the arena and the progress record, of the first process a
// pidfd and the socket to it, and what it executes as a builder. (Not the file of
// the trace, which is the program's.)
func (h *Hand) Order(o step.Orders, pid int) {
	h.orders <- handOrders{&o, pid}
	h.Dismiss()
}

// Dismiss lets a hand go that has no orders to expect.
func (h *Hand) Dismiss() {
	if h.orders != nil {
		close(h.orders)
		h.orders = nil
	}
}

type handOrders struct {
	*step.Orders
	pid int
}

// threadLife is the life of the thread. conn leads to the runtime.
func threadLife(orders <-chan handOrders, conn wire.Conn, builder *atomic.Int32) {
	early.GrowStack()
	o, ok := <-orders
	if !ok {
		return
	}
	timeline.Builder.Phase("separate from the runtime")
	o.Wire = conn.FD
	defer o.close()
	if failed := hand(o, builder); failed != nil {
		conn.SendFailure(failed)
	}
	timeline.Builder.Phase("")
}

// close closes all that the hand had or got, and hasn't passed on.
func (o handOrders) close() {
	for _, list := range [][]int{o.Trees, o.FirstMounts, {o.Peer, o.Pidfd, o.Arena, o.Progress, o.Exe, o.Proc}} {
		step.CloseAll(list)
	}
}

// hand does a stage's work when the first process exists.
func hand(o handOrders, builder *atomic.Int32) (failed *wire.Failure) {
	defer func() {
		if p := recover(); p != nil {
			failed = wire.Fail("", fmt.Errorf("builder: internal error: %v", p))
		}
	}()
	o.Proc = -1
	if err := separate(); err != nil {
		return wire.Fail("separate builder's thread", err)
	}
	fault.Set(fault.Wanted())
	fault.Point("stage:cloned")
	host, err := proc.Open()
	if err != nil {
		return wire.Fail("open /proc", err)
	}
	o.Proc = host.FD
	first := &process{pid: o.pid, pidfd: o.Pidfd, sock: wire.Conn{FD: o.Peer}, ask: wire.Conn{FD: o.Wire}.Ask, builder: builder}
	if err := first.release(o.Orders, host); err != nil {
		return wire.Fail("", err)
	}
	return first.house(o.Orders)
}

// separate gives the thread a working directory, a root and a umask of its own.
// Never descriptors (CLONE_FILES): those of the poller have to be there whichever
// thread the Go runtime polls on, and a garbage collection polls.
func separate() error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	unix.Umask(0)
	return nil
}
