package doctor

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cpulist"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/nsenter"
)

// A syscall is a system call that rung doesn't go without.
type syscall struct {
	name  string
	nr    uintptr
	since string // Linux
}

var syscalls = [...]syscall{
	{"clone3", unix.SYS_CLONE3, "5.3"},
	{"close_range", unix.SYS_CLOSE_RANGE, "5.9"},
	{"execveat", unix.SYS_EXECVEAT, "3.19"},
	{"fsconfig", unix.SYS_FSCONFIG, "5.2"},
	{"fsmount", unix.SYS_FSMOUNT, "5.2"},
	{"fsopen", unix.SYS_FSOPEN, "5.2"},
	{"memfd_create", unix.SYS_MEMFD_CREATE, "3.17"},
	{"mount_setattr", unix.SYS_MOUNT_SETATTR, "5.12"},
	{"move_mount", unix.SYS_MOVE_MOUNT, "5.2"},
	{"open_tree", unix.SYS_OPEN_TREE, "5.2"},
	{"openat2", unix.SYS_OPENAT2, "5.6"},
	{"pidfd_open", unix.SYS_PIDFD_OPEN, "5.3"},
	{"pidfd_send_signal", unix.SYS_PIDFD_SEND_SIGNAL, "5.1"},
	{"pivot_root", unix.SYS_PIVOT_ROOT, "2.4"},
	{"setns", unix.SYS_SETNS, "3.0"},
	{"unshare", unix.SYS_UNSHARE, "2.6.16"},
}

// The least kernel that rung is made for.
const leastMajor, leastMinor = 5, 14

// kernel is what the kernel is, and how it answers calls.
type kernel struct {
	release string
	calls   [len(syscalls)]trial
	keyring trial
	policy  trial // set_mempolicy(2)
}

// lookAtKernel makes every call with arguments that are all wrong, in a child: a filter may kill who makes one. Of what only those
// may call who own their mounts the child has its own.
func lookAtKernel(own uint64, w *wants) (k kernel) {
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		k.release = unix.ByteSliceToString(name.Release[:])
	}
	for i, c := range syscalls {
		wrong := func(t *nsenter.Tape) {
			none := nsenter.Int(-1)
			t.Call(c.name, c.nr, none, none, none, none, none, none)
		}
		k.calls[i] = try(own|unix.CLONE_NEWNS, wrong)
		if k.calls[i].step == cloning {
			k.calls[i] = try(0, wrong)
		}
	}
	k.keyring = try(0, func(t *nsenter.Tape) {
		t.Call("join session keyring", unix.SYS_KEYCTL, nsenter.Int(unix.KEYCTL_JOIN_SESSION_KEYRING), t.Str("_ses.rung-doctor"))
	})
	k.policy = try(0, func(t *nsenter.Tape) {
		mode, nodes, bits := 0, nsenter.Int(0), 0 // MPOL_DEFAULT
		if w.policy != nil {
			mode = spec.MemoryMode(w.policy)
			if mask, err := cpulist.Mask(w.policy.Nodes, spec.MaxNodes); err == nil && len(mask) > 0 {
				nodes, bits = t.Bytes(mask), 8*len(mask)+1
			}
		}
		t.Call("set_mempolicy", unix.SYS_SET_MEMPOLICY, nsenter.Int(mode), nodes, nsenter.Int(bits))
	})
	return k
}

func (k *kernel) judge() []Check {
	version := Check{Name: "kernel.version", always: true, Status: OK, Need: Required, Found: "Linux " + k.release}
	if !atLeast(k.release, leastMajor, leastMinor) {
		version.Status = Degraded
		version.Fails = "rung is made for, and tested on, Linux 5.14 and later"
		version.Mend = "install a newer kernel"
	}
	list := []Check{version}
	for i, c := range syscalls {
		list = append(list, c.judge(k.calls[i]))
	}
	policy := Check{Name: "kernel.set_mempolicy", Status: OK, Need: Optional}
	if k.policy.err != nil {
		policy.Status, policy.Found, policy.Fails = Missing, k.policy.String(), "linux.memoryPolicy"
		policy.Mend = "name nodes that there are; build the kernel with CONFIG_NUMA; in a container, have its seccomp profile allow the call"
	}
	return append(list, judgeKeyring(k.keyring), policy)
}

// judge is about a call that all of its arguments are wrong for: any answer but three says that it is there.
func (c *syscall) judge(t trial) Check {
	check := Check{Name: "kernel." + c.name, always: true, Status: OK, Need: Required}
	_, isNumber := t.err.(unix.Errno) //nolint:errorlint // the number itself, as the child left it
	if t.err == nil || isNumber && !t.is(unix.ENOSYS, unix.EPERM) {
		return check
	}
	check.Status, check.Found, check.Fails = Missing, t.String(), "every container"
	check.Mend = "install Linux " + c.since + " or later; in a container, have its seccomp profile allow the call"
	return check
}

func judgeKeyring(t trial) Check {
	c := Check{Name: "kernel.keyring", Status: OK, Need: Usual}
	switch {
	case t.err == nil:
	case t.is(unix.ENOSYS):
		c.Status, c.Found = Degraded, "the kernel has no keys"
		c.Fails, c.Mend = "nothing but a session keyring of the container's own", "build the kernel with CONFIG_KEYS"
	case t.is(unix.EDQUOT):
		c.Status, c.Found = Missing, t.String()
		c.Fails, c.Mend = "create and run without --no-new-keyring", "raise the sysctl kernel.keys.maxkeys, or use --no-new-keyring"
	default:
		c.Status, c.Found = Missing, t.String()
		c.Fails, c.Mend = "create and run without --no-new-keyring", "have the seccomp profile around us allow keyctl, or use --no-new-keyring"
	}
	return c
}

// atLeast compares the first two numbers of a release. One that can't be read is taken for new.
func atLeast(release string, major, minor int) bool {
	first, rest, _ := strings.Cut(release, ".")
	a, err := strconv.Atoi(first)
	if err != nil {
		return true
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	b, err := strconv.Atoi(rest[:end])
	return a > major || a == major && (err != nil || b >= minor)
}
