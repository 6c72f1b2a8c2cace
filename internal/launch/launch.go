// Package launch makes a container's first process: it starts the player, has the first process build its root
// filesystem, does what takes the host's namespaces meanwhile, learns from the first
// process itself that all is set up, and otherwise finds out why not and leaves
// no process behind.
package launch

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spawn"
	"github.com/rung-oci/rung/internal/timeline"
	"github.com/rung-oci/rung/nsenter"
)

// Inputs are the descriptors and callbacks of one launch. The descriptors stay
// the caller's; all are close-on-exec.
type Inputs struct {
	Gate, Status int // FIFOs
	Progress     int // file of the first process's progress record
	Unified      int // v2 cgroup to be born in, or -1
	Tasks        []int
	Joined       []int // namespaces, as in plan.Host.Joined
	Proc         int   // a procfs, for id maps, time offsets and labels
	Seen         bool  // others see the first process from its birth on
	HostHooks    func(pid int) error
	NetDevices   func(pid int) error
	Console      func(master int) error // takes the descriptor over
	OOMKilled    func() bool
	Admit        func(pid int) error  // has systemd let a process into the container's cgroup
	Doomed       func() bool          // whether a first process that was killed was so because its container is being removed; nil: it isn't
	Meanwhile    func() error         // called while the player starts, before any hook runs
	Shared       func(tree int) error // notes the mount of plan.Plan.Shared before anybody can see it
	Warn         func(format string, args ...any)
	Stdio        []int          // the container's standard streams; nil: ours
	Extra        []int          // its descriptors from 3 on, as copies numbered above them all; nil: ours
	Cancel       *cancel.Signal // nil: nobody gives up
	// Listener gives a seccomp agent its descriptor, which stays the caller's.
	Listener func(pid, fd int) error
}

// A Process is the container's first process while it waits for our word.
type Process struct {
	PID      int
	Player   string // what kind of player there was, and why, for who looks for a fault
	control  fdio.Own
	progress fdio.Own // a copy of the descriptor of Inputs
	plan     *plan.Plan
	in       *Inputs // of which the descriptors are the caller's: gone when Start has returned
	image    nsenter.Image
	arena    *nsenter.Arena

	first    spawn.Child // with PID, once that is known
	player   spawn.Child
	playerfd fdio.Own
	helper   spawn.Child // the fork that a player in Go has in its place
	sought   bool        // it has been looked for
	builder  *builder    // nil: nobody has been told to
	locked   bool        // the calling goroutine has its thread
}

// Start has the first process made, and waits until it is set up. The process dies with the calling thread, which therefore nobody else may have: [Process.Close]
// lets that go, and has to be called on the same goroutine.
// Where it panics nothing is left either.
func Start(p *plan.Plan, in *Inputs) (*Process, error) {
	timeline.Runtime.Phase("write tape and orders")
	control, far, err := spawn.Pair(in.Seen)
	if err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	proc := &Process{control: fdio.New(control.FD), plan: p, in: in, image: p.Tape.Image(), locked: true}
	done := false
	defer func() {
		if !done {
			proc.Kill()
		}
	}()
	// We look at it for longer than Start takes.
	if proc.progress, err = fdio.Of(unix.FcntlInt(uintptr(in.Progress), unix.F_DUPFD_CLOEXEC, 0)); err != nil {
		err = fmt.Errorf("copy descriptor of progress record: %w", err)
	} else {
		proc.arena, err = nsenter.NewArena(proc.image)
	}
	if err == nil {
		readStamps(p, proc.arena)
		err = proc.begin(far.FD)
	}
	far.Close() // while we held it we would not see the process die
	if err != nil {
		return nil, err
	}
	fault.Point("create:ordered")
	if err := proc.complete(); err != nil {
		return nil, proc.cause(err)
	}
	fault.Point("create:ready")
	done = true
	return proc, nil
}

// begin starts the player. control is its end of the socket by which the first process reports.
func (p *Process) begin(control int) error {
	own, err := p.own(control)
	if err != nil {
		return err
	}
	near, far, err := spawn.Pair(p.in.Seen)
	if err != nil {
		return err
	}
	defer far.Close()
	p.builder = newBuilder(p, near)
	s := &player{
		plan: p.plan, image: &p.image, arena: p.arena.FD, progress: p.in.Progress, unified: p.in.Unified,
		fds: append(own, plan.FDSlot{Slot: p.plan.Orders.Sock, FD: far.FD}), admit: p.in.Admit, stdio: p.in.Stdio, extra: p.in.Extra,
	}
	var pidfd int
	p.player, pidfd, p.builder.arena, err = s.start()
	p.playerfd = fdio.New(pidfd)
	p.Player = s.kind
	return err
}

