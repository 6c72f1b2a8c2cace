package plan

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// ExecSlots are the places of descriptors in the tape of an exec. One that isn't
// needed is 0.
type ExecSlots struct {
	Init     nsenter.Slot // a pidfd of the container's init
	Unified  nsenter.Slot // the v2 cgroup that the process is born in
	Root     nsenter.Slot // the container's root directory
	Terminal nsenter.Slot
	Status   nsenter.Slot // a pipe that closes when the program runs, or never will
	Proc     nsenter.Slot // our own procfs
}

// ExecOptions are what the command line adds to an exec.
type ExecOptions struct {
	ID           string
	Preserve     int      // descriptors from 3 on
	Env          []string // added to the process's environment
	NoNewKeyring bool
}

// Exec plans a process that joins a container: process, in all namespaces and
// the cgroup of the container of s. The tape is played by two processes. The
// first stays in the host's pid namespace and lets go of all that the second
// doesn't need, which the container can see from its first moment.
func Exec(s *specs.Spec, process *specs.Process, host *Host, opt *ExecOptions) (*Plan, ExecSlots, error) {
	joined := *s
	joined.Process, joined.Hooks = process, nil
	p := &planner{
		Plan: &Plan{Tape: nsenter.NewTape()}, spec: &joined, host: host, null: -1, dir: -1,
		opt: &Options{ID: opt.ID, NoNewKeyring: opt.NoNewKeyring, Preserve: opt.Preserve, Env: opt.Env},
	}
	p.t = p.Tape
	p.ns = sortNamespaces(&joined, host)
	o := &p.Orders
	o.ByTape, o.Exec, o.Cgroup, o.Preserve = true, true, -1, opt.Preserve
	if err := p.seccompAfterwards(); err != nil {
		return nil, ExecSlots{}, err
	}
	p.slots()
	es := p.execSlots()
	p.approach(es)
	p.arrive(es)
	p.session(es.Terminal)
	p.enterProgram()
	p.t.Call("clear death signal", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_PDEATHSIG), nsenter.Int(0))
	p.execute()
	return p.Plan, es, nil
}

func (p *planner) execSlots() ExecSlots {
	es := ExecSlots{Init: p.t.FDSlot(), Unified: p.t.FDSlot(), Status: p.t.FDSlot()}
	p.Slots.Keep = append(p.Slots.Keep, es.Init, es.Unified, es.Status)
	p.Slots.Keep = append(p.Slots.Keep, p.Slots.Tasks...)
	if !p.ns.isNew(specs.MountNamespace) {
		es.Root = p.t.FDSlot()
		p.Slots.Keep = append(p.Slots.Keep, es.Root)
	}
	if p.terminal() {
		es.Terminal = p.t.FDSlot()
		p.Slots.Keep = append(p.Slots.Keep, es.Terminal)
	}
	if p.spec.Process.OOMScoreAdj != nil {
		es.Proc = p.t.FDSlot()
	}
	return es
}

// approach is what the first process plays: all that takes rights on the host
// and is inherited, then the way into the container, then the fork, because only
// a child is in a joined pid namespace.
func (p *planner) approach(es ExecSlots) {
	p.t.Call("reset nice value", unix.SYS_SETPRIORITY, nsenter.Int(unix.PRIO_PROCESS), nsenter.Int(0), nsenter.Int(0)).Tolerate(unix.EACCES, unix.EPERM)
	if p.ns.user() && !p.host.NoInspector {
		p.ownLimits()
	}
	p.oomScore(es.Proc)
	p.handOn(len(p.Slots.Keep))
	if flags := p.ns.clone | p.ns.later | p.ns.joined; flags != 0 {
		p.t.Call("join namespaces of container", unix.SYS_SETNS, es.Init.FD(), nsenter.Int(int(flags)))
	}
	p.closeFD("close init", es.Init)
	args := p.t.CloneArgs(unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID, p.Orders.Pid)
	p.Orders.CloneArgs = args.Slot
	p.t.Call("clone process", unix.SYS_CLONE3, args.Slot.Addr(), nsenter.Int(args.Size)).Fork()
}

// arrive is the beginning of the second process: it lets go of the host's
// descriptors before anything else, each as soon as it has served.
func (p *planner) arrive(es ExecSlots) {
	p.closeFD("close cgroup", es.Unified)
	p.deathSignal()
	for _, s := range p.Slots.Tasks {
		p.t.Call("enter cgroup", unix.SYS_WRITE, s.FD(), p.t.Str("0"), nsenter.Int(1))
		p.closeFD("close cgroup", s)
	}
	p.insideInit(es.Root)
	if es.Root != 0 {
		p.closeFD("close root directory", es.Root)
	}
	if !p.ns.user() || p.host.NoInspector {
		p.ownLimits()
	}
}

func (p *planner) closeFD(label string, s nsenter.Slot) {
	p.t.Call(label, unix.SYS_CLOSE, s.FD()).Ignore()
}

// oomScore sets oom_score_adj before the fork, which inherits it. Who may not
// look into processes that aren't dumpable may not write their files either.
// Lowering takes rights that an ordinary user hasn't: runc and all engines live
// with the score as it is.
func (p *planner) oomScore(proc nsenter.Slot) {
	if proc == 0 {
		return
	}
	const label = "process.oomScoreAdj"
	value, fd := strconv.Itoa(*p.spec.Process.OOMScoreAdj), p.t.Slot()
	dumpable := func(yes int) {
		if p.host.NoInspector {
			p.t.Call(label, unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_DUMPABLE), nsenter.Int(yes), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
		}
	}
	dumpable(1)
	p.t.Call(label, unix.SYS_OPENAT, proc.FD(), p.t.Str("self/oom_score_adj"), nsenter.Int(unix.O_WRONLY|unix.O_CLOEXEC)).Into(fd)
	write := p.t.Call(label, unix.SYS_WRITE, fd.Value(), p.t.Str(value), nsenter.Int(len(value)))
	if p.host.NoInspector || p.host.UserNS {
		write.Tolerate(unix.EACCES)
	}
	dumpable(0)
}
