package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/launch"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/internal/timeline"
	"github.com/rung-oci/rung/internal/user"
)

// ExecOptions say what to run in a container, and how. What they have of [CreateOptions] is as there.
type ExecOptions struct {
	Process     *specs.Process // the process; nil: that of ProcessFile
	ProcessFile string         // file with a process object; "": the container's process, changed by what follows up to AppArmor
	Args        []string       // the program and its arguments

	Terminal        bool
	Cwd             string
	Env             []string
	User            string // USER[:GROUP], by number or as in the container's passwd and group files; "": the container's
	AdditionalGids  []string
	Caps            []string
	NoNewPrivileges *bool // nil: as the container
	ProcessLabel    string
	AppArmor        string

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	ExtraFiles     []*os.File
	PreserveFDs    int
	Detach         bool   // the process is reaped when this program next has to do with a container
	ConsoleSocket  string // "": the terminal is [Process.Terminal]

	PidfdSocket  string
	PidFile      string
	IgnorePaused bool     // it runs when the container is resumed, and isn't waited for till then
	Cgroups      []string // below the container's, to be in, each [controllers:]path; none: the container's
}

// Exec runs a process in a container that is created or runs, and returns once it runs its program: [ErrStopped] or [ErrPaused] if the container takes
// none, an [*ExecError] if the program can't be run. The process lives on then, whatever becomes of the context; before, it is killed when that is done.
func (h *Container) Exec(ctx context.Context, o *ExecOptions) (*Process, error) {
	o = given(o)
	stop, err := cancel.Of(ctx)
	if err != nil {
		return nil, fmt.Errorf("exec in container %s: %w", h.id, err)
	}
	defer stop.Close()
	x := &execution{opt: o, stop: stop}
	defer x.close()
	err = x.begin(h)
	if err == nil {
		err = x.start()
	}
	if err != nil {
		return nil, givenUp(err, stop.Err(), x.fate())
	}
	return x.leave(), nil
}

// Run is Exec that waits for the process's end, and until all is copied of what it and its children have printed. A context that is done kills it, and ends
// copying: nothing is written when Run has returned, though it waits for a Write that is under way. (In a paused container the killed process ends
// when that is resumed; Run doesn't wait for that.) A thread is held. Streams, terminal and signals are as of [Runtime.Run].
func (h *Container) Run(ctx context.Context, o *ExecOptions) (ExitStatus, error) {
	o = given(o)
	stop, err := cancel.Of(ctx)
	if err != nil {
		return 0, fmt.Errorf("exec in container %s: %w", h.id, err)
	}
	defer stop.Close()
	x := &execution{opt: o, stop: stop, front: new(foreground)}
	defer x.close()
	status := ExitStatus(0)
	if err = x.begin(h); err == nil {
		status, err = x.run(ctx)
	}
	return status, givenUp(err, stop.Err(), x.fate())
}

// begin opens the container and checks all that can be checked before a process is made.
func (x *execution) begin(h *Container) (err error) {
	if err := checkPassed(0, x.opt.PreserveFDs, x.opt.ExtraFiles); err != nil {
		return err
	}
	h.r.closeOnExec()
	h.r.raiseFileSize()
	timeline.Runtime.Phase("open container")
	if x.c, err = h.open(); err != nil {
		return err
	}
	timeline.Runtime.Phase("prepare process")
	if err := x.prepare(); err != nil {
		return x.ended(err)
	}
	return nil
}

// An execution is an exec on its way.
type execution struct {
	c       *container
	opt     *ExecOptions
	bundle  *spec.Bundle
	spec    *specs.Spec
	process *specs.Process
	sockets sockets
	loc     cgroups.Location // where the process is to be

	pidfd    fdio.Own // the container's init
	root     fdio.Own // its root directory
	terminal fdio.Own // the slave of the process's terminal
	status   fdio.Own // our end of a pipe that closes when the program runs

	front   *foreground // nil: the process's end is somebody else's to wait for
	kept    *Terminal   // the master, if it is the caller's
	streams *streams
	stop    *cancel.Signal
	exec    *launch.Exec
	lingers bool // it is killed, and hasn't ended

	warnings []string
	warned   bool
}

func (x *execution) close() {
	for _, fd := range []*fdio.Own{&x.pidfd, &x.root, &x.terminal, &x.status} {
		fd.Close()
	}
	x.sockets.close()
	x.streams.close()
	if x.kept != nil {
		x.kept.Close()
	}
	if x.front != nil {
		x.front.close()
	}
	if x.exec != nil {
		x.exec.Close()
	}
	if x.c != nil {
		x.c.close()
	}
}

