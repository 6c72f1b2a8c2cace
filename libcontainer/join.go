package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/launch"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/user"
)

// An entrance is what a process needs to come into a container. Its descriptors
// are its user's.
type entrance struct {
	container  *container
	init, root int // a pidfd of the container's init, and its root directory
	cgroup     *cgroups.Entry
	stdio      []int // the process's standard streams; nil: ours
	extra      []int // its descriptors from 3 on; nil: ours
	// agent gives a seccomp agent the descriptor of the process's filter, if it is
	// to have one.
	agent func(pid, fd int) error
}

// rootDir opens the root directory of the init behind pidfd; unix.ESRCH if it has
// ended.
func (c *container) rootDir(pidfd int) (int, error) {
	return c.ofInit(pidfd, "root", unix.O_PATH|unix.O_DIRECTORY)
}

// ofInit opens what a file of /proc/PID leads to, for the init behind pidfd.
func (c *container) ofInit(pidfd int, name string, flags int) (int, error) {
	fd, err := unix.Openat(c.host.FD, proc.PID(c.record.PID, name), flags|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT { // an init that is ending has none any more
		err = unix.ESRCH
	}
	if err != nil {
		return -1, fmt.Errorf("open %s of container: %w", name, err)
	}
	// It was the init's if that still has its pid.
	if err := unix.PidfdSendSignal(pidfd, 0, nil, 0); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// joiner collects the facts that the plan of a process that joins depends on.
func (c *container) joiner(s *specs.Spec) (*plan.Host, error) {
	return host(&cgroups.Layout{}, c.record.Cgroups, joinedByInit(s))
}

// A planned is the plan of a process that comes into a container, and what of its
// descriptors only the plan's maker knows.
type planned struct {
	*plan.Plan
	at  plan.JoinSlots
	fds []plan.FDSlot
}

// join has a process forked that comes into the container as decide plans it from
// facts.
func (e *entrance) join(facts *plan.Host, decide func() (*planned, error)) (*launch.Exec, error) {
	facts.Admit = mustAdmit(e.container.manager)
	p, err := decide()
	if err != nil {
		return nil, err
	}
	if err := e.cgroup.Detach(); err != nil { // the container sees the process being born
		return nil, err
	}
	in := &launch.ExecInputs{
		Unified: e.cgroup.Unified, Tasks: e.cgroup.Tasks, Control: p.at.Control, Listener: e.agent, Stdio: e.stdio, Extra: e.extra,
		Admit: func(pid int) error { return admit(e.container.manager, pid) },
		FDs: append(p.fds,
			plan.FDSlot{Slot: p.at.Init, FD: e.init}, plan.FDSlot{Slot: p.at.Root, FD: e.root}, plan.FDSlot{Slot: p.at.Unified, FD: e.cgroup.Unified}),
	}
	var ns unix.Stat_t
	if err := unix.Fstatat(e.container.host.FD, proc.PID(e.container.record.PID, "ns/pid"), &ns, 0); err == nil {
		in.Namespace, in.Host = &ns, e.container.host // else we may not look there
	}
	if p.at.CgroupNS != 0 {
		fd, err := e.container.ofInit(e.init, "ns/cgroup", unix.O_RDONLY)
		if err != nil {
			return nil, err
		}
		defer unix.Close(fd)
		in.FDs = append(in.FDs, plan.FDSlot{Slot: p.at.CgroupNS, FD: fd})
	}
	if p.at.Time != 0 {
		switch fd, err := e.container.ofInit(e.init, "ns/time_for_children", unix.O_RDONLY); {
		case err == nil:
			defer unix.Close(fd)
			in.FDs = append(in.FDs, plan.FDSlot{Slot: p.at.Time, FD: fd})
		case !errors.Is(err, unix.EACCES): // a program that an ordinary user may not trace is in it
			return nil, err
		}
	}
	x, err := launch.Join(p.Plan, in)
	if err == nil && e.container.r.Debug != nil {
		e.container.r.debug("player: %s", x.Player)
		e.container.r.debug("cgroups of the process: %s", facts.Location)
	}
	return x, err
}

// joinedByInit names the types of the namespaces that the container shares with
// somebody; they are reached through its init.
func joinedByInit(s *specs.Spec) (list []joinedNS) {
	if s.Linux == nil {
		return nil
	}
	for _, ns := range s.Linux.Namespaces {
		if ns.Path != "" {
			list = append(list, joinedNS{fd: -1, flag: plan.Flag(ns.Type)})
		}
	}
	return list
}

// home is the HOME of an environment that has none, from the passwd file of the
// container whose root directory it is.
func home(root int, p *specs.Process) []string {
	if plan.HasHome(p.Env) {
		return nil
	}
	dir := "/"
	if text, err := (user.In{Root: rootfs.At(root)}).Passwd(); err == nil {
		dir = user.Home(text, p.User.UID)
	}
	return []string{"HOME=" + dir}
}
