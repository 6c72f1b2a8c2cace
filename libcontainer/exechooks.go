package libcontainer

import (
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/hook"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/spec"
	"github.com/rung-oci/rung/libcontainer/step"
)

// startContainerHooks runs the startContainer hooks: in the container, as its
// process would run.
func (c *container) startContainerHooks(b *spec.Bundle, pidfd int) error {
	st := c.hookState(b, specs.StateCreated).JSON(c.record.PID)
	for i := range b.Spec.Hooks.StartContainer {
		r := hookRun{c: c, spec: b.Spec, init: pidfd}
		err := hook.Run(&b.Spec.Hooks.StartContainer[i], st, r.spawn)
		if r.exec != nil {
			if terr := r.exec.Err(); terr != nil {
				err = terr
			}
			r.exec.Close()
		}
		if err != nil {
			return fmt.Errorf("error running startContainer hook #%d: %w", i, err)
		}
	}
	return nil
}

// hookRun is one startContainer hook while it runs.
type hookRun struct {
	c    *container
	spec *specs.Spec
	init int
	exec *launch.Exec
}

// spawn has a sealed copy of ourselves fork the hook's process.
func (r *hookRun) spawn(h *specs.Hook, stdin, output int) (pid, pidfd int, err error) {
	root, err := unix.Open("/proc/"+strconv.Itoa(r.c.record.PID)+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, -1, fmt.Errorf("open root of container: %w", err)
	}
	defer unix.Close(root)
	entry, err := r.c.manager.Entry()
	if err != nil {
		return 0, -1, err
	}
	defer entry.Close()
	facts, err := host(&cgroups.Layout{}, r.c.record.Cgroups, joinedByInit(r.spec))
	if err != nil {
		return 0, -1, err
	}
	p, at, err := plan.StartContainerHook(r.spec, facts, h)
	if err != nil {
		return 0, -1, err
	}
	stage, err := spawn.Start(0)
	if err != nil {
		return 0, -1, err
	}
	defer stage.Close()
	r.exec, err = launch.Join(stage, p, &launch.ExecInputs{
		Unified: entry.Unified, Tasks: entry.Tasks,
		FDs: []step.FDSlot{{Slot: at.Init, FD: r.init}, {Slot: at.Root, FD: root}, {Slot: at.Stdin, FD: stdin}, {Slot: at.Output, FD: output}},
	})
	if err != nil {
		return 0, -1, err
	}
	for _, l := range p.Rlimits {
		_ = unix.Prlimit(r.exec.PID, plan.Resource(l.Type), &unix.Rlimit{Cur: l.Soft, Max: l.Hard}, nil)
	}
	return r.exec.PID, r.exec.Pidfd, nil
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