// prepare checks all that can be checked before a process is made.
func (x *execution) prepare() error {
	if err := x.allowed(); err != nil {
		return err
	}
	b, err := x.c.config()
	if err != nil {
		return err
	}
	x.bundle, x.spec = b, b.Spec
	if x.loc, err = cgroups.Location(x.c.record.Cgroups).Below(x.opt.Cgroups); err != nil {
		return err
	}
	if x.pidfd, err = fdio.Of(x.c.pidfd()); err != nil {
		return err
	}
	if x.root, err = fdio.Of(x.c.rootDir(x.pidfd.FD())); err != nil {
		return err
	}
	if x.process, x.warnings, err = x.opt.process(x.spec, user.In{Root: rootfs.At(x.root.FD())}); err != nil {
		return err
	}
	if err := checkTerminal(x.process.Terminal, x.opt.Detach || x.front == nil && x.opt.ConsoleSocket != "", x.opt.ConsoleSocket); err != nil {
		return err
	}
	if err := x.openStreams(); err != nil {
		return err
	}
	return x.sockets.connect(x.opt.ConsoleSocket, x.opt.PidfdSocket)
}

func (x *execution) openStreams() (err error) {
	o := x.opt
	if o.Detach && copied(o.Stdin, o.Stdout, o.Stderr) {
		return errors.New("streams of a detached process have to be files: nobody stays to copy")
	}
	if x.streams, err = openStreams(o.Stdin, o.Stdout, o.Stderr, x.process.Terminal); err != nil {
		return err
	}
	return x.streams.pass(0, o.ExtraFiles)
}

// allowed tells whether the container's state lets a process in.
func (x *execution) allowed() error {
	f, err := x.c.entry.Facts(x.c.record, x.c.host)
	switch {
	case err != nil:
		return err
	case !f.Alive:
		return cmp.Or(x.c.outOfSight(), errExecStopped)
	case x.opt.IgnorePaused:
		return nil
	}
	by, err := x.c.manager.FrozenBy()
	if err != nil || by == "" {
		return err
	}
	return x.frozen()
}

// frozen tells why a container that was seen frozen takes no process, if it
// still is once the verb has ended that is at work on it: a resume may have come
// between two looks, and some updates of device rules freeze for a moment.
func (x *execution) frozen() error {
	if err := x.c.entry.Lock(x.stop.Err); err != nil {
		return err
	}
	defer x.c.entry.Unlock()
	own, err := x.c.manager.Frozen()
	if err != nil {
		return err
	}
	if own {
		return errExecPaused
	}
	by, err := x.c.manager.FrozenBy()
	if err != nil || by == "" {
		return err
	}
	return cannotRun(by, nil)
}

// ended is the error of an exec whose container has ended meanwhile, err of any
// other.
func (x *execution) ended(err error) error {
	if errors.Is(err, errExecStopped) || errors.Is(err, state.ErrNotExist) {
		return err
	}
	// The init may be on its way to its end: it has let go of its directories and
	// of its pid namespace by then.
	var patience time.Duration
	switch {
	case errors.Is(err, unix.ESRCH):
		patience = endWait
	case errors.Is(err, unix.ENOMEM), errors.Is(err, errOOMKilled), errors.Is(err, launch.ErrPlayerDied):
		patience = likelyEndWait
	case errors.Is(err, errKilled):
		patience = killedEndWait
	}
	if patience > 0 && x.pidfd.Open() && wait(x.pidfd.FD(), patience) {
		return errExecStopped
	}
	if alive, aerr := x.c.record.Alive(x.c.host); aerr == nil && !alive {
		return cmp.Or(x.c.outOfSight(), errExecStopped)
	}
	return err
}

const killedEarly = "process was killed before it ran the program"

var (
	errKilled          = errors.New(killedEarly)
	errOOMKilled error = &stateError{killedEarly + " (memory limit too low?)", errKilled}
)

// killed is the error of a process that was. Why is only guessed where the kernel has counted a reason.
func (x *execution) killed() error {
	err := errKilled
	if kills, oerr := x.c.manager.OOMKills(); oerr == nil && kills > 0 {
		err = errOOMKilled
	}
	return &launch.Death{Step: x.exec.At(), Err: err}
}

// start has the process made, and waits until it runs.
func (x *execution) start() error {
	timeline.Runtime.Phase("open terminal")
	if err := x.openTerminal(); err != nil {
		return x.failed(err)
	}
	timeline.Runtime.Phase("make the plan")
	if err := x.join(); err != nil {
		return x.failed(err)
	}
	timeline.Runtime.Phase("wait for execve")
	err := x.announce()
	if err == nil {
		err = x.stop.Err()
	}
	if err != nil {
		x.end()
	}
	return err
}

// end kills the process, and reaps it. In a paused container it may be that it can't end before that is resumed: then it is reaped when it does.
func (x *execution) end() {
	kill(x.exec.Pidfd)
	if x.lingers = !wait(x.exec.Pidfd, likelyEndWait); x.lingers {
		children.watch(newChild(x.exec.PID, x.exec.Pidfd))
		return
	}
	x.exec.Wait()
	unix.Close(x.exec.Pidfd)
}

// fate is what has become of a process that was given up.
func (x *execution) fate() string {
	if x.lingers {
		return "the process is killed, and hasn't ended yet"
	}
	return "the process is ended"
}

