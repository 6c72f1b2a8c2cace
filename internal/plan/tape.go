package plan

import (
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/wire"
	"github.com/rung-oci/rung/nsenter"
)

const wordSize = int(unsafe.Sizeof(uintptr(0)))

// tape is the visible order of all that the first process does, from its birth
// to the user's program.
func (p *planner) tape() {
	p.slots()
	p.appear()
	p.phase("birth")
	p.birth()
	p.phase("enter cgroup")
	p.cgroup()
	p.letGo(p.Slots.Tasks...)
	var offsets []nsenter.Slot
	if p.Orders.Gate {
		fds := 0
		if p.Orders.Offsets {
			fds = 1
		}
		offsets = p.receive("wait for id maps", fds)
	}
	p.phase("make namespaces")
	p.unshare(offsets)
	p.hide(!p.inspected())
	p.names()
	late := p.build()
	p.enterRoot(late)
	if p.seen {
		p.cloneFirst(late)
	}
	p.phase("become the user's process")
	if p.spec.Process != nil {
		var tty nsenter.Slot
		if p.terminal() {
			tty = late[0]
		}
		if p.prepares() {
			p.keyring()
		} else {
			p.prepare()
		}
		p.takeStdio(tty)
		p.handOn(p.Slots.Gate, p.Slots.Status, p.Slots.Control)
		p.identity()
	}
	p.phase("wait for start")
	p.handshake()
	p.phase("execve")
	p.execute()
	p.phase("")
}

// The room for what the first process is told to do, in entries and bytes. It may be told several
// times.
const (
	annexEntries = 448
	annexBytes   = 48 << 10
)

// build has this process make the calls of the steps, as root of its user namespace.
func (p *planner) build() (late []nsenter.Slot) {
	r := &p.Remote
	if p.ns.later&unix.CLONE_NEWNET != 0 {
		p.phase("make network namespace")
		p.t.Call("make network namespace", unix.SYS_UNSHARE, nsenter.Int(unix.CLONE_NEWNET))
		p.loopback()
	}
	if p.prepares() { // while the runtime makes the mounts
		p.phase("prepare")
		p.prepareEarly()
	}
	p.phase("receive mounts")
	var sent []nsenter.Slot
	n := len(p.procs) + len(p.Sources) + len(p.Orders.Within)
	for len(sent) < n {
		sent = append(sent, p.receive("receive mounts", min(n-len(sent), wire.Batch))...)
	}
	r.Contexts, r.Trees = sent[:len(p.procs)], sent[len(p.procs):]
	p.becomeRoot()
	if p.inspected() {
		p.show() // to who runs the hooks
	}
	p.t.Call("clear umask", unix.SYS_UMASK, nsenter.Int(0)) // the caller's has no part in what is made
	p.phase("make root filesystem")
	for range p.lateCount() {
		late = append(late, p.t.FDSlot())
	}
	r.Late = late
	r.Annex = p.t.Annex(p.Orders.Sock, annexEntries, annexBytes)
	p.hide(p.inspected())
	if p.prepares() {
		p.umask()
	}
	return late
}

// becomeRoot makes the process root of its user namespace, if it is in one of its own.
func (p *planner) becomeRoot() {
	if p.ns.user() {
		p.t.BecomeRoot()
		p.deathSignal()
	}
}

// slots reserves the places that others fill.
func (p *planner) slots() {
	t, o, s := p.t, &p.Orders, &p.Slots
	o.Pid, o.Helper, o.Sock = t.Slot(), t.Slot(), t.FDSlot()
	if p.seen {
		o.Builder = t.Slot()
	}
	s.Gate, s.Status, s.Control = t.FDSlot(), t.FDSlot(), t.FDSlot()
	for range len(directories(p.host)) + p.host.Groups {
		s.Tasks = append(s.Tasks, t.FDSlot())
	}
	for range p.host.Joined {
		s.Joined = append(s.Joined, t.FDSlot())
	}
	if p.ns.timeByPlayer() && p.hasOffsets() || p.labelled() {
		s.Proc = t.FDSlot()
	}
	o.Offsets = p.hasOffsets() && !p.ns.timeByPlayer()
}

// directories are the cgroup v1 directories of the container, each once.
func directories(h *Host) map[string]bool {
	dirs := make(map[string]bool)
	for key, dir := range h.Location {
		if key != "" {
			dirs[dir] = true
		}
	}
	return dirs
}

