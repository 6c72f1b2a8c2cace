package launch

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spawn"
	"github.com/rung-oci/rung/internal/timeline"
	"github.com/rung-oci/rung/nsenter"
)

// ExecInputs are the descriptors of a process that joins a container. They stay
// the caller's.
type ExecInputs struct {
	Unified int // v2 cgroup to be born in, or -1; FDs has it too
	Tasks   []int
	FDs     []plan.FDSlot // all others, with their places in the tape
	// Control is the place of a socket to us, by which a seccomp agent gets its
	// descriptor; Listener gives it that, which stays the caller's.
	Control  nsenter.Slot
	Listener func(pid, fd int) error
	Stdio    []int // the process's standard streams; nil: ours
	Extra    []int // as of [Inputs]
	// Namespace is the pid namespace that the process is to be in, if that is known, which the procfs Host tells of it.
	Namespace *unix.Stat_t
	Host      proc.FS
	// Admit has systemd let a process into the container's cgroup.
	Admit func(pid int) error
}

// An Exec is a process that joined a container. Its parent is our process.
type Exec struct {
	spawn.Child
	Pidfd    int
	Player   string // as [Process.Player]
	plan     *plan.Plan
	image    nsenter.Image
	progress fdio.Own
	arena    *nsenter.Arena
	locked   bool // the calling goroutine has its thread
}

// Join has a player fork a process that joins a container by the plan's tape.
// It returns when the process exists; whether it came to its execve, Err tells
// after its end. Until it runs its program it dies with the thread that we
// are on, which therefore nobody else may have: [Exec.Close] lets it go, and has to be
// called on the same goroutine.
func Join(p *plan.Plan, in *ExecInputs) (*Exec, error) {
	image := p.Tape.Image()
	arena, err := nsenter.NewArena(image)
	if err != nil {
		return nil, err
	}
	readStamps(p, arena)
	done := false
	e := &Exec{plan: p, image: image, arena: arena, Pidfd: -1, locked: true}
	runtime.LockOSThread()
	defer func() {
		if !done { // for whatever reason
			e.Kill()
			e.Close()
		}
	}()
	if e.progress, err = fdio.Of(unix.MemfdCreate("progress", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)); err != nil {
		return nil, fmt.Errorf("make progress record: %w", err)
	}
	if err = nsenter.InitProgress(e.progress.FD()); err == nil {
		err = nsenter.FixSize(e.progress.FD())
	}
	if err == nil {
		err = e.begin(in)
	}
	if err != nil {
		return nil, err
	}
	done = true
	return e, nil
}

// begin has the process forked, and its filter's descriptor handed to an agent if
// there is one.
func (e *Exec) begin(in *ExecInputs) error {
	if in.Control == 0 {
		return e.fork(in)
	}
	control, far, err := spawn.Pair(true)
	if err != nil {
		return err
	}
	defer control.Close()
	with := *in
	with.FDs = append(slices.Clip(in.FDs), plan.FDSlot{Slot: in.Control, FD: far.FD})
	err = e.fork(&with)
	far.Close()
	if err != nil {
		return err
	}
	// It borrows what it is told of, and is never closed.
	p := &Process{PID: e.PID, control: fdio.New(control.FD), plan: e.plan, progress: e.progress, in: &Inputs{Listener: in.Listener}, arena: e.arena}
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
func (in *ExecInputs) descriptors(p *plan.Plan) ([]plan.FDSlot, error) {
	if len(in.Tasks) != len(p.Slots.Tasks) {
		return nil, errors.New("launch doesn't fit its plan")
	}
	list := slices.Clip(in.FDs)
	for i, fd := range in.Tasks {
		list = append(list, plan.FDSlot{Slot: p.Slots.Tasks[i], FD: fd})
	}
	// Without a descriptor there is none, without a place it is of no use to this tape.
	return slices.DeleteFunc(slices.Clone(list), func(f plan.FDSlot) bool { return f.FD < 0 || f.Slot == 0 }), nil
}

// fork starts the player, which forks the process and ends.
func (e *Exec) fork(in *ExecInputs) error {
	fds, err := in.descriptors(e.plan)
	if err != nil {
		return err
	}
	p := &player{
		plan: e.plan, image: &e.image, arena: e.arena.FD, progress: e.progress.FD(), unified: in.Unified, fds: fds, admit: in.Admit,
		stdio: in.Stdio, extra: in.Extra,
	}
	child, pidfd, mapped, err := p.start()
	e.Player = p.kind
	if err != nil {
		return err
	}
	mapped.Unmap()
	unix.Close(pidfd)
	timeline.Runtime.Phase("wait for the clone")
	child.Wait()
	if pid, err := pidIn(e.arena, e.plan.Orders.Helper); err == nil {
		helper := spawn.Child{PID: pid}
		helper.Wait()
	}
	return e.found(in)
}

// ErrPlayerDied is of a player that has ended before it had made a process, such as with the container.
var ErrPlayerDied = errors.New("player has died")

// found takes the process that the tape has cloned, or says why there is none.
func (e *Exec) found(in *ExecInputs) error {
	pid, err := pidIn(e.arena, e.plan.Orders.Pid)
	if errors.Is(err, errNoProcess) {
		if err := e.Err(); err != nil {
			return err
		}
		return &Death{"make a process", ErrPlayerDied}
	}
	if err == nil {
		err = within(in.Host, pid, in.Namespace)
	}
	if err != nil {
		return err
	}
	e.PID = pid
	if e.Pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		return fmt.Errorf("open pidfd of process: %w", err)
	}
	return nil
}

// Err is the error of the tape, if one of its entries failed.
func (e *Exec) Err() error {
	rec, err := nsenter.ReadProgress(e.progress.FD())
	if err != nil || rec.Errno == 0 {
		return err
	}
	return tapeError(e.plan.Tape.Label(int(rec.Step)), rec.Errno)
}

// At is the entry that the tape has come to, in words.
func (e *Exec) At() string {
	rec, err := nsenter.ReadProgress(e.progress.FD())
	if err != nil {
		return err.Error()
	}
	return e.plan.Tape.Label(int(rec.Step))
}

// Ran tells whether the tape came to its execve. Whether that worked, Err says.
func (e *Exec) Ran() bool {
	rec, err := nsenter.ReadProgress(e.progress.FD())
	return err == nil && rec.Phase == nsenter.PhaseExec
}

// Close closes what belongs to the Exec but its Pidfd.
func (e *Exec) Close() {
	e.progress.Close()
	e.arena.Close()
	if e.locked {
		runtime.UnlockOSThread()
		e.locked = false
	}
}
