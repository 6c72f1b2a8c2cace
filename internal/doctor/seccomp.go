package doctor

import (
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// A word is an action or a flag of the configuration, and its number for seccomp(2).
type word struct {
	name  string
	bits  uint32
	since string // Linux
}

var actions = [...]word{
	{string(specs.ActKillProcess), unix.SECCOMP_RET_KILL_PROCESS, "4.14"},
	{string(specs.ActLog), unix.SECCOMP_RET_LOG, "4.14"},
	{string(specs.ActNotify), unix.SECCOMP_RET_USER_NOTIF, "5.0"},
	{string(specs.ActTrace), unix.SECCOMP_RET_TRACE, "3.5"},
	{string(specs.ActTrap), unix.SECCOMP_RET_TRAP, "3.5"},
}

// waitKillable is SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, which package unix hasn't.
const waitKillable = 1 << 5

var flags = [...]word{
	{string(specs.LinuxSeccompFlagLog), unix.SECCOMP_FILTER_FLAG_LOG, "4.14"},
	{string(specs.LinuxSeccompFlagSpecAllow), unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, "4.17"},
	{string(specs.LinuxSeccompFlagWaitKillableRecv), waitKillable | unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, "5.19"},
}

// filters is what seccomp(2) can do.
type filters struct {
	filter  trial
	actions [len(actions)]trial
	flags   [len(flags)]trial
}

// lookAtSeccomp has a child install a filter, and asks for the rest. A flag is known if it isn't what is wrong with a call that
// gives no filter.
func lookAtSeccomp() (f filters) {
	f.filter = try(0, filtered)
	seccomp := func(op int, flags uint32, arg func(*nsenter.Tape) nsenter.Arg) trial {
		return try(0, func(t *nsenter.Tape) {
			t.Call("seccomp", unix.SYS_SECCOMP, nsenter.Int(op), nsenter.Uint(uintptr(flags)), arg(t))
		})
	}
	for i, a := range actions {
		f.actions[i] = seccomp(unix.SECCOMP_GET_ACTION_AVAIL, 0, func(t *nsenter.Tape) nsenter.Arg {
			return t.Bytes(unsafe.Slice((*byte)(unsafe.Pointer(&a.bits)), unsafe.Sizeof(a.bits)))
		})
	}
	for i, w := range flags {
		f.flags[i] = seccomp(unix.SECCOMP_SET_MODE_FILTER, w.bits, func(*nsenter.Tape) nsenter.Arg { return nsenter.Int(0) })
	}
	return f
}

// filtered installs a filter by which umask fails, and makes that call.
func filtered(t *nsenter.Tape) {
	none := nsenter.Int(0)
	program := t.Filter([]unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.SYS_UMASK},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EXFULL)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	})
	t.Call("set no_new_privs", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_NO_NEW_PRIVS), nsenter.Int(1), none, none, none)
	t.Call("install filter", unix.SYS_SECCOMP, nsenter.Int(unix.SECCOMP_SET_MODE_FILTER), none, program)
	t.Call("be filtered", unix.SYS_UMASK, nsenter.Int(0o22)).SkipOn(1, unix.EXFULL)
	t.Fail("be filtered", unix.ENOSYS)
}

func (f *filters) judge() []Check {
	filter := Check{Name: "seccomp.filter", Status: OK, Need: Usual}
	if f.filter.err != nil {
		filter.Status, filter.Found, filter.Fails = Missing, f.filter.String(), "containers with linux.seccomp: those of most engines"
		filter.Mend = "build the kernel with CONFIG_SECCOMP_FILTER; in a container, have its own profile allow seccomp"
	}
	list := []Check{filter}
	for i, a := range actions {
		list = append(list, a.judge(f.actions[i].err == nil, f.actions[i], "the action"))
	}
	for i, w := range flags {
		list = append(list, w.judge(f.flags[i].is(unix.EFAULT), f.flags[i], "the flag"))
	}
	return list
}

func (w *word) judge(there bool, t trial, what string) Check {
	c := Check{Name: "seccomp." + w.name, Status: OK, Need: Optional}
	if !there {
		c.Status, c.Found, c.Fails = Missing, t.String(), what+" in linux.seccomp"
		c.Mend = "install Linux " + w.since + " or later"
	}
	return c
}
