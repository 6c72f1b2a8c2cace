package launch

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/source"
	"github.com/rung-oci/rung/internal/spawn"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/timeline"
	"github.com/rung-oci/rung/internal/wire"
	"github.com/rung-oci/rung/nsenter"
)

// A builder is who makes the calls of the steps, in the container's namespaces and as root of its user namespace: the first
// process itself or, where others see that, one that clones it afterwards.
type builder struct {
	plan  *plan.Plan
	in    *Inputs
	host  proc.FS
	annex nsenter.Annex

	child    spawn.Child // if it isn't the first process
	await    func() (pid int, err error)
	pid      int // 0: it isn't known yet
	pidfd    int
	sock     wire.Conn // to it
	contexts []int     // file systems for it, which are ours
	trees    []int     // mounts for it, which are ours
	mounts   int       // its mount namespace, where a pidfd doesn't lead to that; else -1
	mapped   int       // how many of its own mounts have got their ids
	far      *calls.Far
	failed   error // of begin
	arena    *nsenter.Arena
}

func newBuilder(p *Process, sock wire.Conn) *builder {
	return &builder{
		plan: p.plan, in: p.in, host: proc.FS{FD: p.in.Proc}, annex: p.plan.Remote.Annex.In(p.image),
		pidfd: -1, sock: sock, mounts: -1,
	}
}

// supply makes the mounts that come from outside the container.
func (b *builder) supply() (err error) {
	if b.plan.Procfs != nil {
		if b.contexts, err = makeProcfs(b.plan.Procfs, b.in.Joined); err != nil {
			return err
		}
	}
	maker := source.Maker{Joined: b.in.Joined}
	defer maker.Close()
	for i := range b.plan.Sources {
		fd, err := maker.Open(&b.plan.Sources[i])
		if err != nil {
			return err
		}
		b.trees = append(b.trees, fd)
		if i == b.plan.Shared {
			if err := b.in.Shared(fd); err != nil {
				return err
			}
		}
	}
	return nil
}

// build has the root filesystem built by the process that await gives, which is through with its tape's beginning by then. The calls of the
// steps are queued meanwhile, until there are too many or one has to be known. The error is [calls.ErrGone] if the process has died.
func (b *builder) build(await func() (pid int, err error)) (err error) {
	b.await = await
	defer timeline.Builder.Phase("")
	defer b.unmap()
	if b.waits() {
		if err := b.meet(); err != nil {
			return err
		}
	}
	b.far = &calls.Far{Arena: b.arena, Annex: b.annex, Sock: b.sock.FD, Begin: b.begin}
	e := step.NewEnv(calls.NewKernel(b.far))
	e.Host, e.Arena = b, b.arena
	if err = b.received(e); err == nil {
		err = runSteps(b.plan.Orders.Steps, e, b.in.Cancel)
	}
	if b.failed != nil {
		return b.failed
	}
	if err != nil {
		return ofStep(err)
	}
	timeline.Builder.Phase("hand over to first process")
	fault.Point("build:done")
	for i, fd := range e.Late {
		b.arena.SetFD(b.plan.Remote.Late[i], fd.Int())
	}
	b.plan.Orders.SetRanges(b.arena) // of which some may be to be kept
	return e.K.End()
}

// waits tells whether the process that builds waits for something of the runtime's, or the steps for something of its.
func (b *builder) waits() bool {
	o := &b.plan.Orders
	return o.Gate || o.Builder != 0 || len(o.Within) > 0 || len(o.Make) > 0 || fault.Awaits()
}

// meet waits for the process that builds, and does what that waits for.
func (b *builder) meet() (err error) {
	if b.pid, err = b.await(); err != nil {
		return err
	}
	if b.pidfd, err = unix.PidfdOpen(b.pid, 0); err != nil {
		return fmt.Errorf("open pidfd of first process: %w", err)
	}
	fault.First(b.pid)
	fault.Point("build:cloned")
	if err := b.release(); err != nil {
		return err
	}
	return b.makeWithin()
}

// begin has the process that builds there, with the mounts that the steps want.
func (b *builder) begin() error {
	if b.pid == 0 {
		b.failed = b.meet()
	}
	if b.failed == nil {
		fault.Point("build:sources")
		b.failed = b.send()
	}
	if b.failed == nil {
		fault.Point("build:mounts")
	}
	return b.failed
}

// unmap lets go of the memory of the tape.
func (b *builder) unmap() {
	if b.arena != nil {
		b.arena.Unmap()
		b.arena = nil
	}
}

// label says what entry i of the tape is for, if it is one that build has written; else "".
func (b *builder) label(i int) string {
	if b.far == nil {
		return ""
	}
	return b.far.Label(i)
}

// runSteps runs steps until an error is kept, or stop comes.
func runSteps(steps []step.Step, e *step.Env, stop *cancel.Signal) error {
	for i, s := range steps {
		if err := stop.Err(); err != nil {
			return err
		}
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

// ofStep is the error of a step with what the step does. What the runtime was asked for by one says itself what it is about.
func ofStep(err error) error {
	if own, ok := errors.AsType[*answer](err); ok {
		return own.error
	}
	var failed *calls.Error
	if errors.Is(err, calls.ErrGone) || !errors.As(err, &failed) || failed.Step == nil {
		return err
	}
	err = fmt.Errorf("%s: %w", failed.Step, err)
	if mount, is := failed.Step.(interface{ Blame(err error) error }); is {
		return mount.Blame(err)
	}
	return err
}

// send sends the builder its file systems and the mounts that the steps want, and lets go of them.
func (b *builder) send() error {
	timeline.Builder.Phase("send mounts")
	all := slices.Concat(b.contexts, b.trees)
	b.contexts, b.trees = nil, nil
	defer func() { fdio.CloseAll(all) }()
	for list := range slices.Chunk(all, wire.Batch) {
		if err := b.sock.Send(list...); err != nil {
			return calls.ErrGone
		}
	}
	return nil
}

// received has the steps know the mounts that are sent, by the builder's numbers of them, and those that it makes
// itself because the runtime isn't allowed to: in its mount namespace, which is still a copy of the host's.
func (b *builder) received(e *step.Env) error {
	k, r := e.K, &b.plan.Remote
	stats := make([]unix.Statx_t, len(b.trees))
	for i, fd := range b.trees {
		if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &stats[i]); err != nil {
			return err
		}
		e.Trees = append(e.Trees, step.Tree{FD: k.Given(r.Trees[i]), Stat: &stats[i]})
	}
	for _, s := range r.Contexts {
		e.Contexts = append(e.Contexts, k.Given(s))
	}
	if len(b.plan.Orders.Make) == 0 {
		return nil
	}
	var maker source.Maker
	defer maker.Close()
	if b.plan.Shared < 0 { // else the mount namespace is others', too
		maker.MakeBindable(k, b.plan.Orders.Make)
	}
	for i := range b.plan.Orders.Make {
		s := &b.plan.Orders.Make[i]
		k.Step(s)
		fd := maker.Make(k, s)
		st, _ := k.Stat("", fd)
		e.Trees = append(e.Trees, step.Tree{FD: fd, Stat: st.Get()})
	}
	return k.Flush()
}

// dismiss lets go of what the builder hasn't got. While we had the socket to it, it would not see us die.
func (b *builder) dismiss() {
	if b == nil {
		return
	}
	b.unmap()
	fdio.CloseAll(b.contexts)
	fdio.CloseAll(b.trees)
	fdio.CloseAll([]int{b.sock.FD, b.pidfd, b.mounts})
	b.sock.FD, b.pidfd, b.mounts, b.contexts, b.trees = -1, -1, -1, nil, nil
}
