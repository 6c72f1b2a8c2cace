package stage

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/calls"
	"github.com/rung-oci/rung/libcontainer/fault"
	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

// build runs the steps in the container's namespaces and lets the first
// process go on.
func build(o *step.Orders, ns []int) *wire.Failure {
	timeline.Builder.Phase("enter namespaces")
	if !o.Builder {
		if err := enter(o, ns); err != nil {
			return wire.Fail("", err)
		}
	}
	if err := makeSources(o); err != nil {
		return wire.Fail("", err)
	}
	k := new(calls.Kernel)
	e := step.NewEnv(k)
	defer e.Close()
	e.Trees, e.Pidfd, o.Trees = step.Trees(o.Trees), o.Pidfd, nil
	e.First = step.First{Conn: wire.Conn{FD: o.Peer}, Count: o.First, Mounts: o.FirstMounts, Heard: o.Heard}
	e.Ask, e.Proc = wire.Conn{FD: o.Wire}.Ask, proc.FS{FD: o.Proc}
	arena, err := nsenter.OpenArena(o.Arena, o.ArenaSize, nil)
	if err != nil {
		return wire.Fail("prepare", err)
	}
	defer arena.Unmap()
	e.Arena = arena
	if err := runSteps(o.Steps, e); err != nil {
		return failure(err)
	}
	// Also where no step has waited for it: a socket that is closed with a message
	// unheard takes our word to the first process with it (ECONNRESET).
	if err := e.First.Report(); err != nil {
		return wire.Fail("", err)
	}
	timeline.Builder.Phase("hand over to first process")
	fault.Point("stage:built")
	p := process{sock: wire.Conn{FD: o.Peer}}
	if err := p.send(late(e)...); err != nil {
		return wire.Fail("", err)
	}
	return nil
}

// runSteps runs steps until an error is kept.
func runSteps(steps []step.Step, e *step.Env) error {
	for i, s := range steps {
		if timeline.On() {
			timeline.Builder.Phase(s.String())
		}
		fault.Step("step:", i)
		e.K.Step(s)
		if s.Run(e); e.K.Err() != nil {
			break
		}
	}
	return e.K.Flush()
}

// failure is the error of a step as it is told to the runtime.
func failure(err error) *wire.Failure {
	var failed *calls.Error
	if errors.Is(err, step.ErrFirst) || !errors.As(err, &failed) || failed.Step == nil {
		return wire.Fail("", err)
	}
	return wire.Fail(failed.Step.String(), err)
}

// late are the numbers of what the steps have left for the first process.
func late(e *step.Env) (list []int) {
	for _, fd := range e.Late {
		list = append(list, fd.Int())
	}
	return list
}

// enter joins the namespaces with the calling thread. A thread that shares its
// working directory with others may not change its mount namespace.
func enter(o *step.Orders, ns []int) error {
	if o.Enter == 0 {
		return nil
	}
	if o.Enter&unix.CLONE_NEWNS != 0 {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare working directory: %w", err)
		}
	}
	if o.Dumpable {
		return join(ns)
	}
	err := unix.Setns(o.Pidfd, o.Enter)
	if err == unix.ESRCH {
		return step.ErrFirst
	}
	if err != nil {
		return fmt.Errorf("join namespaces of first process: %w", err)
	}
	return nil
}

// buildInside execs the sealed runtime inside the container's user namespace
// and waits for it. It reports its own errors to the parent.
func (first *process) buildInside(o *step.Orders) error {
	fd, err := ordersFor(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	inherit := []int{fd, o.Wire, o.Progress, o.Arena, o.Peer, o.Pidfd, o.Proc}
	inherit = append(append(inherit, o.Trees...), o.FirstMounts...)
	if o.Trace >= 0 {
		inherit = append(inherit, o.Trace)
	}
	for _, s := range o.Steps {
		if h, ok := s.(*step.ContainerHooks); ok {
			inherit = append(inherit, h.NS...)
		}
	}
	builder := nsenter.Spawn{
		Exe: o.Exe, Args: []string{spawn.Name, strconv.Itoa(fd)}, Env: spawn.Env, Inherit: inherit,
		Slack: spawn.Slack, Join: o.Enter, Pidfd: o.Pidfd, BeRoot: true,
	}
	if o.Dumpable {
		builder.Join, builder.NS = 0, first.ns
	}
	pid, pidfd, err := builder.Start()
	if err != nil {
		return fmt.Errorf("start builder: %w", err)
	}
	unix.Close(pidfd)
	// Its copies keep the mounts alive; ours would keep the first process's
	// socket open after it has died.
	unix.Close(o.Peer)
	o.Peer = -1
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	if ws.Signaled() {
		return fmt.Errorf("builder was killed by signal %d", ws.Signal())
	}
	if ws.ExitStatus() > 1 {
		return fmt.Errorf("builder exited with status %d", ws.ExitStatus())
	}
	return nil
}

// ordersFor puts the orders, with what is known by now, into a memfd.
func ordersFor(o *step.Orders) (int, error) {
	b := *o
	b.Builder, b.Relocs, b.Own = true, nil, nil
	return WriteOrders(&b)
}

// WriteOrders puts orders into a memfd, which is the caller's to close.
func WriteOrders(o *step.Orders) (int, error) {
	c := wire.NewEncoder(4096)
	o.Code(c)
	fd, err := unix.MemfdCreate("orders", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("make memory for orders: %w", err)
	}
	for b, off := c.Bytes(), 0; off < len(b); {
		n, err := unix.Pwrite(fd, b[off:], int64(off))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("write orders: %w", err)
		}
		off += n
	}
	return fd, nil
}
