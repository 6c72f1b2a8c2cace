package plan

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// HookSlots are the places of descriptors in the tape of a hook.
type HookSlots struct {
	Init          nsenter.Slot // a pidfd of the container's init
	Root          nsenter.Slot // the container's root directory
	Stdin, Output nsenter.Slot
}

// StartContainerHook plans a startContainer hook: a program of the container's,
// run as the container's process would be, in all its namespaces and its
// cgroup.
func StartContainerHook(s *specs.Spec, host *Host, h *specs.Hook) (*Plan, HookSlots, error) {
	p := &planner{Plan: &Plan{Tape: nsenter.NewTape()}, spec: s, host: host, opt: &Options{}, null: -1, dir: -1}
	p.t = p.Tape
	p.ns = sortNamespaces(s, host)
	p.Orders.ByTape, p.Orders.Exec, p.Orders.Cgroup = true, true, -1
	if err := p.seccompAfterwards(); err != nil {
		return nil, HookSlots{}, err
	}
	p.slots()
	hs := HookSlots{Init: p.t.FDSlot(), Root: p.t.FDSlot(), Stdin: p.t.FDSlot(), Output: p.t.FDSlot()}
	p.joinInit(hs.Init, hs.Root)
	p.t.Call("start process group", unix.SYS_SETPGID, nsenter.Int(0), nsenter.Int(0))
	for fd, from := range []nsenter.Slot{hs.Stdin, hs.Output, hs.Output} {
		p.t.Call("set standard descriptor", unix.SYS_DUP3, from.FD(), nsenter.Int(fd), nsenter.Int(0))
	}
	p.cleanSlate()
	p.closeRanges(0)
	p.limits()
	p.rights(func() {})
	args := h.Args
	if len(args) == 0 {
		args = []string{h.Path}
	}
	p.installFilter()
	p.t.Mark(nsenter.PhaseExec)
	p.t.Call("exec "+h.Path, unix.SYS_EXECVE, p.t.Str(h.Path), p.t.Strs(args, 0).Addr(), p.t.Strs(h.Env, 0).Addr())
	return p.Plan, hs, nil
}

// joinInit plans the way into the container of a process that doesn't belong to
// it yet: a helper joins the namespaces of the init and forks, because only a
// child is in a joined pid namespace.
func (p *planner) joinInit(init, root nsenter.Slot) {
	if flags := p.ns.clone | p.ns.later | p.ns.joined; flags != 0 {
		p.t.Call("join namespaces of container", unix.SYS_SETNS, init.FD(), nsenter.Int(int(flags)))
	}
	args := p.t.CloneArgs(unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID, p.Orders.Pid)
	p.Orders.CloneArgs = args.Slot
	p.t.Call("clone process", unix.SYS_CLONE3, args.Slot.Addr(), nsenter.Int(args.Size)).Fork()
	for _, f := range p.Orders.Foreign {
		p.t.Call("close foreign descriptor", unix.SYS_CLOSE, f.FD()).Ignore()
	}
	p.deathSignal()
	p.cgroup()
	p.insideInit(root)
}

// insideInit makes a process in the container's namespaces root of them, in its
// root directory. Only in a mount namespace made for the container that is where
// setns(2) leads.
func (p *planner) insideInit(root nsenter.Slot) {
	if p.ns.user() {
		p.t.BecomeRoot()
		p.deathSignal()
	}
	if !p.ns.isNew(specs.MountNamespace) {
		p.t.Call("enter root filesystem", unix.SYS_FCHDIR, root.FD())
		p.t.Call("change root", unix.SYS_CHROOT, p.t.Str("."))
	}
	p.t.Call("change to root directory", unix.SYS_CHDIR, p.t.Str("/"))
}
