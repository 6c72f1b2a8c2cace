package plan

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/wire"
	"github.com/rung-oci/rung/nsenter"
)

// Where other containers see the first process it is born when its root filesystem is built and the pivot is done: before, it would
// have the host's root directory, and mounts from which a path leads to the host. All is done by another one, the builder,
// which stays in the runtime's pid namespace: it has entered the container's only for its children. (A neighbour with
// CAP_SYS_PTRACE sees who is in his pid namespace, and nobody else.)

// cloneBuilder has the player clone the builder into the container's cgroup. What there is to join it joins itself, and makes its
// namespaces: who is in a user namespace may enter no pid namespace of the host's, and whoever were cloned by
// who has entered the pid namespace would be in it.
func (p *planner) cloneBuilder(keep []nsenter.Slot) {
	p.Orders.Unified = p.t.FDSlot()
	keep = slices.Concat(keep, []nsenter.Slot{p.Orders.Unified}, p.Slots.Joined)
	if p.ns.timeByPlayer() && p.hasOffsets() {
		keep = append(keep, p.Slots.Proc)
	}
	p.closeAllBut(keep...)
	p.clone("clone builder", 0, p.Orders.Builder)
	p.deathSignal()
	p.letGo(p.Orders.Unified)
	p.enterAll()
	p.letGo(slices.DeleteFunc(slices.Clone(p.Slots.Joined), func(s nsenter.Slot) bool { return slices.Contains(p.bornJoins(), s) })...)
	if p.ns.timeByPlayer() && p.hasOffsets() {
		p.letGo(p.Slots.Proc)
	}
	if p.ns.clone != 0 {
		p.t.Call("make namespaces", unix.SYS_UNSHARE, nsenter.Uint(uintptr(p.ns.clone)))
	}
	msg, _ := p.t.Message(0)
	p.t.Call("report to runtime", unix.SYS_SENDMSG, p.Orders.Sock.FD(), msg.Addr(), nsenter.Int(unix.MSG_NOSIGNAL))
}

// cloneFirst has the builder clone the first process, with what the tape still needs.
func (p *planner) cloneFirst(late []nsenter.Slot) {
	keep := []nsenter.Slot{p.Slots.Gate, p.Slots.Status, p.Slots.Control}
	if p.terminal() {
		keep = append(keep, late[0])
	}
	p.closeAllBut(keep...)
	p.clone("clone first process", 0, p.Orders.Pid)
	p.deathSignal()
}

// A procfs is one that the builder can't make, because it isn't in the pid namespace.
type procfs struct {
	source, target string
	data           []string
}

// planProcfs plans the process that makes the procfs instances: in the pid namespace, where its root directory is an empty one
// and it has nothing open but a socket, by which it sends them to the runtime, without mounts. A mount would lead on by ".." once it
// is attached, to what is the host's until the pivot.
func (p *planner) planProcfs() *Plan {
	if len(p.procs) == 0 {
		return nil
	}
	host := *p.host
	host.Admit = false // it enters no cgroup
	q := &planner{Plan: &Plan{Tape: nsenter.NewTape()}, spec: p.spec, host: &host, opt: p.opt, ns: p.ns}
	q.t = q.Tape
	o := &q.Orders
	o.exec, o.Preserve = true, 0
	o.Pid, o.Helper, o.Sock = q.t.Slot(), q.t.Slot(), q.t.FDSlot()
	for range host.Joined {
		q.Slots.Joined = append(q.Slots.Joined, q.t.FDSlot())
	}
	q.appear()
	q.closeAllBut(append([]nsenter.Slot{o.Sock}, q.Slots.Joined...)...)
	q.enter(unix.CLONE_NEWUSER | unix.CLONE_NEWPID)
	q.letGo(q.Slots.Joined...)
	q.emptyRoot()
	q.clone("clone process", 0, o.Pid)
	q.deathSignal()
	q.send(p.procs)
	q.t.Call("end", unix.SYS_EXIT_GROUP, nsenter.Int(0))
	return q.Plan
}

// emptyRoot gives the process a root directory in which there is nothing, and from which no path leads anywhere.
func (p *planner) emptyRoot() {
	const label = "make empty root directory"
	fs, mnt := p.t.FDSlot(), p.t.FDSlot()
	p.t.Call(label+": make mount namespace", unix.SYS_UNSHARE, nsenter.Int(unix.CLONE_NEWNS)) // one of the user namespace's
	p.t.Call(label+": fsopen", unix.SYS_FSOPEN, p.t.Str("tmpfs"), nsenter.Int(unix.FSOPEN_CLOEXEC)).IntoFD(fs)
	p.t.Call(label, unix.SYS_FSCONFIG, fs.FD(), nsenter.Int(unix.FSCONFIG_CMD_CREATE), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	p.t.Call(label+": fsmount", unix.SYS_FSMOUNT, fs.FD(), nsenter.Int(unix.FSMOUNT_CLOEXEC), nsenter.Int(0)).IntoFD(mnt)
	p.t.Call(label, unix.SYS_FCHDIR, mnt.FD())
	p.t.Call(label, unix.SYS_CHROOT, p.t.Str("."))
	p.letGo(fs, mnt)
}

// send makes procfs instances and sends them.
func (p *planner) send(list []procfs) {
	for len(list) > 0 {
		some := list[:min(len(list), wire.Batch)]
		list = list[len(some):]
		msg, fds := p.t.Message(len(some))
		for i, m := range some {
			what := "mount proc at " + m.target
			p.t.Call(what+": fsopen", unix.SYS_FSOPEN, p.t.Str("proc"), nsenter.Int(unix.FSOPEN_CLOEXEC)).IntoFD(fds[i])
			for _, d := range append([]string{"source=" + m.source}, m.data...) {
				p.option(what, fds[i], d)
			}
			p.t.Call(what, unix.SYS_FSCONFIG, fds[i].FD(), nsenter.Int(unix.FSCONFIG_CMD_CREATE), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
		}
		p.t.Call("send file systems", unix.SYS_SENDMSG, p.Orders.Sock.FD(), msg.Addr(), nsenter.Int(unix.MSG_NOSIGNAL))
		p.letGo(fds...)
	}
}

func (p *planner) option(what string, fs nsenter.Slot, word string) {
	key, value, ok := cut(word)
	cmd, arg := unix.FSCONFIG_SET_FLAG, nsenter.Int(0)
	if ok {
		cmd, arg = unix.FSCONFIG_SET_STRING, p.t.Str(value)
	}
	p.t.Call(what+": option "+word, unix.SYS_FSCONFIG, fs.FD(), nsenter.Int(cmd), p.t.Str(key), arg, nsenter.Int(0))
}