// run has the process made, and waits for its end.
func (x *execution) run(ctx context.Context) (status ExitStatus, err error) {
	if x.front, err = newForeground(x.c.r.Effects, x.process.Terminal, x.stop); err != nil {
		return 0, err
	}
	if err := x.start(); err != nil {
		return 0, err
	}
	streams := x.streams
	x.streams = nil
	streams.start()
	timeline.Runtime.Phase("wait for the process's end")
	status, err = x.front.wait(x.exec.PID, x.exec.Pidfd)
	if err != nil {
		x.end()
		streams.stop()
		return status, err
	}
	unix.Close(x.exec.Pidfd)
	if err = x.front.drain(); err == nil {
		err = streams.wait(ctx)
	}
	if err == nil {
		return status, x.verdict()
	}
	streams.stop()
	return status, err
}

func (x *execution) failed(err error) error {
	if err = x.ended(err); errors.Is(err, errExecStopped) {
		return err
	}
	return fmt.Errorf("unable to start container process: %w", err)
}

// join has the process made in the container's cgroup; or, when that takes no
// process because the container has made cgroups below it and moved there, in
// its init's.
func (x *execution) join() error {
	if len(x.opt.Cgroups) > 0 {
		return x.joinBelow()
	}
	entry, err := x.c.manager.Entry()
	if own := x.c.record.Cgroups; errors.Is(err, unix.ENOENT) && len(own) == 1 && own[""] != "" {
		// Somebody has moved the init out and removed the cgroup (runc#5089).
		return x.joinInit(&cgroups.Entry{Unified: -1}, true)
	}
	if err != nil {
		return err
	}
	err = explainFull(x.c.record.Cgroups[""], x.fork(entry))
	entry.Close()
	if !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.ENODEV) || entry.Unified == -1 && len(x.c.record.Cgroups[""]) == 0 {
		return err
	}
	entry, lerr := x.c.manager.Entry()
	if lerr != nil {
		return lerr
	}
	if lerr = x.joinInit(entry, false); errors.Is(lerr, errNotBelow) {
		return errors.Join(err, lerr)
	}
	return lerr
}

// joinInit has the process made in the v2 cgroup of the container's init. It closes entry.
func (x *execution) joinInit(entry *cgroups.Entry, anywhere bool) error {
	defer entry.Close()
	fd, dir, err := initCgroup(x.c, anywhere)
	if err != nil {
		return err
	}
	if entry.Unified >= 0 {
		unix.Close(entry.Unified)
	}
	entry.Unified = fd
	x.loc = maps.Clone(x.loc)
	x.loc[""] = dir
	return x.fork(entry)
}

// joinBelow has the process made in cgroups below the container's, which must
// exist.
func (x *execution) joinBelow() error {
	m, err := choose.Load(x.loc)
	if err != nil {
		return err
	}
	entry, err := m.Entry()
	if err != nil {
		return err
	}
	defer entry.Close()
	return x.fork(entry)
}

// fork has the process forked.
func (x *execution) fork(entry *cgroups.Entry) error {
	facts, err := x.c.joiner(x.spec)
	if err != nil {
		return err
	}
	facts.Location = x.loc
	facts.Null = notGiven(x.streams.list(), facts.Null)
	x.warn(facts)
	if err := x.c.addTasks(entry, facts); err != nil {
		return err
	}
	if err := labels(facts, x.c.host, x.process, ""); err != nil {
		return err
	}
	status := -1
	if x.reports() {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			return fmt.Errorf("make pipe: %w", err)
		}
		x.status.Close()
		x.status, status = fdio.New(pipe[0]), pipe[1]
		defer unix.Close(status)
	}
	e := entrance{
		container: x.c, init: x.pidfd.FD(), root: x.root.FD(), cgroup: entry, stdio: x.streams.list(), extra: x.streams.extra,
		agent: x.c.agentOf(x.bundle, specs.StateRunning),
	}
	x.exec, err = e.join(facts, func() (*planned, error) {
		p, at, err := plan.Exec(x.spec, x.process, facts, &plan.ExecOptions{
			ID: x.c.record.ID, Preserve: x.opt.PreserveFDs + len(x.opt.ExtraFiles), Env: home(x.root.FD(), x.process), NoNewKeyring: x.c.record.NoNewKeyring,
			Outlives: x.front == nil && x.opt.IgnorePaused, // a paused container may keep it from its program for long
		})
		return &planned{p, at.JoinSlots, []plan.FDSlot{
			{Slot: at.Terminal, FD: x.terminal.FD()}, {Slot: at.Status, FD: status}, {Slot: at.Proc, FD: x.c.host.FD},
		}}, err
	})
	return err
}

// warn tells what is odd about the process, once.
func (x *execution) warn(facts *plan.Host) {
	if x.warned {
		return
	}
	x.warned = true
	x.c.r.warnAll(x.warnings)
	x.c.r.warnAll(spec.ProcessWarnings(x.process))
	x.c.r.warnAll(plan.Warnings(x.spec, x.process, facts))
}
