// Package launch is the parent's half of making a container: it starts the player and has the first process build, or
// starts the init stage and answers what that and its builder ask; it learns from the first
// process itself that all is set up, and otherwise finds out why not and leaves
// no process behind.
package launch

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/fault"
	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/source"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/stage"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

// Inputs are the descriptors and callbacks of one launch. The descriptors stay
// the caller's; all are close-on-exec.
type Inputs struct {
	Exe          int // the sealed executable
	Gate, Status int // FIFOs
	Progress     int // file of the first process's progress record
	Unified      int // v2 cgroup to be born in, or -1
	Tasks        []int
	Joined       []int // namespaces, as in plan.Host.Joined
	Proc         int   // a procfs, for time offsets and labels
	Seen         bool  // others see the first process from its birth on
	HostHooks    func(pid int) error
	NetDevices   func(pid int) error
	Console      func(master int) error // takes the descriptor over
	OOMKilled    func() bool
	Network      *stage.Network       // of plan.Plan.Remote
	Admit        func(pid int) error  // has systemd let a process into the container's cgroup
	Meanwhile    func() error         // called while the stage works, before any hook runs
	Shared       func(tree int) error // notes the mount of plan.Plan.Shared before anybody can see it
	// Listener gives a seccomp agent its descriptor, which stays the caller's.
	Listener func(pid, fd int) error
}

// A Process is the container's first process while it waits for our word.
type Process struct {
	PID      int
	control  int
	progress int // a copy of the descriptor of Inputs
	stage    *spawn.Stage
	plan     *plan.Plan
	in       *Inputs // of which the descriptors are the caller's: gone when Start has returned
	arena    *nsenter.Arena
	alone    *alone        // nil: a stage has cloned it
	remote   *stage.Remote // once it builds
	mapped   int           // how many of the builder's mounts have got their ids
}

// Start has the first process made, by the stage, or by itself where the plan says
// so, and waits until that is set up.
func Start(s *spawn.Stage, p *plan.Plan, in *Inputs) (*Process, error) {
	timeline.Runtime.Phase("write tape and orders")
	control, far, err := spawn.Pair(in.Seen)
	if err != nil {
		return nil, err
	}
	proc := &Process{control: control.FD, progress: -1, plan: p, in: in, stage: s}
	// We look at it for longer than Start takes.
	if proc.progress, err = unix.FcntlInt(uintptr(in.Progress), unix.F_DUPFD_CLOEXEC, 0); err == nil {
		proc.arena, err = nsenter.NewArena(image(p))
	}
	if err == nil {
		readStamps(p, proc.arena)
		if p.Remote != nil {
			err = proc.begin(far.FD)
		} else {
			err = proc.order(far.FD)
		}
	}
	far.Close()
	if err != nil {
		proc.Close()
		return nil, err
	}
	fault.Point("create:ordered")
	if err := proc.complete(); err != nil {
		err = proc.cause(err)
		proc.Kill()
		return nil, err
	}
	fault.Point("create:ready")
	return proc, nil
}

// complete does our part until the first process is set up.
func (p *Process) complete() error {
	timeline.Runtime.Phase("make mounts for the builder")
	protect := func() error {
		timeline.Runtime.Phase("protect cgroup")
		p.stage.Exe.Close() // the stage runs, and has got it: there is no better time
		return p.in.Meanwhile()
	}
	steps := []func() error{p.supply, p.born, protect}
	switch {
	case p.plan.Remote != nil: // while the player starts
		steps = []func() error{p.supply, protect, p.born}
	case len(p.plan.Sources) > wire.Batch: // more than one message: somebody must be there to take it
		steps[0], steps[1] = p.born, p.supply
	}
	for _, do := range steps {
		if err := do(); err != nil {
			return err
		}
	}
	timeline.Runtime.Phase("serve the builder, wait for the first process")
	if err := p.serve(p.stage.Conn); err != nil {
		return err
	}
	if p.plan.Slots.Listener != 0 {
		if err := p.listener(); err != nil {
			return err
		}
	}
	_, err := p.pid()
	return err
}

