package stage

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/fault"
	"github.com/rung-oci/rung/libcontainer/idmap"
	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

// run is the stage: it clones the first process and has the container built.
func run(o *step.Orders) *wire.Failure {
	timeline.Builder.Phase("clone first process")
	arena, err := nsenter.OpenArena(o.Arena, o.ArenaSize, o.Relocs)
	if err != nil {
		return wire.Fail("prepare", err)
	}
	first, err := cloneExposed(o, arena)
	if err != nil {
		return wire.Fail("clone first process", err)
	}
	fault.Point("stage:cloned")
	if o.Exec {
		return nil
	}
	host, err := proc.Open()
	if err != nil {
		return wire.Fail("open /proc", err)
	}
	o.Proc, o.Pidfd, o.Peer = host.FD, first.pidfd, first.sock.FD
	if err := first.release(o, host); err != nil {
		return wire.Fail("", err)
	}
	fault.Point("stage:released")
	return first.house(o)
}

// house has the container built for the first process.
func (first *process) house(o *step.Orders) (failed *wire.Failure) {
	timeline.Builder.Phase("receive mounts")
	var err error
	if o.Trees, err = trees(wire.Conn{FD: o.Wire}, o.Sources); err != nil {
		return wire.Fail("receive mounts", err)
	}
	if err := first.makeWithin(o); err != nil {
		return wire.Fail("", err)
	}
	fault.Point("stage:sources")
	if err := first.inspect(o); err != nil {
		return wire.Fail("", err)
	}
	fault.Point("stage:mounts")
	if o.User {
		err := first.buildInside(o)
		if err != nil {
			return wire.Fail("", err)
		}
	} else if f := build(o, first.ns); f != nil {
		return f
	}
	return nil
}

// trees receives n mounts from the parent.
func trees(conn wire.Conn, n int) ([]int, error) {
	list := make([]int, 0, n)
	for len(list) < n {
		kind, fds, err := conn.Recv()
		if err == nil && (kind != wire.Trees || len(fds) == 0) {
			err = wire.ErrShort
		}
		if err != nil {
			step.CloseAll(list)
			return nil, err
		}
		list = append(list, fds...)
	}
	return list, nil
}

// A process is the first process as the stage knows it.
type process struct {
	pid, pidfd int
	sock       wire.Conn // our end; theirs is in the tape
	ask        func(wire.Kind, ...int) error
	ns         []int // its namespaces that the builder enters, where a pidfd won't do
}

// clone makes the first process, directly or by a helper that joins existing
// namespaces first.
func clone(o *step.Orders, a *nsenter.Arena) (*process, error) {
	progress, err := nsenter.MapProgress(o.Progress)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := spawn.Pair(o.ByTape) // it may be in somebody else's pid namespace
	if err != nil {
		return nil, err
	}
	for _, f := range o.Own {
		a.SetFD(f.Slot, f.FD)
	}
	a.SetFD(o.Sock, theirs.FD)
	if o.Unified != 0 {
		a.SetFD(o.Unified, o.Cgroup)
	}
	o.SetRanges(a)
	p := &process{sock: ours, ask: wire.Conn{FD: o.Wire}.Ask}
	player := nsenter.Player{Arena: a, Ops: o.Ops, Count: o.Count, Progress: progress}
	if o.ByTape {
		err = p.cloneByTape(o, player)
	} else {
		err = p.cloneHere(o, player)
	}
	if err != nil {
		return nil, err
	}
	// What only the first process needs. Its end of the socket above all: while
	// we held it we would never see it die.
	theirs.Close()
	for _, f := range o.Own {
		unix.Close(f.FD)
	}
	return p, nil
}

// cloneHere makes the first process a child of our parent, born with its
// namespaces and in its cgroup.
func (p *process) cloneHere(o *step.Orders, player nsenter.Player) error {
	var fd int32 = -1
	ca := &nsenter.CloneArgs{
		Flags:     o.Clone | unix.CLONE_PIDFD | unix.CLONE_PARENT | unix.CLONE_PARENT_SETTID,
		Pidfd:     uint64(uintptr(unsafe.Pointer(&fd))),
		ParentTID: uint64(player.Arena.Addr(o.Pid)),
	}
	if o.Cgroup >= 0 {
		ca.Flags |= unix.CLONE_INTO_CGROUP
		ca.Cgroup = uint64(o.Cgroup)
	}
	pid, err := nsenter.Fork(ca, player)
	p.pid, p.pidfd = pid, int(fd)
	return err
}

// cloneByTape forks the helper, a child of our parent too, and waits for its
// end: then the pid that it got is in the tape's memory.
func (p *process) cloneByTape(o *step.Orders, player nsenter.Player) error {
	var fd int32 = -1
	if o.Cgroup >= 0 {
		player.Arena.IntoCgroup(o.CloneArgs, o.Cgroup)
	}
	_, err := nsenter.Fork(&nsenter.CloneArgs{
		Flags:     unix.CLONE_PIDFD | unix.CLONE_PARENT | unix.CLONE_PARENT_SETTID,
		Pidfd:     uint64(uintptr(unsafe.Pointer(&fd))),
		ParentTID: uint64(player.Arena.Addr(o.Helper)),
	}, player)
	if err != nil {
		return err
	}
	defer unix.Close(int(fd))
	for {
		if _, err := unix.Poll([]unix.PollFd{{Fd: fd, Events: unix.POLLIN}}, -1); err != unix.EINTR {
			break
		}
	}
	p.pid = player.Arena.Int32(o.Pid)
	if p.pid == 0 {
		return step.ErrFirst
	}
	p.pidfd, err = unix.PidfdOpen(p.pid, 0)
	return err
}

// release writes the id maps and lets the first process go on.
func (p *process) release(o *step.Orders, host proc.FS) error {
	if !o.Gate {
		return nil
	}
	maps := idmap.Maps{UID: o.UIDMap, GID: o.GIDMap, UIDHelper: o.UIDHelper, GIDHelper: o.GIDHelper, DenyGroups: o.DenyGroups, Field: "linux"}
	err := maps.Write(host, p.pid)
	if err == nil {
		err = p.reach(o, host)
	}
	if err != nil {
		return err
	}
	if !o.Offsets {
		return p.send()
	}
	// Nothing else of a procfs is for the first process to have.
	fd, err := host.OpenFile(proc.PID(p.pid, "timens_offsets"), unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return p.send(fd)
}

// send sends one byte, with descriptors if any.
func (p *process) send(fds ...int) error {
	if err := p.sock.Send(wire.Go, fds...); err != nil {
		return step.ErrFirst
	}
	return nil
}

// inspect waits for the first process's report where somebody else is to look at
// it before the steps do: hooks, or a builder that can't hear it.
func (p *process) inspect(o *step.Orders) error {
	wanted := o.User
	for _, s := range o.Steps {
		switch s.(type) {
		case *step.HostHooks, *step.NetDevices, *step.ContainerHooks:
			wanted = true
		}
	}
	if !wanted {
		return nil
	}
	f := step.First{Conn: p.sock, Count: o.First}
	if err := f.Report(); err != nil {
		return err
	}
	o.FirstMounts, o.Heard = f.Mounts, true
	for _, s := range o.Steps {
		if h, ok := s.(*step.ContainerHooks); ok {
			if err := h.Open(p.pid); err != nil {
				return err
			}
		}
	}
	return nil
}
