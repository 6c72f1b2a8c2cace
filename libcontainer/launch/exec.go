package launch

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

// ExecInputs are the descriptors of a process that joins a container. They stay
// the caller's.
type ExecInputs struct {
	Unified int // v2 cgroup to be born in, or -1; FDs has it too
	Tasks   []int
	FDs     []step.FDSlot // all others, with their places in the tape
	// Control is the place of a socket to us, by which a seccomp agent gets its
	// descriptor; Listener gives it that, which stays the caller's.
	Control  nsenter.Slot
	Listener func(pid, fd int) error
	// Admit has systemd let a process into the container's cgroup.
	Admit func(pid int) error
}

// An Exec is a process that joined a container. Its parent is our process.
type Exec struct {
	spawn.Child
	Pidfd    int
	plan     *plan.Plan
	progress int
	arena    *nsenter.Arena
	locked   bool // the calling goroutine has its thread
}

// Join has the stage fork a process that joins a container by the plan's tape.
// It returns when the process exists; whether it came to its execve, Err tells
// after its end.
func Join(s *spawn.Stage, p *plan.Plan, in *ExecInputs) (*Exec, error) {
	return join(p, in, func(e *Exec, in *ExecInputs) error { return e.byStage(s, in) })
}

// join has a process forked. Until it runs its program it dies with the thread that we
// are on, which therefore nobody else may have: [Exec.Close] lets it go, and has to be
// called on the same goroutine.
func join(p *plan.Plan, in *ExecInputs, fork func(*Exec, *ExecInputs) error) (*Exec, error) {
	arena, err := nsenter.NewArena(image(p))
	if err != nil {
		return nil, err
	}
	readStamps(p, arena)
	e := &Exec{plan: p, progress: -1, arena: arena, Pidfd: -1, locked: true}
	runtime.LockOSThread()
	if e.progress, err = unix.MemfdCreate("progress", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING); err != nil {
		e.Close()
		return nil, fmt.Errorf("make progress record: %w", err)
	}
	if err = nsenter.InitProgress(e.progress); err == nil {
		err = nsenter.FixSize(e.progress)
	}
	if err == nil {
		err = e.begin(in, fork)
	}
	if err != nil {
		e.Kill()
		e.Close()
		return nil, err
	}
	return e, nil
}

// begin has the process forked, and its filter's descriptor handed to an agent if
// there is one.
func (e *Exec) begin(in *ExecInputs, fork func(*Exec, *ExecInputs) error) error {
	if in.Control == 0 {
		return fork(e, in)
	}
	control, far, err := spawn.Pair(true)
	if err != nil {
		return err
	}
	defer control.Close()
	with := *in
	with.FDs = append(slices.Clip(in.FDs), step.FDSlot{Slot: in.Control, FD: far.FD})
	err = fork(e, &with)
	far.Close()
	if err != nil {
		return err
	}
	p := &Process{PID: e.PID, control: control.FD, plan: e.plan, progress: e.progress, in: &Inputs{Listener: in.Listener}, arena: e.arena}
	if !e.plan.SendListener { // else what is there to hear has a descriptor with it
		err = p.hear()
	}
	if err == nil {
		err = p.handListener()
	}
	if terr := e.Err(); terr != nil {
		return terr
	}
	return err
}

// descriptors are those that the tape needs, with their places in it.
func (in *ExecInputs) descriptors(p *plan.Plan) ([]step.FDSlot, error) {
	if len(in.Tasks) != len(p.Slots.Tasks) {
		return nil, errors.New("launch doesn't fit its plan")
	}
	list := slices.Clip(in.FDs)
	for i, fd := range in.Tasks {
		list = append(list, step.FDSlot{Slot: p.Slots.Tasks[i], FD: fd})
	}
	// Without a descriptor there is none, without a place it is of no use to this tape.
	return slices.DeleteFunc(slices.Clone(list), func(f step.FDSlot) bool { return f.FD < 0 || f.Slot == 0 }), nil
}

// byStage has the process forked by a stage.
func (e *Exec) byStage(s *spawn.Stage, in *ExecInputs) error {
	if err := orderExec(s, e.plan, in, e.arena.FD, e.progress); err != nil {
		return err
	}
	s.Exe.Close()                 // the stage runs, and we have time
	_, _, failed := s.Conn.Recv() // end of file, or why not
	s.Wait()
	if helper, err := e.arena.ReadInt32(e.plan.Orders.Helper); err == nil && helper > 0 {
		c := spawn.Child{PID: helper}
		c.Wait()
	}
	err := e.found()
	if f, ok := errors.AsType[*wire.Failure](failed); ok && errors.Is(err, errStageDied) {
		return f
	}
	return err
}

func orderExec(s *spawn.Stage, p *plan.Plan, in *ExecInputs, arena, progress int) error {
	o := &p.Orders
	fds := []int{progress, arena}
	o.Progress, o.Arena, o.Exe, o.Trace = 0, 1, -1, -1
	if trace := timeline.File(); trace >= 0 {
		o.Trace = len(fds)
		fds = append(fds, trace)
	}
	if in.Unified >= 0 {
		o.Cgroup = len(fds)
		fds = append(fds, in.Unified)
	}
	list, err := in.descriptors(p)
	if err != nil {
		return err
	}
	for _, f := range list {
		place := len(fds)
		if f.FD == in.Unified {
			place = o.Cgroup // one descriptor, which the tape closes
		} else {
			fds = append(fds, f.FD)
		}
		o.Own = append(o.Own, step.FDSlot{Slot: f.Slot, FD: place})
	}
	return sendOrders(s, o, fds)
}

var errStageDied = errors.New("init stage has died")

// found takes the process that the tape has cloned, or says why there is none.
func (e *Exec) found() error {
	pid, err := e.arena.ReadInt32(e.plan.Orders.Pid)
	if err != nil {
		return err
	}
	if pid <= 0 {
		if err := e.Err(); err != nil {
			return err
		}
		return errStageDied
	}
	e.PID = pid
	e.Pidfd, err = unix.PidfdOpen(pid, 0)
	return err
}

// Err is the error of the tape, if one of its entries failed.
func (e *Exec) Err() error {
	rec, err := nsenter.ReadProgress(e.progress)
	if err != nil || rec.Errno == 0 {
		return err
	}
	return &TapeError{Text: plan.Text(e.plan.Tape.Label(int(rec.Step)), rec.Errno), Errno: syscall.Errno(rec.Errno)}
}

// At is the entry that the tape has come to, in words.
func (e *Exec) At() string {
	rec, err := nsenter.ReadProgress(e.progress)
	if err != nil {
		return err.Error()
	}
	return e.plan.Tape.Label(int(rec.Step))
}

// Ran tells whether the tape came to its execve. Whether that worked, Err says.
func (e *Exec) Ran() bool {
	rec, err := nsenter.ReadProgress(e.progress)
	return err == nil && rec.Phase == nsenter.PhaseExec
}

// Close closes what belongs to the Exec but its Pidfd.
func (e *Exec) Close() {
	if e.progress >= 0 {
		unix.Close(e.progress)
		e.progress = -1
	}
	e.arena.Close()
	if e.locked {
		runtime.UnlockOSThread()
		e.locked = false
	}
}