// readStamps has the timeline show what the tape has noted.
func readStamps(p *plan.Plan, arena *nsenter.Arena) {
	if len(p.Stamps) == 0 {
		return
	}
	fd, err := unix.FcntlInt(uintptr(arena.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return
	}
	timeline.Later(func() {
		defer unix.Close(fd)
		for i, s := range p.Stamps[:len(p.Stamps)-1] {
			begin, end := nsenter.Time(fd, s.At), nsenter.Time(fd, p.Stamps[i+1].At)
			if begin > 0 && end > 0 && s.Phase != "" {
				timeline.First.Add(timeline.Span{Name: s.Phase, Begin: begin, End: end})
			}
		}
	})
}

// image lays out the tape and tells the orders where its parts are.
func image(p *plan.Plan) nsenter.Image {
	im := p.Tape.Image()
	o := &p.Orders
	o.ArenaSize, o.Relocs, o.Ops, o.Count = im.Size, im.Relocs, im.Ops, im.Count
	if p.Remote != nil {
		p.Remote.Annex = p.Remote.Annex.In(im)
	}
	return im
}

// own are the descriptors that the tape needs, with their places in it.
func (p *Process) own(control int) ([]step.FDSlot, error) {
	in, s := p.in, &p.plan.Slots
	if len(in.Tasks) != len(s.Tasks) || len(in.Joined) != len(s.Joined) {
		return nil, errors.New("launch doesn't fit its plan")
	}
	list := []step.FDSlot{{Slot: s.Gate, FD: in.Gate}, {Slot: s.Status, FD: in.Status}, {Slot: s.Control, FD: control}}
	for i, fd := range in.Tasks {
		list = append(list, step.FDSlot{Slot: s.Tasks[i], FD: fd})
	}
	for i, fd := range in.Joined {
		list = append(list, step.FDSlot{Slot: s.Joined[i], FD: fd})
	}
	if s.Proc != 0 {
		list = append(list, step.FDSlot{Slot: s.Proc, FD: in.Proc})
	}
	return list, nil
}

// order sends the orders with all descriptors that the stage and the first
// process need. In the orders they are places in that list.
func (p *Process) order(control int) error {
	own, err := p.own(control)
	if err != nil {
		return err
	}
	o, in := &p.plan.Orders, p.in
	var fds []int
	pass := func(fd int) int {
		if fd < 0 {
			return -1
		}
		fds = append(fds, fd)
		return len(fds) - 1
	}
	o.Fault, o.Sources = fault.Wanted(), len(p.plan.Sources)
	o.Progress, o.Arena, o.Exe, o.Cgroup = pass(in.Progress), pass(p.arena.FD), pass(in.Exe), pass(in.Unified)
	o.Trace = pass(timeline.File())
	for _, f := range own {
		f.FD = pass(f.FD)
		o.Own = append(o.Own, f)
	}
	return sendOrders(p.stage, o, fds)
}

// sendOrders sends orders with the descriptors that they name by their places.
// A stage that has gone has left the reason.
func sendOrders(s *spawn.Stage, o *step.Orders, fds []int) error {
	orders, err := stage.WriteOrders(o)
	if err != nil {
		return err
	}
	defer unix.Close(orders)
	if err := s.Conn.Send(wire.Orders, append(fds, orders)...); err != nil {
		if _, _, failed := s.Conn.Recv(); failed != nil && !errors.Is(failed, io.EOF) {
			return failed
		}
		return fmt.Errorf("send orders to init stage: %w", err)
	}
	return nil
}

// supply makes the mounts that come from outside the container and sends them.
// The stage takes them when it has cloned the first process.
func (p *Process) supply() error {
	batch := make([]int, 0, wire.Batch)
	send := func() error {
		defer func() {
			for _, fd := range batch {
				unix.Close(fd)
			}
			batch = batch[:0]
		}()
		if len(batch) == 0 {
			return nil
		}
		if p.plan.Remote != nil {
			p.alone.trees = append(p.alone.trees, batch...)
			batch = batch[:0]
			return nil
		}
		if err := p.stage.Conn.Send(wire.Trees, batch...); err != nil {
			return errSilent
		}
		return nil
	}
	maker := source.Maker{Joined: p.in.Joined}
	defer maker.Close()
	for i := range p.plan.Sources {
		fd, err := maker.Open(&p.plan.Sources[i])
		if err == nil && i == p.plan.Shared {
			if err = p.in.Shared(fd); err != nil {
				unix.Close(fd)
			}
		}
		if err != nil {
			_ = send()
			return err
		}
		if batch = append(batch, fd); len(batch) == wire.Batch {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}

// serve answers the stage and its builder until the first process reports.
func (p *Process) serve(conn wire.Conn) error {
	fds := []unix.PollFd{{Fd: int32(p.control), Events: unix.POLLIN}, {Fd: int32(conn.FD), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err != nil {
			if err == unix.EINTR {
				continue
			}
			return fmt.Errorf("poll: %w", err)
		}
		if fds[1].Revents != 0 {
			err := p.answer(conn)
			if errors.Is(err, io.EOF) {
				fds[1].Fd = -1
			} else if err != nil {
				return err
			}
			continue
		}
		if fds[0].Revents != 0 {
			if p.plan.SendListener {
				return nil // what is there to hear has a descriptor with it
			}
			return p.hear()
		}
	}
}

// errSilent says that the first process has gone without a report.
var errSilent = errors.New("container's first process has ended")

// hear reads the first process's one byte.
func (p *Process) hear() error {
	var b [1]byte
	for {
		n, err := unix.Read(p.control, b[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n != 1 {
			return errSilent
		}
		return nil
	}
}

// answer does what the builder asks for.
func (p *Process) answer(conn wire.Conn) error {
	kind, fds, err := conn.Recv()
	if err != nil {
		return err
	}
	if err := p.do(kind, fds); err != nil {
		return err
	}
	return conn.Send(wire.Go)
}

// do does what the builder asks for. The descriptors are ours.
func (p *Process) do(kind wire.Kind, fds []int) (err error) {
	switch kind {
	case wire.HostHooks:
		err = p.about(p.in.HostHooks)
	case wire.NetDevices:
		err = p.about(p.in.NetDevices)
	case wire.MapIDs:
		err = p.mapIDs(fds)
	case wire.Console:
		if len(fds) != 1 || p.in.Console == nil {
			return errors.New("console without a descriptor")
		}
		err = p.in.Console(fds[0])
	default:
		err = fmt.Errorf("unexpected message %d from init stage", kind)
	}
	return err
}

// mapIDs maps the ids of the builder's next mount that is to have others.
func (p *Process) mapIDs(fds []int) error {
	defer step.CloseAll(fds)
	if len(fds) != 1 || p.mapped >= len(p.plan.Mapped) {
		return errors.New("ids to map without a mount")
	}
	maker := source.Maker{Joined: p.in.Joined}
	defer maker.Close()
	p.mapped++
	return maker.Map(fds[0], &p.plan.Mapped[p.mapped-1])
}

// about does something about the first process.
func (p *Process) about(do func(pid int) error) error {
	pid, err := p.pid()
	if err != nil {
		return err
	}
	return do(pid)
}

// pid is the first process's pid, which the kernel has put into the arena.
func (p *Process) pid() (int, error) {
	if p.PID != 0 {
		return p.PID, nil
	}
	pid, err := p.arena.ReadInt32(p.plan.Orders.Pid)
	if err == nil && pid <= 0 {
		err = errors.New("container's first process doesn't exist")
	}
	if err != nil {
		return 0, err
	}
	p.PID = pid
	return pid, nil
}