// own are the descriptors that the tape needs, with their places in it.
func (p *Process) own(control int) ([]plan.FDSlot, error) {
	in, s := p.in, &p.plan.Slots
	if len(in.Tasks) != len(s.Tasks) || len(in.Joined) != len(s.Joined) {
		return nil, errors.New("launch doesn't fit its plan")
	}
	list := []plan.FDSlot{{Slot: s.Gate, FD: in.Gate}, {Slot: s.Status, FD: in.Status}, {Slot: s.Control, FD: control}}
	for i, fd := range in.Tasks {
		list = append(list, plan.FDSlot{Slot: s.Tasks[i], FD: fd})
	}
	for i, fd := range in.Joined {
		list = append(list, plan.FDSlot{Slot: s.Joined[i], FD: fd})
	}
	if s.Proc != 0 {
		list = append(list, plan.FDSlot{Slot: s.Proc, FD: in.Proc})
	}
	return list, nil
}

// complete does our part until the first process is set up.
func (p *Process) complete() error {
	timeline.Runtime.Phase("make mounts")
	if err := p.builder.supply(); err != nil {
		return err
	}
	timeline.Runtime.Phase("protect cgroup")
	if err := p.in.Meanwhile(); err != nil {
		return err
	}
	timeline.Runtime.Phase("have the root filesystem built")
	err := p.builder.build(p.awaitClone)
	if errors.Is(err, calls.ErrGone) {
		return errSilent
	}
	if err != nil {
		return err
	}
	timeline.Runtime.Phase("wait for the first process")
	if !p.plan.SendListener { // else what is there to hear has a descriptor with it
		err = p.hear()
	}
	if err == nil && p.plan.Slots.Listener != 0 {
		err = p.listener()
	}
	if err == nil {
		_, err = p.pid()
	}
	return err
}

// awaitClone waits until the player has ended: then it has cloned the process that builds, which this is, or failed, which others see. A
// process that has died by then needn't be waited for.
func (p *Process) awaitClone() (pid int, err error) {
	timeline.Builder.Phase("wait for the clone")
	fds := []unix.PollFd{{Fd: int32(p.builder.sock.FD), Events: unix.POLLIN}, {Fd: int32(p.playerfd.FD()), Events: unix.POLLIN}, p.in.Cancel.Poll()}
	if _, err := fdio.Poll(fds, time.Time{}); err != nil {
		return 0, fmt.Errorf("poll: %w", err)
	}
	if fds[2].Revents != 0 {
		return 0, p.in.Cancel.Err()
	}
	if fds[1].Revents != 0 {
		p.player.Wait()
		p.findHelper()
	}
	who, err := p.builds()
	if err != nil {
		return 0, errSilent // the record says why
	}
	return who.PID, nil
}

// errSilent says that the first process has gone without a report.
var errSilent = errors.New("container's first process has ended")

// hear reads the first process's one byte.
func (p *Process) hear() error {
	if err := p.in.Cancel.Await(p.control.FD()); err != nil {
		return err
	}
	var b [1]byte
	n, err := fdio.Read(p.control.FD(), b[:])
	if err == nil && n != 1 {
		return errSilent
	}
	return gone(err, "hear first process")
}

// pid is the first process's pid, which the kernel has put into the arena.
func (p *Process) pid() (int, error) {
	if p.PID != 0 {
		return p.PID, nil
	}
	pid, err := pidIn(p.arena, p.plan.Orders.Pid)
	if err == nil && p.plan.PIDs >= 0 {
		var ns unix.Stat_t
		if err = unix.Fstat(p.in.Joined[p.plan.PIDs], &ns); err == nil {
			err = within(proc.FS{FD: p.in.Proc}, pid, &ns)
		}
	}
	if err != nil {
		return 0, err
	}
	p.PID, p.first.PID = pid, pid
	return pid, nil
}

// builds is who builds: the first process, unless others see that.
func (p *Process) builds() (*spawn.Child, error) {
	if p.plan.Orders.Builder == 0 {
		_, err := p.pid()
		return &p.first, err
	}
	if p.builder == nil {
		return nil, errSilent
	}
	c := &p.builder.child
	if c.PID != 0 {
		return c, nil
	}
	pid, err := pidIn(p.arena, p.plan.Orders.Builder)
	if err == nil {
		c.PID = pid
	}
	return c, err
}

var errNoProcess = errors.New("container's first process doesn't exist")

// pidIn is the pid that the kernel has put into a slot, of a child of ours. Of an arena that is closed it is known already.
func pidIn(arena *nsenter.Arena, slot nsenter.Slot) (int, error) {
	if arena == nil {
		return 0, errSilent
	}
	pid, err := arena.ReadInt32(slot)
	if err == nil && pid <= 0 {
		err = errNoProcess
	}
	if err == nil {
		err = ours(pid)
	}
	if err != nil {
		return 0, err
	}
	return pid, nil
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
