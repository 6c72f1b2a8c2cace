package doctor

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// A space is a kind of namespace.
type space struct {
	name   string // the configuration's
	flag   uint64
	limit  string // sysctl user.max_…_namespaces
	option string // of the kernel's configuration
	need   Need
}

var spaceKinds = [...]space{
	{"mount", unix.CLONE_NEWNS, "mnt", "CONFIG_NAMESPACES", Required},
	{"pid", unix.CLONE_NEWPID, "pid", "CONFIG_PID_NS", Required},
	{"network", unix.CLONE_NEWNET, "net", "CONFIG_NET_NS", Required},
	{"ipc", unix.CLONE_NEWIPC, "ipc", "CONFIG_IPC_NS", Required},
	{"uts", unix.CLONE_NEWUTS, "uts", "CONFIG_UTS_NS", Required},
	{"cgroup", unix.CLONE_NEWCGROUP, "cgroup", "CONFIG_CGROUPS", Usual},
	{"user", unix.CLONE_NEWUSER, "user", "CONFIG_USER_NS", Usual},
	{"time", 0, "time", "CONFIG_TIME_NS", Usual},
}

// spaces is what came of making namespaces.
type spaces struct {
	offsets  bool // the bundle sets clocks
	made     [len(spaceKinds)]trial
	limits   [len(spaceKinds)]string
	rights   trial // to do something in a user namespace of one's own
	barriers       // what keeps ordinary users from user namespaces
}

// barriers are the sysctls of distributions, "" where there is none.
type barriers struct{ clone, appArmor string }

func lookAtSpaces(own uint64, w *wants) (s spaces) {
	s.offsets = len(w.offsets) > 0
	timed := func(t *nsenter.Tape) { timed(t, offsetsText(w.offsets)) }
	for i, k := range spaceKinds {
		s.limits[i] = sysctl("user.max_" + k.limit + "_namespaces")
		switch {
		case k.name != "time":
			s.made[i] = try(own|k.flag, nil)
		case w.fields["namespace.user"] != "": // whose it will be
			s.made[i] = try(unix.CLONE_NEWUSER, timed)
		default:
			s.made[i] = try(own, timed)
		}
	}
	s.rights = try(unix.CLONE_NEWUSER, func(t *nsenter.Tape) { t.Call("unshare", unix.SYS_UNSHARE, nsenter.Int(unix.CLONE_NEWNS)) })
	s.clone, s.appArmor = sysctl("kernel.unprivileged_userns_clone"), sysctl("kernel.apparmor_restrict_unprivileged_userns")
	return s
}

// timed makes a time namespace for children to come, and sets its clocks.
func timed(t *nsenter.Tape, text string) {
	t.Call("unshare", unix.SYS_UNSHARE, nsenter.Int(unix.CLONE_NEWTIME))
	fd := t.Slot()
	t.Call("open timens_offsets", unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), t.Str("/proc/self/timens_offsets"), nsenter.Int(unix.O_WRONLY), nsenter.Int(0)).Into(fd)
	t.Call("set clock", unix.SYS_WRITE, fd.Value(), t.Str(text), nsenter.Int(len(text)))
}

// sysctl is the value of a kernel parameter, "" where there is none.
func sysctl(name string) string {
	text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func (s *spaces) judge(c *caller) (list []Check) {
	for i := range spaceKinds {
		k := &spaceKinds[i]
		check := Check{Name: "namespace." + k.name, Status: OK, Need: k.need}
		if k.name == "user" {
			check.always = c.own != 0
			s.judgeUser(&check, i)
		} else if s.made[i].err != nil {
			check.Status, check.Found = Missing, s.made[i].String()
			check.Fails, check.Mend = "containers with a "+k.name+" namespace of their own", s.mend(i, c)
		}
		if k.name == "time" && s.made[i].err != nil && s.made[i].step != cloning && s.made[i].step != "unshare" {
			check.Fails, check.Mend = "linux.timeOffsets", "start rung with CAP_SYS_TIME, or give the container a user namespace"
			if s.made[i].is(unix.ERANGE, unix.EINVAL) {
				check.Mend = "ask for clocks that don't begin before the host's, and not in centuries"
			}
			if !s.offsets {
				check.Status = Degraded
			}
		}
		list = append(list, check)
	}
	return list
}

func (s *spaces) judgeUser(c *Check, i int) {
	switch {
	case s.made[i].err != nil:
		c.Status, c.Found = Missing, s.made[i].String()
		c.Fails, c.Mend = "containers with a user namespace: all of ordinary users", s.mendUser(i)
	case s.rights.err != nil:
		c.Status, c.Found = Missing, "it can be made and gives no rights: "+s.rights.String()
		c.Fails, c.Mend = "containers with a user namespace: all of ordinary users", s.mendUser(i)
	default:
		c.Found = "at most " + s.limits[i]
		if s.limits[i] == "" {
			c.Found = ""
		}
	}
}

// mend says what to do where a namespace can't be made.
func (s *spaces) mend(i int, c *caller) string {
	k := &spaceKinds[i]
	switch t := s.made[i]; {
	case t.is(unix.EINVAL):
		return "build the kernel with " + k.option
	case t.is(unix.ENOSPC, unix.EUSERS):
		return s.raise(i)
	case c.own != 0 && s.rights.err != nil:
		return "see namespace.user: without CAP_SYS_ADMIN the others are made in one"
	}
	return "in a container, have its seccomp profile allow clone3 and unshare, and give it CAP_SYS_ADMIN"
}

func (s *spaces) mendUser(i int) string {
	switch t := s.made[i]; {
	case s.clone == "0":
		return "set the sysctl kernel.unprivileged_userns_clone to 1"
	case s.appArmor == "1":
		return "set the sysctl kernel.apparmor_restrict_unprivileged_userns to 0, or load an AppArmor profile for rung with userns"
	case t.is(unix.EINVAL):
		return "build the kernel with CONFIG_USER_NS"
	case t.is(unix.ENOSPC, unix.EUSERS):
		return s.raise(i)
	}
	return "in a container, have its seccomp profile allow clone3 and unshare; in a chroot there are none"
}

func (s *spaces) raise(i int) string {
	name := "user.max_" + spaceKinds[i].limit + "_namespaces"
	if s.limits[i] == "" {
		return "raise the sysctl " + name
	}
	return fmt.Sprintf("raise the sysctl %s, which is %s, here and in the user namespaces around us", name, s.limits[i])
}
