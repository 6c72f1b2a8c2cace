// Package stage builds what a container's first process will see. [Remote] has that process do it itself.
//
// Where it can't, the init stage does: the sealed copy of the runtime that clones the
// first process. It runs in the host's namespaces and cgroup and is never visible inside a
// container that has a pid namespace of its own. The first process is a raw
// fork of it and never runs Go. What needs Go inside the container's
// namespaces is done by the builder: without a user namespace the stage's own
// main thread, with one a second copy of the runtime that is exec'd in it.
package stage

import (
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/fault"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

// Called tells whether this process was started as the stage or builder.
func Called() bool { return len(os.Args) == 2 && os.Args[0] == spawn.Name }

// In a stage or builder the program ends here, before the packages of the
// command line are initialized. The work has to be done on the main thread: a
// time namespace, and the death signal of our children, count on the thread
// group's leader. During init functions the Go runtime keeps us on it, without
// the extra thread that runtime.LockOSThread makes.
func init() {
	if Called() {
		os.Exit(life())
	}
}

// life is the life of a stage or builder; it returns the exit status.
func life() int {
	// Before anything is forked: no process of a container may be traced, or its
	// descriptors taken, by root of a user namespace (CVE-2016-9962).
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	unix.Prctl(unix.PR_SET_TIMERSLACK, nsenter.TimerSlack, 0, 0, 0)
	spawn.Unpin()
	setName(step.Title)
	fd, err := strconv.Atoi(os.Args[1])
	hideArguments()
	if err != nil {
		return 2
	}
	// What we inherited on purpose must not go on to hooks and builders.
	unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	o, err := orders(fd)
	if err != nil {
		return 2
	}
	unix.Umask(0)
	conn := wire.Conn{FD: o.Wire}
	fault.Set(o.Fault)
	if o.Trace >= 0 {
		timeline.Start()
	}
	fault.Point("stage:orders")
	var failed *wire.Failure
	if o.Builder {
		failed = build(o, nil)
	} else {
		failed = run(o)
	}
	if o.Trace >= 0 {
		timeline.Builder.Phase("")
		timeline.Builder.Send(o.Trace)
	}
	if failed != nil {
		conn.SendFailure(failed)
		return 1
	}
	return 0
}

// orders reads the orders: a stage gets them over its socket fd, a builder in
// its memfd fd.
func orders(fd int) (*step.Orders, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		return readOrders(fd)
	}
	conn := wire.Conn{FD: fd}
	kind, fds, err := conn.Recv()
	if err != nil {
		return nil, err
	}
	if kind != wire.Orders || len(fds) == 0 {
		return nil, wire.ErrShort
	}
	o, err := readOrders(fds[len(fds)-1])
	if err != nil {
		return nil, err
	}
	o.Wire = fd
	return o, o.Resolve(fds[:len(fds)-1])
}

// readOrders reads the block in the memfd and closes it.
func readOrders(fd int) (*step.Orders, error) {
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	block := make([]byte, st.Size)
	for off := 0; off < len(block); {
		n, err := unix.Pread(fd, block[off:], int64(off))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return nil, fmt.Errorf("read orders: %w", wire.ErrShort)
		}
		off += n
	}
	o, c := new(step.Orders), wire.NewDecoder(block)
	o.Code(c)
	return o, c.Err()
}

// setName is what ps(1) shows in short: of us, of the first process until it
// runs the user's program. An exec by descriptor would leave its number.
func setName(name string) {
	var b [16]byte
	copy(b[:], name)
	unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&b[0])), 0, 0, 0)
}

// hideArguments empties our command line, but for our name, and our environment: the first process has
// a copy of our memory, and /proc/PID/cmdline asks nobody's permission. The
// strings of os.Args are the kernel's own copy, and those of the environment
// follow them.
func hideArguments() {
	last := os.Args[len(os.Args)-1]
	next := unsafe.Add(unsafe.Pointer(unsafe.StringData(last)), len(last)+1)
	for _, e := range spawn.Env {
		if mem := unsafe.Slice((*byte)(next), len(e)); string(mem) == e {
			clear(mem)
		}
		next = unsafe.Add(next, len(e)+1)
	}
	for i, a := range os.Args[1:] { // the first is our name
		clear(unsafe.Slice(unsafe.StringData(a), len(a)))
		os.Args[1+i] = ""
	}
}
