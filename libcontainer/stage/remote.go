package stage

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/calls"
	"github.com/rung-oci/rung/libcontainer/fault"
	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/source"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

// A Remote has a first process make the calls of the steps: in its namespaces, and as root of its user
// namespace.
type Remote struct {
	Orders     *step.Orders
	Remote     *step.Remote
	PID, Pidfd int
	Sock       int // to the process
	Host       proc.FS
	Arena      int
	Trees      []int    // the mounts that the runtime has made, which are ours
	Network    *Network // nil: the process has made its own
	Ask        func(wire.Kind, ...int) error

	far *calls.Far
}

// Label says what entry i of the process's tape is for, if it is one that Build has written; else "".
func (r *Remote) Label(i int) string {
	if r == nil || r.far == nil {
		return ""
	}
	return r.far.Label(i)
}

// Build has the root filesystem built. The process is through with its tape's beginning by then. The error is
// [step.ErrFirst] if it has died.
func (r *Remote) Build() error {
	o := r.Orders
	o.Enter = 0 // nobody
	o.Trees = r.Trees
	defer func() { step.CloseAll(o.Trees) }() // those that haven't been sent
	first := &process{pid: r.PID, pidfd: r.Pidfd, sock: wire.Conn{FD: r.Sock}, ask: r.Ask}
	defer timeline.Builder.Phase("")
	fault.First(r.PID)
	fault.Point("stage:cloned")
	if err := first.release(o, r.Host); err != nil {
		return err
	}
	if err := first.makeWithin(o); err != nil {
		return err
	}
	fault.Point("stage:sources")
	timeline.Builder.Phase("send mounts")
	arena, err := nsenter.OpenArena(r.Arena, o.ArenaSize, nil)
	if err != nil {
		return err
	}
	defer arena.Unmap()
	trees, err := r.send(first)
	if err != nil {
		return err
	}
	r.far = &calls.Far{Arena: arena, Annex: r.Remote.Annex, Sock: r.Sock}
	k := calls.NewKernel(r.far)
	e := step.NewEnv(k)
	e.PID, e.Pidfd, e.Ask, e.Arena = r.PID, r.Pidfd, r.Ask, arena
	if e.Trees, err = r.received(k, arena, trees); err == nil {
		fault.Point("stage:mounts")
		err = runSteps(o.Steps, e)
	}
	if err != nil {
		return ofStep(err)
	}
	timeline.Builder.Phase("hand over to first process")
	fault.Point("stage:built")
	for i, fd := range late(e) {
		arena.SetFD(r.Remote.Late[i], fd)
	}
	return k.End()
}

// ofStep is the error of a step with what the step does.
func ofStep(err error) error {
	var failed *calls.Error
	if errors.Is(err, step.ErrFirst) || !errors.As(err, &failed) || failed.Step == nil {
		return err
	}
	return fmt.Errorf("%s: %w", failed.Step, err)
}

// send sends the first process the mounts that the steps want, and before them its network namespace, and lets go of
// them.
func (r *Remote) send(first *process) ([]step.Tree, error) {
	all := r.Orders.Trees
	defer func() {
		step.CloseAll(all)
		r.Orders.Trees = nil
	}()
	trees, stats := make([]step.Tree, len(all)), make([]unix.Statx_t, len(all))
	for i, fd := range all {
		if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &stats[i]); err != nil {
			return nil, err
		}
		trees[i].Stat = &stats[i]
	}
	if r.Remote.Network {
		net, err := r.Network.take()
		if err != nil {
			return nil, err
		}
		all = append([]int{net}, all...)
	}
	for list := all; len(list) > 0; {
		n := min(len(list), wire.Batch)
		if err := first.sock.Send(wire.Trees, list[:n]...); err != nil {
			return nil, step.ErrFirst
		}
		list = list[n:]
	}
	return trees, nil
}

// received are the mounts that have been sent to the first process, by its numbers of them, or those that it makes
// itself because the runtime isn't allowed to: in its mount namespace, which is still a copy of the host's.
func (r *Remote) received(k *calls.Kernel, arena *nsenter.Arena, trees []step.Tree) ([]step.Tree, error) {
	if len(trees) > 0 {
		// It has them when it has made a call.
		if _, err := k.Call("receive mounts", unix.SYS_GETPID).Now(); err != nil {
			return nil, err
		}
		for i := range trees {
			trees[i].FD = calls.Number(arena.Int32(r.Remote.Trees[i]))
		}
	}
	var maker source.Maker
	defer maker.Close()
	for i := range r.Orders.Make {
		s := &r.Orders.Make[i]
		k.Step(s)
		fd := maker.Make(k, s)
		st, _ := k.Stat("", fd)
		trees = append(trees, step.Tree{FD: fd, Stat: st.Get()})
	}
	return trees, k.Flush()
}
