package libcontainer

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/hook"
	"github.com/rung-oci/rung/internal/launch"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/spec"
)

// startContainerHooks runs the startContainer hooks: in the container, as its
// process would run.
func (c *container) startContainerHooks(b *spec.Bundle, pidfd int) error {
	if len(b.Spec.Hooks.StartContainer) == 0 {
		return nil
	}
	st := c.hookState(b, specs.StateCreated).JSON(c.record.PID)
	for i := range b.Spec.Hooks.StartContainer {
		r := hookRun{c: c, bundle: b, spec: b.Spec, init: pidfd}
		err := hook.Run(&b.Spec.Hooks.StartContainer[i], st, r.spawn, hook.Until{Stop: c.stop, Init: pidfd, Doomed: c.entry.Doomed})
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
	c      *container
	bundle *spec.Bundle
	spec   *specs.Spec
	init   int
	exec   *launch.Exec
}

// spawn has the hook's process forked.
func (r *hookRun) spawn(h *specs.Hook, stdin, output int) (pid, pidfd int, err error) {
	e := entrance{container: r.c, init: r.init}
	if e.root, err = r.c.rootDir(r.init); err != nil {
		return 0, -1, err
	}
	defer unix.Close(e.root)
	if e.cgroup, err = r.c.manager.Entry(); err != nil {
		return 0, -1, err
	}
	defer e.cgroup.Close()
	own := *h
	if own.Env == nil { // as with runc, crun and youki
		own.Env = plan.Environment(r.spec.Process.Env, home(e.root, r.spec.Process))
	}
	facts, err := r.c.joiner(r.spec)
	if err != nil {
		return 0, -1, err
	}
	if facts.Umask, err = r.c.host.Umask(); err != nil {
		return 0, -1, err
	}
	if err := r.c.addTasks(e.cgroup, facts); err != nil {
		return 0, -1, err
	}
	e.agent = r.c.agentOf(r.bundle, specs.StateCreated)
	var limits []specs.POSIXRlimit
	r.exec, err = e.join(facts, func() (*planned, error) {
		p, at, err := plan.StartContainerHook(r.spec, facts, &own)
		if err != nil {
			return nil, err
		}
		limits = p.Rlimits
		return &planned{p, at.JoinSlots, []plan.FDSlot{{Slot: at.Stdin, FD: stdin}, {Slot: at.Output, FD: output}}}, nil
	})
	if err != nil {
		return 0, -1, err
	}
	for _, l := range limits {
		_ = unix.Prlimit(r.exec.PID, plan.Resource(l.Type), &unix.Rlimit{Cur: l.Soft, Max: l.Hard}, nil)
	}
	return r.exec.PID, r.exec.Pidfd, nil
}
