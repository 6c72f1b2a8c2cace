package plan

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/nsenter"
)

// Environment is a process's environment, with more: of an entry given twice the last
// one counts.
func Environment(env, more []string) []string {
	out := make([]string, 0, len(env)+len(more))
	index := make(map[string]int, len(env)+len(more))
	for _, e := range append(slices.Clip(env), more...) {
		key, _, _ := strings.Cut(e, "=")
		if i, ok := index[key]; ok {
			out[i] = e
			continue
		}
		index[key] = len(out)
		out = append(out, e)
	}
	return out
}

// HasHome tells whether a process of this environment has a HOME. An empty one is none,
// as for runc and crun: engines pass on what an image leaves empty.
func HasHome(env []string) bool {
	home, _ := lookup(Environment(env, nil), "HOME")
	return home != ""
}

// lookup returns the value of key in env.
func lookup(env []string, key string) (string, bool) {
	for _, e := range env {
		if k, v, ok := strings.Cut(e, "="); ok && k == key {
			return v, true
		}
	}
	return "", false
}

// Capabilities are the five sets that a process gets.
type Capabilities struct {
	Bounding, Effective, Permitted, Inheritable, Ambient caps.Set
}

// capabilities limits what is asked for to what can be had: the runtime-spec
// wants a warning, and no error, for a capability that can't be granted.
func capabilities(c *specs.LinuxCapabilities, have caps.Set) (s Capabilities) {
	if c == nil {
		return s
	}
	get := func(names []string) caps.Set {
		set, _ := caps.FromNames(names)
		return set & have
	}
	s = Capabilities{get(c.Bounding), get(c.Effective), get(c.Permitted), get(c.Inheritable), get(c.Ambient)}
	s.Effective &= s.Permitted
	s.Ambient &= s.Permitted & s.Inheritable
	return s
}

// Resource is the number of an rlimit's name, -1 for an unknown one.
func Resource(name string) int {
	switch name {
	case "RLIMIT_CPU":
		return unix.RLIMIT_CPU
	case "RLIMIT_FSIZE":
		return unix.RLIMIT_FSIZE
	case "RLIMIT_DATA":
		return unix.RLIMIT_DATA
	case "RLIMIT_STACK":
		return unix.RLIMIT_STACK
	case "RLIMIT_CORE":
		return unix.RLIMIT_CORE
	case "RLIMIT_RSS":
		return unix.RLIMIT_RSS
	case "RLIMIT_NPROC":
		return unix.RLIMIT_NPROC
	case "RLIMIT_NOFILE":
		return unix.RLIMIT_NOFILE
	case "RLIMIT_MEMLOCK":
		return unix.RLIMIT_MEMLOCK
	case "RLIMIT_AS":
		return unix.RLIMIT_AS
	case "RLIMIT_LOCKS":
		return unix.RLIMIT_LOCKS
	case "RLIMIT_SIGPENDING":
		return unix.RLIMIT_SIGPENDING
	case "RLIMIT_MSGQUEUE":
		return unix.RLIMIT_MSGQUEUE
	case "RLIMIT_NICE":
		return unix.RLIMIT_NICE
	case "RLIMIT_RTPRIO":
		return unix.RLIMIT_RTPRIO
	case "RLIMIT_RTTIME":
		return unix.RLIMIT_RTTIME
	}
	return -1
}

// rlimits are the limits of the configuration, and those that our caller had where ours
// are others: of open files, which the Go runtime has raised, and perhaps of file sizes.
func (p *planner) rlimits() []specs.POSIXRlimit {
	var list []specs.POSIXRlimit
	if p.spec.Process != nil {
		list = append(list, p.spec.Process.Rlimits...)
	}
	for _, own := range [...]struct {
		name  string
		limit [2]uint64
	}{{"RLIMIT_NOFILE", p.host.Nofile}, {"RLIMIT_FSIZE", p.host.FileSize}} {
		if own.limit[1] != 0 && !slices.ContainsFunc(list, func(r specs.POSIXRlimit) bool { return r.Type == own.name }) {
			list = append(list, specs.POSIXRlimit{Type: own.name, Soft: own.limit[0], Hard: own.limit[1]})
		}
	}
	return list
}

// home plans HOME from the container's passwd file if the environment lacks it.
func (p *planner) home() {
	proc := p.spec.Process
	if proc == nil {
		return
	}
	if HasHome(proc.Env) {
		return
	}
	if p.ns.joined&unix.CLONE_NEWNS != 0 {
		p.opt.Env = append(p.opt.Env, "HOME=/")
		return
	}
	p.homeText = p.t.Alloc(step.HomeSize)
	p.homeStep = &step.Home{UID: proc.User.UID, Text: p.homeText}
	p.add(p.homeStep)
}

// vectors places the arguments and the environment of the user's program.
func (p *planner) vectors() (argv, envp nsenter.Arg) {
	proc := p.spec.Process
	env := Environment(proc.Env, p.opt.Env)
	spare := 0
	if p.homeStep != nil {
		spare = 1
		env = slices.DeleteFunc(env, func(e string) bool { return e == "HOME=" })
	}
	vector := p.t.Strs(env, spare)
	if p.homeStep != nil {
		p.homeStep.Pointer = vector + nsenter.Slot(len(env)*wordSize)
	}
	return p.t.Strs(proc.Args, 0).Addr(), vector.Addr()
}
