package plan

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/seccomp"
)

// seccomp compiles linux.seccomp, if there is one, for the process of the
// planner's configuration. It is installed by execute, and before that by notify
// if an agent is to answer calls.
func (p *planner) seccomp() error {
	profile := p.linux().Seccomp
	if !seccomp.Wanted(profile) || p.spec.Process == nil {
		return nil
	}
	if !p.spec.Process.NoNewPrivileges && !given(p.host, p.ns.user()).Has(unix.CAP_SYS_ADMIN) {
		return &spec.FieldError{Path: "linux.seccomp", Msg: "takes process.noNewPrivileges, because this runtime has no CAP_SYS_ADMIN"}
	}
	if p.host.NoInspector && notifiesSend(profile) {
		return &spec.FieldError{Path: "linux.seccomp.syscalls", Msg: "SCMP_ACT_NOTIFY cannot be used for the sendmsg syscall without privileges: the agent's descriptor is sent by it"}
	}
	f, err := seccomp.Compile(profile, seccomp.Native())
	if err != nil {
		return err
	}
	p.filter = f
	return nil
}

// given are the capabilities that there are to give to a process: the first one of a user namespace
// has them all.
func given(h *Host, user bool) caps.Set {
	if user {
		return ^caps.Set(0)
	}
	return h.Permitted
}

// forFilter adds the right to install a filter without no_new_privs to what the
// process has until its execve, which takes it away again: what the program
// may, follows from the bounding, inheritable and ambient sets alone. So the
// filter can come last, and has to allow nothing but the execve.
func (p *planner) forFilter(set Capabilities) Capabilities {
	if p.filter != nil && !p.spec.Process.NoNewPrivileges {
		set.Effective |= 1 << unix.CAP_SYS_ADMIN
		set.Permitted |= 1 << unix.CAP_SYS_ADMIN
	}
	return set
}

// installFilter is for the moment before the execve.
func (p *planner) installFilter() {
	if p.filter != nil && !p.filter.Notify {
		p.loadFilter()
	}
}

func (p *planner) loadFilter() nsenter.Entry {
	return p.t.Call("install seccomp filter", unix.SYS_SECCOMP, nsenter.Int(unix.SECCOMP_SET_MODE_FILTER),
		nsenter.Uint(uintptr(p.filter.Flags)), p.t.Filter(p.filter.Program))
}

// notify installs a filter that leaves calls to an agent, and has the runtime
// give the agent its descriptor before any of them is made: what comes after may
// need the agent's answer. The parent takes the descriptor from us, or gets it
// sent where it hasn't the right to take it.
func (p *planner) notify() {
	if !p.notifies() {
		return
	}
	t, ctl := p.t, p.Slots.Control
	msg, fds := t.Message(1)
	p.Slots.Listener = fds[0]
	p.loadFilter().IntoFD(fds[0])
	const label = "report seccomp listener to runtime"
	if p.SendListener = p.host.NoInspector; p.SendListener {
		t.Call(label, unix.SYS_SENDMSG, ctl.FD(), msg.Addr(), nsenter.Int(unix.MSG_NOSIGNAL))
	} else {
		t.Call(label, unix.SYS_WRITE, ctl.FD(), msg.Addr(), nsenter.Int(1))
	}
	t.Call("wait for seccomp agent", unix.SYS_READ, ctl.FD(), t.Alloc(8).Addr(), nsenter.Int(1)).Demand()
	t.Call("close seccomp listener", unix.SYS_CLOSE, fds[0].FD()).Ignore()
}

// notifies tells whether the filter leaves calls to an agent.
func (p *planner) notifies() bool { return p.filter != nil && p.filter.Notify }

// notifiesSend tells whether a profile asks an agent about the one call by which
// an ordinary user's process hands the agent's descriptor over.
func notifiesSend(profile *specs.LinuxSeccomp) bool {
	for _, s := range profile.Syscalls {
		for _, name := range s.Names {
			if s.Action == specs.ActNotify && (name == "sendmsg" || name == "socketcall") {
				return true
			}
		}
	}
	return false
}
