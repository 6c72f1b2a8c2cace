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
	JoinSlots
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
	Outlives     bool // see [Options.Outlives]
}

// Exec plans a process that joins a container: process, in all namespaces and
// the cgroup of the container of s.
func Exec(s *specs.Spec, process *specs.Process, host *Host, opt *ExecOptions) (*Plan, ExecSlots, error) {
	joined := *s
	joined.Process, joined.Hooks = process, nil
	p, js, err := joining(&joined, host, &Options{ID: opt.ID, NoNewKeyring: opt.NoNewKeyring, Preserve: opt.Preserve, Env: opt.Env, Outlives: opt.Outlives})
	if err != nil {
		return nil, ExecSlots{}, err
	}
	es := p.execSlots(js)
	// What raises a limit takes rights on the host; who has none may lower it inside.
	inside := !p.ns.user() || p.host.NoInspector
	p.phase("birth")
	p.joinInit(js, func() {
		p.t.Call("reset nice value", unix.SYS_SETPRIORITY, nsenter.Int(unix.PRIO_PROCESS), nsenter.Int(0), nsenter.Int(0)).Tolerate(unix.EACCES, unix.EPERM)
		if !inside {
			p.ownLimits()
		}
		p.oomScore(es.Proc)
		p.labels(es.Proc)
		p.execSchedule(false)
		p.initialAffinity()
	})
	p.phase("become the user's process")
	if inside {
		p.ownLimits()
	}
	p.prepare()
	p.finalAffinity()
	p.execSchedule(true)
	p.takeStdio(es.Terminal)
	p.enterProgram()
	p.agent(js)
	p.clearDeathSignal()
	p.phase("execve")
	p.execute()
	return p.Plan, es, nil
}

func (p *planner) execSlots(js JoinSlots) ExecSlots {
	es := ExecSlots{JoinSlots: js, Status: p.t.FDSlot()}
	p.keep(es.Status)
	if p.terminal() {
		es.Terminal = p.t.FDSlot()
		p.keep(es.Terminal)
	}
	if p.spec.Process.OOMScoreAdj != nil || p.labelled() {
		es.Proc = p.t.FDSlot()
	}
	return es
}

// oomScore sets oom_score_adj before the fork, which inherits it. Who may not
// look into processes that aren't dumpable may not write their files either.
// Lowering takes rights that an ordinary user hasn't: runc and all engines live
// with the score as it is.
func (p *planner) oomScore(proc nsenter.Slot) {
	if p.spec.Process.OOMScoreAdj == nil {
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