// birth lets go of what belongs to others before the process is there for a
// container to see. While it held what the player has it could not see its makers die and would wait for ever; and who may trace it
// could take a descriptor of the host's (CAP_SYS_PTRACE minds no dumpable flag).
func (p *planner) birth() {
	p.labels(p.Slots.Proc)
	s := &p.Slots
	keep := append([]nsenter.Slot{p.Orders.Sock, s.Gate, s.Status, s.Control}, s.Tasks...)
	if p.seen {
		p.cloneBuilder(keep)
	} else {
		p.player(keep)
	}
	p.deathSignal()
}

// bornJoins are the places of the namespaces that the first process itself enters.
func (p *planner) bornJoins() (list []nsenter.Slot) {
	for i, j := range p.host.Joined {
		if p.joinsBorn(j) {
			list = append(list, p.Slots.Joined[i])
		}
	}
	return list
}

// deathSignal has the process die with the runtime's main thread while the
// container isn't complete. A change of ids clears it.
func (p *planner) deathSignal() {
	if p.opt.Outlives {
		return
	}
	p.t.Call("set death signal", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_PDEATHSIG), nsenter.Int(int(unix.SIGKILL)))
}

// clearDeathSignal has the process outlive the runtime.
func (p *planner) clearDeathSignal() {
	p.t.Call("clear death signal", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_PDEATHSIG), nsenter.Int(0))
}

// player is the part of the tape that the player plays: it joins existing
// namespaces, closes all but what its child is to keep, clones the first process as a
// child of its own parent and exits.
func (p *planner) player(keep []nsenter.Slot) {
	p.enterAll()
	p.Orders.Unified = p.t.FDSlot()
	if p.host.NoMounts && p.host.Location[""] != "" && p.ns.joined&unix.CLONE_NEWUSER != 0 && p.ns.clone&unix.CLONE_NEWNS != 0 {
		p.detachCgroup(p.Orders.Unified)
	}
	p.closeAllBut(append(append(keep, p.Orders.Unified), p.bornJoins()...)...)
	p.clone("clone first process", p.ns.clone, p.Orders.Pid)
	p.letGo(p.Orders.Unified)
}

// clone is where a process has a child that goes on in its place, a child of its own parent.
func (p *planner) clone(label string, flags uint64, pid nsenter.Slot) {
	args := p.t.CloneArgs(flags|unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID, pid)
	if p.Orders.CloneArgs == 0 {
		p.Orders.CloneArgs = args.Slot
	}
	p.t.Call(label, unix.SYS_CLONE3, args.Slot.Addr(), nsenter.Int(args.Size)).Fork()
}

// enter joins existing namespaces of some kinds. Those of the host's come first: from inside
// a user namespace they can't be entered any more.
func (p *planner) enter(kinds int) {
	for _, inner := range []bool{false, true} {
		if inner {
			p.join(func(j Joined) bool { return j.Flag&kinds == unix.CLONE_NEWUSER })
		}
		p.join(func(j Joined) bool {
			return j.Inner == inner && j.Flag&kinds != 0 && j.Flag != unix.CLONE_NEWUSER && !p.joinsBorn(j)
		})
	}
}

// enterAll joins all that exist, and prepares a time namespace.
func (p *planner) enterAll() {
	p.enter(-1)
	if p.ns.timeByPlayer() {
		p.timeNamespace()
		p.writeOffsets(p.openOffsets())
	}
}

