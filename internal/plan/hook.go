package plan

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/nsenter"
)

// HookSlots are the places of descriptors in the tape of a hook.
type HookSlots struct {
	JoinSlots
	Stdin, Output nsenter.Slot
}

// StartContainerHook plans a startContainer hook: a program of the container's,
// run as the container's process would be, in all its namespaces and its
// cgroup.
func StartContainerHook(s *specs.Spec, host *Host, h *specs.Hook) (*Plan, HookSlots, error) {
	p, js, err := joining(s, host, &Options{})
	if err != nil {
		return nil, HookSlots{}, err
	}
	hs := HookSlots{JoinSlots: js, Stdin: p.t.FDSlot(), Output: p.t.FDSlot()}
	p.keep(hs.Stdin, hs.Output)
	p.joinInit(js, func() {})
	p.t.Call("start process group", unix.SYS_SETPGID, nsenter.Int(0), nsenter.Int(0))
	for fd, from := range []nsenter.Slot{hs.Stdin, hs.Output, hs.Output} {
		p.t.Call("set standard descriptor", unix.SYS_DUP3, from.FD(), nsenter.Int(fd), nsenter.Int(0))
	}
	p.letGo(hs.Stdin, hs.Output)
	p.cleanSlate()
	p.t.Call("set umask", unix.SYS_UMASK, nsenter.Int(p.host.Umask)) // hooks have our caller's
	p.limits()
	p.bounding()
	p.rights(func() {})
	args := h.Args
	if len(args) == 0 {
		args = []string{h.Path}
	}
	p.agent(js)
	p.installFilter()
	p.t.Mark(nsenter.PhaseExec)
	p.t.Call("fork/exec "+h.Path, unix.SYS_EXECVE, p.t.Str(h.Path), p.t.Strs(args, 0).Addr(), p.t.Strs(h.Env, 0).Addr()).Demand()
	return p.Plan, hs, nil
}

// ContainerHookSlots are the places of descriptors in the tape of a createContainer hook.
type ContainerHookSlots struct {
	Builder       nsenter.Slot // a pidfd of who builds
	PIDs          nsenter.Slot // the pid namespace, where that isn't in it yet
	Time          nsenter.Slot // the time namespace, where that isn't in it; empty: it can't be had
	Stdin, Output nsenter.Slot
}

// ContainerHook plans a createContainer hook: a program of the host's that is found in its mount tree, inside the container's namespaces. It has
// exactly the environment of its configuration. The runtime's own executable is nowhere in sight (CVE-2019-5736).
func ContainerHook(s *step.ContainerHooks, h *specs.Hook) (*Plan, ContainerHookSlots) {
	p := &planner{Plan: &Plan{Tape: nsenter.NewTape()}, spec: &specs.Spec{}, host: &Host{}, opt: &Options{}}
	p.t = p.Tape
	o := &p.Orders
	o.exec, o.Pid, o.Helper = true, p.t.Slot(), p.t.Slot()
	hs := ContainerHookSlots{Builder: p.t.FDSlot(), PIDs: p.t.FDSlot(), Time: p.t.FDSlot(), Stdin: p.t.FDSlot(), Output: p.t.FDSlot()}
	p.appear()
	for fd, from := range []nsenter.Slot{hs.Stdin, hs.Output, hs.Output} {
		p.t.Call("set standard descriptor", unix.SYS_DUP3, from.FD(), nsenter.Int(fd), nsenter.Int(0))
	}
	p.closeAllBut(hs.Builder, hs.PIDs, hs.Time)
	p.joinBuilder(s.Join, s.Apart, hs)
	if s.Time {
		p.timeOfChildren(hs.Time)
	}
	p.letGo(hs.Builder, hs.PIDs)
	if s.Join&unix.CLONE_NEWUSER != 0 {
		p.t.BecomeRoot()
	}
	p.t.Call("set umask", unix.SYS_UMASK, nsenter.Int(s.Umask))
	p.t.Call("chdir to "+s.Dir, unix.SYS_CHDIR, p.t.Str(s.Dir))
	p.clone("fork", 0, o.Pid)
	p.t.Call("start process group", unix.SYS_SETPGID, nsenter.Int(0), nsenter.Int(0))
	args := h.Args
	if len(args) == 0 {
		args = []string{h.Path}
	}
	p.t.Mark(nsenter.PhaseExec)
	p.t.Call("fork/exec "+h.Path, unix.SYS_EXECVE, p.t.Str(h.Path), p.t.Strs(args, 0).Addr(), p.t.Strs(h.Env, 0).Addr()).Demand()
	return p.Plan, hs
}

// timeAhead tells whether who builds has a time namespace for others that it isn't in itself: for the
// program that it becomes, or for the first process.
func (p *planner) timeAhead() bool {
	return p.ns.timeLater() || p.seen && p.ns.later&unix.CLONE_NEWTIME != 0
}

// joinBuilder joins the namespaces of who builds. A pid namespace that this isn't in is apart: one of the host's can be entered only before a
// user namespace is, and one that belongs to that, by an ordinary user, only afterwards.
func (p *planner) joinBuilder(join int, apart bool, hs ContainerHookSlots) {
	apart = apart && join&unix.CLONE_NEWPID != 0
	pids := func() nsenter.Entry {
		return p.t.Call("join pid namespace", unix.SYS_SETNS, hs.PIDs.FD(), nsenter.Int(unix.CLONE_NEWPID))
	}
	joined := p.t.Slot()
	if apart {
		join &^= unix.CLONE_NEWPID
		pids().SkipOn(1, unix.EPERM)
		p.t.Set("", joined, nsenter.Int(1), 0)
	}
	p.t.Call("join namespaces of first process", unix.SYS_SETNS, hs.Builder.FD(), nsenter.Int(join))
	if apart {
		p.t.SkipIf(joined, 1)
		pids()
	}
}
