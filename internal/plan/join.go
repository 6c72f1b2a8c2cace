package plan

import (
	"math"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// JoinSlots are the places of the descriptors by which a process comes into a
// container.
type JoinSlots struct {
	Init    nsenter.Slot // a pidfd of the container's init
	Unified nsenter.Slot // the v2 cgroup that the process is born in
	Root    nsenter.Slot // the container's root directory
	// CgroupNS is a file of the container's cgroup namespace, where a pidfd doesn't
	// lead to it; else 0.
	CgroupNS nsenter.Slot
	// Time is a file of the time namespace of the container's program, where its init isn't in that
	// before it runs the program; else 0. Without a descriptor it is the init's.
	Time    nsenter.Slot
	Control nsenter.Slot // socket to the runtime, where an agent is to have the filter's descriptor; else 0
}

// joining begins the plan of a process that joins the container of s, and
// reserves the places of its descriptors.
func joining(s *specs.Spec, host *Host, opt *Options) (*planner, JoinSlots, error) {
	p := &planner{Plan: &Plan{Tape: nsenter.NewTape()}, spec: s, host: host, opt: opt, null: -1, dir: -1}
	p.t = p.Tape
	p.t.Reserve(160, 8<<10)
	p.ns = sortNamespaces(s, host)
	o := &p.Orders
	o.exec, o.Preserve = true, opt.Preserve
	if err := p.seccomp(); err != nil {
		return nil, JoinSlots{}, err
	}
	p.slots()
	p.appear()
	js := JoinSlots{Init: p.t.FDSlot(), Unified: p.t.FDSlot(), Root: p.t.FDSlot()}
	p.keep(js.Init, js.Unified)
	p.keep(p.Slots.Tasks...)
	if _, born := p.ns.joins(); born != 0 && p.ns.user() {
		js.CgroupNS = p.t.FDSlot()
		p.keep(js.CgroupNS)
	}
	if p.ns.timeLater() {
		js.Time = p.t.FDSlot()
		p.keep(js.Time)
	}
	if p.notifies() {
		js.Control = p.t.FDSlot()
		p.Slots.Control = js.Control
		p.keep(js.Control)
	}
	if !p.ns.isNew(specs.MountNamespace) {
		p.keep(js.Root)
	}
	return p, js, nil
}

// appear is what a player begins with: it is closed to
// others, named, and loses at an execve whatever it has inherited for itself.
func (p *planner) appear() {
	p.deathSignal()                          // which a fork doesn't inherit, as a player in Go is one
	if p.Orders.Dumpable && !p.Orders.exec { // which it isn't born: nobody may read the player
		p.show()
	} else {
		p.t.Call("become undumpable", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_DUMPABLE), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	}
	p.t.Call("name process", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_NAME), p.t.Str(Title))
	p.t.Call("close descriptors at execve", unix.SYS_CLOSE_RANGE, nsenter.Int(3), nsenter.Uint(math.MaxUint32), nsenter.Int(unix.CLOSE_RANGE_CLOEXEC))
	if p.host.Admit {
		p.Slots.Admit = p.t.FDSlot()
		p.t.Call("wait until systemd lets it in", unix.SYS_READ, p.Slots.Admit.FD(), p.t.Slot().Addr(), nsenter.Int(1)).Demand()
	}
}

// keep names descriptors that are still needed after the process that joins has
// let go of all others.
func (p *planner) keep(slots ...nsenter.Slot) { p.Slots.Keep = append(p.Slots.Keep, slots...) }

// joinInit plans the way into the container of a process that doesn't belong to
// it yet. A first process stays in the host's pid namespace: it does asHost,
// which takes rights on the host and is inherited, lets go of all that isn't
// kept, joins the namespaces of the init and forks, because only a child is in a
// joined pid namespace. The second one, which the container can see from its
// first moment, lets go of the host's descriptors when they have served.
func (p *planner) joinInit(js JoinSlots, asHost func()) {
	asHost()
	p.handOn(p.Slots.Keep...)
	p.phase("join namespaces")
	flags, born := p.ns.joins()
	if flags&unix.CLONE_NEWUSER != 0 && p.host.NoMounts && p.host.Location[""] != "" {
		p.t.Call("join user namespace of container", unix.SYS_SETNS, js.Init.FD(), nsenter.Int(unix.CLONE_NEWUSER))
		flags &^= unix.CLONE_NEWUSER
		p.detachCgroup(js.Unified)
	}
	if flags != 0 {
		p.t.Call("join namespaces of container", unix.SYS_SETNS, js.Init.FD(), nsenter.Int(flags))
	}
	if js.Time != 0 {
		p.timeOfChildren(js.Time)
	}
	p.enterRootOf(js)
	p.phase("clone")
	args := p.t.CloneArgs(unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID, p.Orders.Pid)
	p.Orders.CloneArgs = args.Slot
	p.t.Call("clone process", unix.SYS_CLONE3, args.Slot.Addr(), nsenter.Int(args.Size)).Fork()
	if born != 0 {
		p.t.Call("join cgroup namespace of container", unix.SYS_SETNS, js.cgroupNS().FD(), nsenter.Int(born))
	}
	p.letGo(js.leads()...)
	p.deathSignal()
	p.cgroup()
	p.letGo(p.Slots.Tasks...)
	if p.ns.user() {
		p.t.BecomeRoot()
		p.deathSignal()
	}
}

// timeOfChildren joins the time namespace that another process has for its children and its program, if there is a descriptor.
func (p *planner) timeOfChildren(s nsenter.Slot) {
	p.t.Call("join time namespace", unix.SYS_SETNS, s.FD(), nsenter.Int(unix.CLONE_NEWTIME)).Tolerate(unix.EBADF)
	p.letGo(s)
}

// enterRootOf goes to the container's root, while the process can't be seen from
// there. Only in a mount namespace made for the container that is where setns(2) leads;
// elsewhere the descriptor by which it is entered leads out of it.
func (p *planner) enterRootOf(js JoinSlots) {
	if !p.ns.isNew(specs.MountNamespace) {
		p.t.Call("enter root filesystem", unix.SYS_FCHDIR, js.Root.FD())
		p.t.Call("change root", unix.SYS_CHROOT, p.t.Str("."))
		p.letGo(js.Root)
	}
	p.t.Call("change to root directory", unix.SYS_CHDIR, p.t.Str("/"))
}

// cgroupNS is the place of what leads to the container's cgroup namespace. In a
// user namespace that is no pidfd: setns(2) by one asks for the right to trace the
// init, and while that is still our own program, or another that made itself
// non-dumpable, only the host has it.
func (js JoinSlots) cgroupNS() nsenter.Slot {
	if js.CgroupNS != 0 {
		return js.CgroupNS
	}
	return js.Init
}

// leads are the places of what has served when the process is where it belongs.
func (js JoinSlots) leads() []nsenter.Slot {
	if js.CgroupNS != 0 {
		return []nsenter.Slot{js.Init, js.CgroupNS, js.Unified}
	}
	return []nsenter.Slot{js.Init, js.Unified}
}

// agent has the runtime give the filter's descriptor to an agent, if one is to
// answer calls: from here on.
func (p *planner) agent(js JoinSlots) {
	if p.notifies() {
		p.notify()
		p.letGo(js.Control)
	}
}

// letGo closes descriptors.
func (p *planner) letGo(slots ...nsenter.Slot) {
	for _, s := range slots {
		p.t.Call("close descriptor", unix.SYS_CLOSE, s.FD()).Ignore()
	}
}
