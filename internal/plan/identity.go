package plan

import (
	"strings"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/nsenter"
)

// cut splits an option word at its first "=".
func cut(word string) (key, value string, ok bool) { return strings.Cut(word, "=") }

// prepares tells whether the process that builds prepares itself while the runtime makes the mounts: in a
// user namespace it has to become its root first, and where others see the first process it isn't that.
func (p *planner) prepares() bool { return p.spec.Process != nil && !p.ns.user() && !p.seen }

// prepare gives the process all that needs nobody else: a session, a keyring, a
// clean slate of what it inherited, and its bounding set.
func (p *planner) prepare() {
	p.prepareEarly()
	p.keyring()
}

// prepareEarly is prepare without the keyring: what the process opens from then on would hold that, as the terminal's
// other end, which lives as long as whoever gets it.
func (p *planner) prepareEarly() {
	p.t.Call("start session", unix.SYS_SETSID)
	p.cleanSlate()
	p.bounding()
}

// takeStdio gives the process the terminal tty or its caller's standard
// descriptors.
func (p *planner) takeStdio(tty nsenter.Slot) {
	t, uid := p.t, nsenter.Int(int(p.spec.Process.User.UID))
	if p.terminal() {
		t.Call("take terminal", unix.SYS_IOCTL, tty.FD(), nsenter.Int(unix.TIOCSCTTY), nsenter.Int(0))
		for fd := range 3 {
			t.Call("use terminal", unix.SYS_DUP3, tty.FD(), nsenter.Int(fd), nsenter.Int(0))
		}
		t.Call("change owner of terminal", nsenter.SysFchown, nsenter.Int(0), uid, nsenter.Int(-1)).Ignore()
	} else {
		for fd := range 3 {
			if !p.host.Null[fd] { // the host's /dev/null stays the host's
				t.Call("change owner of standard descriptor", nsenter.SysFchown, nsenter.Int(fd), uid, nsenter.Int(-1)).Ignore()
			}
		}
	}
}

// handOn lets the user's program have the preserved descriptors. Of the others
// the tape keeps the few that it still needs.
func (p *planner) handOn(keep ...nsenter.Slot) {
	for fd := range p.opt.Preserve {
		p.t.Call("preserve descriptor", unix.SYS_FCNTL, nsenter.Int(3+fd), nsenter.Int(unix.F_SETFD), nsenter.Int(0))
	}
	p.closeAllBut(keep...)
}

// cleanSlate gives the process defaults where it would have its caller's.
func (p *planner) cleanSlate() {
	p.signals()
	p.umask()
	p.affinity()
	p.personality()
	p.memoryPolicy()
}

func (p *planner) umask() {
	umask := 0o022
	if u := p.spec.Process.User.Umask; u != nil {
		umask = int(*u)
	}
	p.t.Call("set umask", unix.SYS_UMASK, nsenter.Int(umask))
}

// keyring joins a session keyring of the container's own: the caller's keys
// are not for it. Searching must be allowed to the owner, as runc has it.
func (p *planner) keyring() {
	if p.opt.NoNewKeyring {
		return
	}
	const defaultPerm, userSearch = 0x3f130000, 0x80000 // all to who possesses it; view, read and link to its user
	key := p.t.Slot()
	p.t.Call("join session keyring", unix.SYS_KEYCTL, nsenter.Int(unix.KEYCTL_JOIN_SESSION_KEYRING), p.t.Str("_ses."+p.opt.ID)).
		Into(key).SkipOn(1, unix.ENOSYS)
	p.t.Call("set permissions of session keyring", unix.SYS_KEYCTL, nsenter.Int(unix.KEYCTL_SETPERM), key.Value(), nsenter.Uint(defaultPerm|userSearch))
}

// signals unblocks everything and gives every signal its default: a caller's
// mask and what it ignores come down to here.
func (p *planner) signals() {
	none := p.t.Alloc(32)
	const setSize = 8 * (1 + mips/2) // bytes of a signal set
	p.t.Call("unblock signals", unix.SYS_RT_SIGPROCMASK, nsenter.Int(sigSetmask), none.Addr(), nsenter.Int(0), nsenter.Int(setSize))
	for s := 1; s <= lastSignal; s++ {
		if s != int(unix.SIGKILL) && s != int(unix.SIGSTOP) {
			p.t.Call("reset signal", unix.SYS_RT_SIGACTION, nsenter.Int(s), none.Addr(), nsenter.Int(0), nsenter.Int(setSize))
		}
	}
}

// affinity allows every processor: the caller's restriction isn't the
// container's. The cgroup's cpuset still holds.
func (p *planner) affinity() {
	mask := make([]byte, nsenter.MaskSize)
	for i := range mask {
		mask[i] = 0xff
	}
	p.t.Call("reset cpu affinity", unix.SYS_SCHED_SETAFFINITY, nsenter.Int(0), nsenter.Int(nsenter.MaskSize), p.t.Bytes(mask)).Ignore()
}

// closeAllBut closes all descriptors but the preserved ones and those that the
// tape still needs. Close-on-exec would be too late: execve looks paths up
// before (CVE-2024-21626).
func (p *planner) closeAllBut(keep ...nsenter.Slot) {
	c := Closing{Keep: keep}
	for range 2 * (len(keep) + 1) {
		c.Ranges = append(c.Ranges, p.t.Slot())
	}
	for i := 0; i < len(c.Ranges); i += 2 {
		p.t.Call("close descriptors", unix.SYS_CLOSE_RANGE, c.Ranges[i].Value(), c.Ranges[i+1].Value(), nsenter.Int(0)).Tolerate(unix.EINVAL)
	}
	p.Orders.Closings = append(p.Orders.Closings, c)
}

