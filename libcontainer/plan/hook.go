package plan

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// HookSlots are the places of descriptors in the tape of a hook.
type HookSlots struct {
	JoinSlots
	Stdin, Output nsenter.Slot
}

// StartContainerHook plans a startContainer hook: a program of the container's,
// run as the container's process would be, in all its namespaces and its
// cgroup.
func StartContainerHook(s *specs.Spec, host *Host, h *specs.Hook) (*Plan, HookSlots, error) {
	p, js, err := joining(s, host, &Options{})
	if err != nil {
		return nil, HookSlots{}, err
	}
	hs := HookSlots{JoinSlots: js, Stdin: p.t.FDSlot(), Output: p.t.FDSlot()}
	p.keep(hs.Stdin, hs.Output)
	p.joinInit(js, func() {})
	p.t.Call("start process group", unix.SYS_SETPGID, nsenter.Int(0), nsenter.Int(0))
	for fd, from := range []nsenter.Slot{hs.Stdin, hs.Output, hs.Output} {
		p.t.Call("set standard descriptor", unix.SYS_DUP3, from.FD(), nsenter.Int(fd), nsenter.Int(0))
	}
	p.letGo(hs.Stdin, hs.Output)
	p.cleanSlate()
	p.t.Call("set umask", unix.SYS_UMASK, nsenter.Int(p.host.Umask)) // hooks have our caller's
	p.limits()
	p.bounding()
	p.rights(func() {})
	args := h.Args
	if len(args) == 0 {
		args = []string{h.Path}
	}
	p.agent(js)
	p.installFilter()
	p.t.Mark(nsenter.PhaseExec)
	p.t.Call("fork/exec "+h.Path, unix.SYS_EXECVE, p.t.Str(h.Path), p.t.Strs(args, 0).Addr(), p.t.Strs(h.Env, 0).Addr())
	return p.Plan, hs, nil
}
