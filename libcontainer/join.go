package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/nsenter"
)

// An entrance is what a process needs to come into a container. Its descriptors
// are its user's.
type entrance struct {
	container  *container
	init, root int // a pidfd of the container's init, and its root directory
	cgroup     *cgroups.Entry
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
	fds []step.FDSlot
}

// join has a process forked that comes into the container as decide plans it from
// facts: by a program that does nothing else, or by a stage. The descriptors from 3
// on that preserve counts go with it.
func (e *entrance) join(facts *plan.Host, preserve int, decide func() (*planned, error)) (*launch.Exec, error) {
	facts.Alone, facts.Admit = nsenter.HaveProgram, mustAdmit(e.container.manager)
	e.container.r.tellJoin(facts.Alone, facts.Location)
	if facts.Alone {
		x, err := e.enter(decide, launch.JoinAlone)
		if !errors.Is(err, nsenter.ErrNoProgram) {
			return x, err
		}
		facts.Alone = false
	}
	stage, err := spawn.Take(preserve)
	if err != nil {
		return nil, err
	}
	defer stage.Close()
	if err := admit(e.container.manager, stage.PID); err != nil {
		return nil, err
	}
	return e.enter(decide, func(p *plan.Plan, in *launch.ExecInputs) (*launch.Exec, error) { return launch.Join(stage, p, in) })
}

// enter decides and has the process forked.
func (e *entrance) enter(decide func() (*planned, error), fork func(*plan.Plan, *launch.ExecInputs) (*launch.Exec, error)) (*launch.Exec, error) {
	p, err := decide()
	if err != nil {
		return nil, err
	}
	if err := e.cgroup.Detach(); err != nil { // the container sees the process being born
		return nil, err
	}
	in := &launch.ExecInputs{
		Unified: e.cgroup.Unified, Tasks: e.cgroup.Tasks, Control: p.at.Control, Listener: e.agent,
		Admit: func(pid int) error { return admit(e.container.manager, pid) },
		FDs: append(p.fds,
			step.FDSlot{Slot: p.at.Init, FD: e.init}, step.FDSlot{Slot: p.at.Root, FD: e.root}, step.FDSlot{Slot: p.at.Unified, FD: e.cgroup.Unified}),
	}
	if p.at.CgroupNS != 0 {
		fd, err := e.container.ofInit(e.init, "ns/cgroup", unix.O_RDONLY)
		if err != nil {
			return nil, err
		}
		defer unix.Close(fd)
		in.FDs = append(in.FDs, step.FDSlot{Slot: p.at.CgroupNS, FD: fd})
	}
	return fork(p.Plan, in)
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
