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
	plan   *plan.Plan
	in     *Inputs
	host   proc.FS
	memory int // the tape's
	size   int
	annex  nsenter.Annex

	child    spawn.Child // if it isn't the first process
	pid      int
	pidfd    int
	sock     wire.Conn // to it
	contexts []int     // file systems for it, which are ours
	trees    []int     // mounts for it, which are ours
	mounts   int       // its mount namespace, where a pidfd doesn't lead to that; else -1
	mapped   int       // how many of its own mounts have got their ids
	far      *calls.Far
	arena    *nsenter.Arena
}

func newBuilder(p *Process, sock wire.Conn) *builder {
	return &builder{
		plan: p.plan, in: p.in, host: proc.FS{FD: p.in.Proc}, memory: p.arena.FD, size: p.image.Size, annex: p.plan.Remote.Annex.In(p.image),
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

// build has the root filesystem built by process pid, which is through with its tape's beginning by then. The error is
// [calls.ErrGone] if it has died.
func (b *builder) build(pid int) (err error) {
	b.pid = pid
	if b.pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		return fmt.Errorf("open pidfd of first process: %w", err)
	}
	defer timeline.Builder.Phase("")
	fault.First(pid)
	fault.Point("build:cloned")
	if err := b.release(); err != nil {
		return err
	}
	if err := b.makeWithin(); err != nil {
		return err
	}
	fault.Point("build:sources")
	timeline.Builder.Phase("send mounts")
	if b.arena, err = nsenter.OpenArena(b.memory, b.size, nil); err != nil {
		return err
	}
	defer b.arena.Unmap()
	trees, err := b.send()
	if err != nil {
		return err
	}
	b.far = &calls.Far{Arena: b.arena, Annex: b.annex, Sock: b.sock.FD}
	k := calls.NewKernel(b.far)
	e := step.NewEnv(k)
	e.Host, e.Arena = b, b.arena
	if err = b.received(e, trees); err == nil {
		fault.Point("build:mounts")
		err = runSteps(b.plan.Orders.Steps, e, b.in.Cancel)
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
	return k.End()
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

// send sends the builder the mounts that the steps want, and before them its file systems, and lets go of them.
func (b *builder) send() ([]step.Tree, error) {
	trees, stats := make([]step.Tree, len(b.trees)), make([]unix.Statx_t, len(b.trees))
	for i, fd := range b.trees {
		if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &stats[i]); err != nil {
			return nil, err
		}
		trees[i].Stat = &stats[i]
	}
	all := slices.Concat(b.contexts, b.trees)
	b.contexts, b.trees = nil, nil
	defer func() { fdio.CloseAll(all) }()
	for list := range slices.Chunk(all, wire.Batch) {
		if err := b.sock.Send(list...); err != nil {
			return nil, calls.ErrGone
		}
	}
	return trees, nil
}

// received has the steps know the mounts that have been sent, by the builder's numbers of them, and those that it makes
// itself because the runtime isn't allowed to: in its mount namespace, which is still a copy of the host's.
func (b *builder) received(e *step.Env, trees []step.Tree) error {
	k, r := e.K, &b.plan.Remote
	if len(r.Trees)+len(r.Contexts) > 0 {
		// It has them when it has made a call.
		if _, err := k.Call("receive mounts", unix.SYS_GETPID).Now(); err != nil {
			return err
		}
		for i, s := range r.Trees {
			trees[i].FD = calls.Number(b.arena.Int32(s))
		}
		for _, s := range r.Contexts {
			e.Contexts = append(e.Contexts, calls.Number(b.arena.Int32(s)))
		}
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
		trees = append(trees, step.Tree{FD: fd, Stat: st.Get()})
	}
	e.Trees = trees
	return k.Flush()
}

// dismiss lets go of what the builder hasn't got. While we had the socket to it, it would not see us die.
func (b *builder) dismiss() {
	if b == nil {
		return
	}
	fdio.CloseAll(b.contexts)
	fdio.CloseAll(b.trees)
	fdio.CloseAll([]int{b.sock.FD, b.pidfd, b.mounts})
	b.sock.FD, b.pidfd, b.mounts, b.contexts, b.trees = -1, -1, -1, nil, nil
}