// identity gives the process its rights: limits, capabilities, ids, and finds
// its working directory and program as the user it will be.
func (p *planner) identity() {
	if !p.host.NoInspector {
		p.OOMScoreAdj = p.spec.Process.OOMScoreAdj
	}
	p.limits()
	p.scheduleFirst()
	p.enterProgram()
}

// enterProgram gives the process its rights, and finds its working directory and
// its program.
func (p *planner) enterProgram() {
	var moved nsenter.Slot
	p.rights(func() { moved = p.chdir() })
	p.chdirAgain(moved)
	p.findProgram()
}

// limits sets the rlimits, or leaves it to the runtime: raising one takes rights
// on the host. In a user namespace that is joined and others', a runtime without
// CAP_SYS_RESOURCE can't set any of another process: what lowers one the process does itself.
func (p *planner) limits() {
	switch {
	case !p.ns.user():
		p.ownLimits()
		return
	case !p.ns.isNew(specs.UserNamespace):
		p.ownLimits(unix.EPERM)
	}
	p.Rlimits = p.rlimits()
}

// granted are the capabilities that the process gets.
func (p *planner) granted() Capabilities {
	return capabilities(p.spec.Process.Capabilities, given(p.host, p.ns.user()))
}

// bounding takes away for ever what the process may not have.
func (p *planner) bounding() {
	set := p.granted().Bounding
	for c := range 64 {
		if !set.Has(c) {
			p.t.Call("drop capability from bounding set", unix.SYS_PRCTL, nsenter.Int(unix.PR_CAPBSET_DROP), nsenter.Int(c)).Tolerate(unix.EINVAL)
		}
	}
}

// rights sets capabilities and ids; asRoot is planned for the last moment before
// the process may cease to be root.
func (p *planner) rights(asRoot func()) {
	t, proc := p.t, p.spec.Process
	if proc.NoNewPrivileges {
		t.Call("set no_new_privs", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_NO_NEW_PRIVS), nsenter.Int(1), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	}
	asRoot()
	t.Call("keep capabilities", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_KEEPCAPS), nsenter.Int(1), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	p.ids()
	p.setCaps(p.forFilter(p.granted()))
	p.deathSignal()
}

// ownLimits sets the rlimits from inside, while the process is still root.
func (p *planner) ownLimits(tolerated ...unix.Errno) {
	for _, r := range p.rlimits() {
		lim := p.t.Bytes(unsafe.Slice((*byte)(unsafe.Pointer(&unix.Rlimit{Cur: r.Soft, Max: r.Hard})), unsafe.Sizeof(unix.Rlimit{})))
		p.t.Call("set rlimit "+r.Type, unix.SYS_PRLIMIT64, nsenter.Int(0), nsenter.Int(Resource(r.Type)), lim, nsenter.Int(0)).Tolerate(tolerated...)
	}
}

// ids sets groups, gid and uid, in the one order that works. Groups are always
// set, to exactly what is configured, or the caller's would stay.
// One annotation has them stay.
func (p *planner) ids() {
	t, u := p.t, &p.spec.Process.User
	switch {
	case spec.KeepsGroups(p.spec):
	case len(u.AdditionalGids) > 0:
		list := unsafe.Slice((*byte)(unsafe.Pointer(&u.AdditionalGids[0])), 4*len(u.AdditionalGids))
		t.Call("set additional groups", nsenter.SysSetgroups, nsenter.Int(len(u.AdditionalGids)), t.Bytes(list))
	case p.ns.user() || p.host.UserNS:
		t.Call("drop groups", nsenter.SysSetgroups, nsenter.Int(0), nsenter.Int(0)).Tolerate(unix.EPERM)
	default:
		t.Call("drop groups", nsenter.SysSetgroups, nsenter.Int(0), nsenter.Int(0))
	}
	uid, gid := nsenter.Uint(uintptr(u.UID)), nsenter.Uint(uintptr(u.GID))
	t.Call("set group id", nsenter.SysSetresgid, gid, gid, gid)
	t.Call("set user id", nsenter.SysSetresuid, uid, uid, uid)
}

func (p *planner) setCaps(set Capabilities) {
	t := p.t
	t.Call("reset keepcaps", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_KEEPCAPS), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	for i := range data {
		shift := 32 * i
		data[i] = unix.CapUserData{Effective: uint32(set.Effective >> shift), Permitted: uint32(set.Permitted >> shift), Inheritable: uint32(set.Inheritable >> shift)}
	}
	label := "set capabilities"
	if lacks := set.Inheritable &^ set.Bounding; lacks != 0 { // the kernel gives them to nobody who hasn't inherited them himself
		label += ": inheritable and not in the bounding set: " + strings.Join(lacks.Names(), " ")
	}
	t.Call(label, unix.SYS_CAPSET,
		t.Bytes(unsafe.Slice((*byte)(unsafe.Pointer(&header)), unsafe.Sizeof(header))),
		t.Bytes(unsafe.Slice((*byte)(unsafe.Pointer(&data)), unsafe.Sizeof(data))))
	prctl := func(label string, op, c int) nsenter.Entry {
		return t.Call(label, unix.SYS_PRCTL, nsenter.Int(unix.PR_CAP_AMBIENT), nsenter.Int(op), nsenter.Int(c), nsenter.Int(0), nsenter.Int(0))
	}
	prctl("clear ambient capabilities", unix.PR_CAP_AMBIENT_CLEAR_ALL, 0)
	for c := range 64 {
		if set.Ambient.Has(c) {
			prctl("raise ambient capability", unix.PR_CAP_AMBIENT_RAISE, c).Ignore()
		}
	}
}