// detachCgroup puts a clone of the cgroup's mount in the place of the directory that
// a process is to be born by, as the runtime does where it may, see
// [cgroups.Entry.Detach]: an ordinary user may in a mount namespace of the user
// namespace that he has joined.
func (p *planner) detachCgroup(place nsenter.Slot) {
	dir, fd := p.host.Location[""], p.t.Slot()
	p.t.Call("make mount namespace", unix.SYS_UNSHARE, nsenter.Int(unix.CLONE_NEWNS))
	p.t.Call("clone mount of cgroup "+dir, unix.SYS_OPEN_TREE, nsenter.Int(unix.AT_FDCWD), p.t.Str(dir), nsenter.Int(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).
		Into(fd).SkipOn(2, unix.EINVAL, unix.EPERM) // something is mounted there, or a security module is against it
	p.t.Call("use clone of cgroup "+dir, unix.SYS_DUP3, fd.Value(), place.FD(), nsenter.Int(unix.O_CLOEXEC))
	p.t.Call("close descriptor", unix.SYS_CLOSE, fd.Value()).Ignore()
}

// joinsBorn tells whether the first process itself enters a namespace: that of
// cgroups, see [namespaces.joins], unless only the helper may.
func (p *planner) joinsBorn(j Joined) bool {
	return j.Flag == unix.CLONE_NEWCGROUP && (j.Inner || !p.ns.user())
}

func (p *planner) join(wanted func(Joined) bool) {
	for i, j := range p.host.Joined {
		if wanted(j) {
			p.t.Call("join "+nsName(j.Flag)+" namespace", unix.SYS_SETNS, p.Slots.Joined[i].FD(), nsenter.Int(j.Flag))
		}
	}
}

func nsName(flag int) string {
	for _, t := range []specs.LinuxNamespaceType{
		specs.PIDNamespace, specs.NetworkNamespace, specs.MountNamespace, specs.IPCNamespace,
		specs.UTSNamespace, specs.UserNamespace, specs.CgroupNamespace, specs.TimeNamespace,
	} {
		if Flag(t) == flag {
			return string(t)
		}
	}
	return "unknown"
}

// cgroup enters the v1 hierarchies, and resctrl groups: writing 0 moves the writer, at a fraction
// of the cost of moving another process.
func (p *planner) cgroup() {
	for i, s := range p.Slots.Tasks {
		what := "enter cgroup"
		if i >= len(p.Slots.Tasks)-p.host.Groups { // resctrl's directories work alike
			what = "enter resctrl group"
		}
		p.t.Call(what, unix.SYS_WRITE, s.FD(), p.t.Str("0"), nsenter.Int(1))
	}
}

func (p *planner) hasOffsets() bool {
	return p.ns.later&unix.CLONE_NEWTIME != 0 && len(p.linux().TimeOffsets) > 0
}

// unshare makes the namespaces that clone can't make right: a cgroup namespace
// has its root where its maker is, so that must be the container's cgroup. One that
// exists is entered here too.
func (p *planner) unshare(offsets []nsenter.Slot) {
	if p.ns.timeLater() {
		p.timeNamespace()
	}
	if len(offsets) > 0 {
		p.writeOffsets(offsets[0])
	}
	p.join(p.joinsBorn)
	p.letGo(p.bornJoins()...)
	if p.ns.later&unix.CLONE_NEWCGROUP != 0 {
		p.t.Call("make cgroup namespace", unix.SYS_UNSHARE, nsenter.Int(unix.CLONE_NEWCGROUP))
	}
	if p.ns.clone&unix.CLONE_NEWNET != 0 {
		p.loopback()
	}
}

// loopback brings up lo, which is down in a new network namespace: programs expect
// that they can talk to themselves. A socket of any kind will do.
func (p *planner) loopback() {
	const up = unix.IFF_UP
	var request [40]byte // struct ifreq; smaller on 32-bit ports
	copy(request[:], "lo")
	binary.NativeEndian.PutUint16(request[unix.IFNAMSIZ:], up)
	sock := p.t.Slot()
	p.t.Call("bring up lo: make socket", unix.SYS_SOCKET, nsenter.Int(unix.AF_UNIX), nsenter.Int(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), nsenter.Int(0)).Into(sock)
	p.t.Call("bring up lo", unix.SYS_IOCTL, sock.Value(), nsenter.Int(unix.SIOCSIFFLAGS), p.t.Bytes(request[:]))
	p.t.Call("close descriptor", unix.SYS_CLOSE, sock.Value())
}

// timeNamespace makes a time namespace.
func (p *planner) timeNamespace() {
	p.t.Call("make time namespace", unix.SYS_UNSHARE, nsenter.Int(unix.CLONE_NEWTIME))
}

// openOffsets opens the file of a new time namespace's offsets, where that is to be.
func (p *planner) openOffsets() nsenter.Slot {
	fd := p.t.FDSlot()
	if p.hasOffsets() {
		p.t.Call("open time offsets", unix.SYS_OPENAT, p.Slots.Proc.FD(), p.t.Str("self/timens_offsets"), nsenter.Int(unix.O_WRONLY|unix.O_CLOEXEC)).IntoFD(fd)
	}
	return fd
}

// writeOffsets sets the clocks of a new time namespace, which must be done before a
// process is in it.
func (p *planner) writeOffsets(fd nsenter.Slot) {
	if !p.hasOffsets() {
		return
	}
	var b strings.Builder
	for _, clock := range sorted(p.linux().TimeOffsets) {
		off := p.linux().TimeOffsets[clock]
		fmt.Fprintf(&b, "%s %d %d\n", clock, off.Secs, off.Nanosecs)
	}
	text := b.String()
	p.t.Call("set time offsets", unix.SYS_WRITE, fd.FD(), p.t.Str(text), nsenter.Int(len(text)))
	p.t.Call("close time offsets", unix.SYS_CLOSE, fd.FD())
}

// names sets host and domain name of the container's UTS namespace.
func (p *planner) names() {
	if h := p.spec.Hostname; h != "" {
		p.t.Call("set hostname "+h, unix.SYS_SETHOSTNAME, p.t.Str(h), nsenter.Int(len(h)))
	}
	if d := p.spec.Domainname; d != "" {
		p.t.Call("set domainname "+d, unix.SYS_SETDOMAINNAME, p.t.Str(d), nsenter.Int(len(d)))
	}
}

// lateCount is how many descriptors the steps leave: the terminal, the root.
func (p *planner) lateCount() int {
	n := 0
	if p.terminal() {
		n++
	}
	if p.handsRoot() {
		n++
	}
	return n
}

// receive waits for the runtime's word. When it has died there is none.
func (p *planner) receive(label string, fds int) []nsenter.Slot {
	msg, slots := p.t.Message(fds)
	p.t.Call(label, unix.SYS_RECVMSG, p.Orders.Sock.FD(), msg.Addr(), nsenter.Int(unix.MSG_CMSG_CLOEXEC)).Demand()
	return slots
}

// enterRoot goes to the container's root. pivot_root(2) has moved the root of
// this process already; otherwise it moves by itself.
func (p *planner) enterRoot(late []nsenter.Slot) {
	switch {
	case p.handsRoot():
		p.t.Call("enter root filesystem", unix.SYS_FCHDIR, late[len(late)-1].FD())
		p.t.Call("change root", unix.SYS_CHROOT, p.t.Str("."))
	case !p.ns.isNew(specs.MountNamespace):
		fd := p.t.Slot()
		p.t.Call("open root filesystem "+p.opt.Rootfs, unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), p.t.Str(p.opt.Rootfs),
			nsenter.Int(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).Into(fd)
		p.t.Call("enter root filesystem", unix.SYS_FCHDIR, fd.Value())
		p.t.Call("change root", unix.SYS_CHROOT, p.t.Str("."))
	}
	p.t.Call("change to root directory", unix.SYS_CHDIR, p.t.Str("/"))
}

// handshake tells the runtime that everything is set up, and waits until it has
// written that down. From then on the container lives without it.
func (p *planner) handshake() {
	p.notify()
	p.show() // before the runtime looks: a /proc with hidepid=2 shows an ordinary user no other
	t, buf := p.t, p.t.Alloc(8)
	ctl := p.Slots.Control
	t.Call("report to runtime", unix.SYS_WRITE, ctl.FD(), buf.Addr(), nsenter.Int(1))
	t.Call("wait for runtime", unix.SYS_READ, ctl.FD(), buf.Addr(), nsenter.Int(1)).Demand()
	p.clearDeathSignal()
	t.Mark(nsenter.PhaseWaiting)
	t.Call("confirm to runtime", unix.SYS_WRITE, ctl.FD(), buf.Addr(), nsenter.Int(1)).Ignore()
	t.Call("close control socket", unix.SYS_CLOSE, ctl.FD()).Ignore()
	t.Call("wait for start", unix.SYS_READ, p.Slots.Gate.FD(), buf.Addr(), nsenter.Int(1)).Demand()
	t.Mark(nsenter.PhaseStarted)
	t.Call("close gate", unix.SYS_CLOSE, p.Slots.Gate.FD()).Ignore()
}

// execute becomes the user's program. The status FIFO closes by it, which is
// how `start` learns of it.
func (p *planner) execute() {
	if p.spec.Process == nil {
		p.t.Fail("!process property must not be empty", unix.EINVAL)
		return
	}
	argv, envp := p.vectors()
	p.installFilter()
	p.t.Mark(nsenter.PhaseExec)
	p.t.Call(fmt.Sprintf("exec %s", p.spec.Process.Args[0]), unix.SYS_EXECVE, p.program.Value(), argv, envp).Demand()
}

// Text is the error of a tape's entry: its label, and the cause unless the label
// says it all ("!…").
func Text(label string, errno uint32) string {
	if len(label) > 0 && label[0] == '!' {
		return label[1:]
	}
	if errno == nsenter.ErrPeerGone {
		if strings.HasPrefix(label, "exec ") || strings.HasPrefix(label, "fork/exec ") { // a seccomp profile has it so
			return label + ": errno 0"
		}
		return label + ": the process at the other end has died"
	}
	return label + ": " + syscall.Errno(errno).Error()
}
