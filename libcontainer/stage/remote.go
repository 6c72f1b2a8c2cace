package stage

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/calls"
	"github.com/rung-oci/rung/libcontainer/fault"
	"github.com/rung-oci/rung/libcontainer/source"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

// buildRemote has the first process itself make the calls of the steps: in its namespaces, as
// root of its user namespace. It is through with its tape's beginning by then.
func (first *process) buildRemote(o *step.Orders, r *step.Remote) *wire.Failure {
	timeline.Builder.Phase("send mounts")
	arena, err := nsenter.OpenArena(o.Arena, o.ArenaSize, nil)
	if err != nil {
		return wire.Fail("prepare", err)
	}
	defer arena.Unmap()
	trees, err := first.hand(o)
	if err != nil {
		return wire.Fail("", err)
	}
	k := calls.NewKernel(&calls.Far{Arena: arena, Annex: r.Annex, Sock: first.sock.FD})
	e := step.NewEnv(k)
	if e.Trees, err = first.trees(k, arena, r, trees); err == nil && len(o.Make) > 0 {
		e.Trees, err = makeThere(k, o.Make)
	}
	if err != nil {
		return failure(err)
	}
	fault.Point("stage:mounts")
	e.Pidfd, e.Conn, e.Arena = first.pidfd, wire.Conn{FD: o.Wire}, arena
	if err := runSteps(o.Steps, e); err != nil {
		return failure(err)
	}
	timeline.Builder.Phase("hand over to first process")
	fault.Point("stage:built")
	for i, fd := range late(e) {
		arena.SetFD(r.Late[i], fd)
	}
	if err := k.End(); err != nil {
		return wire.Fail("", err)
	}
	return nil
}

// trees are the mounts that have been sent to the first process, by its numbers of them.
func (first *process) trees(k *calls.Kernel, arena *nsenter.Arena, r *step.Remote, trees []step.Tree) ([]step.Tree, error) {
	if len(trees) == 0 {
		return nil, nil
	}
	// It has them when it has made a call.
	if _, err := k.Call("receive mounts", unix.SYS_GETPID).Now(); err != nil {
		return nil, err
	}
	for i := range trees {
		trees[i].FD = calls.Number(arena.Int32(r.Trees[i]))
	}
	return trees, nil
}

// makeThere has the first process make the mounts that the parent wasn't allowed to, in its mount
// namespace, which is still a copy of the host's.
func makeThere(k *calls.Kernel, list []step.Source) ([]step.Tree, error) {
	var maker source.Maker
	defer maker.Close()
	trees := make([]step.Tree, len(list))
	for i := range list {
		k.Step(&list[i])
		fd := maker.Make(k, &list[i])
		st, _ := k.Stat("", fd)
		trees[i] = step.Tree{FD: fd, Stat: st.Get()}
	}
	return trees, k.Flush()
}

// hand sends the first process the mounts that the steps want, and lets go of them.
func (first *process) hand(o *step.Orders) ([]step.Tree, error) {
	defer func() {
		step.CloseAll(o.Trees)
		o.Trees = nil
	}()
	trees := make([]step.Tree, len(o.Trees))
	stats := make([]unix.Statx_t, len(o.Trees))
	for i, fd := range o.Trees {
		if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &stats[i]); err != nil {
			return nil, err
		}
		trees[i].Stat = &stats[i]
	}
	for list := o.Trees; len(list) > 0; {
		n := min(len(list), wire.Batch)
		if err := first.sock.Send(wire.Trees, list[:n]...); err != nil {
			return nil, step.ErrFirst
		}
		list = list[n:]
	}
	return trees, nil
}
