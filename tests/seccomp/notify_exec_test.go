package seccomp

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// running is a container that lives until it is deleted, with the caller in it.
func running(t *testing.T, profile *specs.LinuxSeccomp, edits ...harness.Edit) (*harness.Bundle, int) {
	t.Helper()
	b := newCaller(t, profile, func(s *specs.Spec) {
		s.Process.Args = []string{"/bin/sleep", "300"}
		for _, e := range edits {
			e(s)
		}
	})
	return b, b.Running(t)
}

// TestNotifyExec has an agent that makes up the result of a call of a process
// that an exec brought: each has a filter, and so a descriptor, of its own.
func TestNotifyExec(t *testing.T) {
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			a := newAgent(t, edit)
			b, pid := running(t, asking(a.path, "times"), c.edit)
			defer b.End(t, pid)
			r := b.Run(t, "exec", "--pid-file", b.Dir+"/pid", b.ID, "/bin/caller", "plain")
			st := a.all(t, 2)[1] // the first is the container's own
			if r.Code != 0 || r.Stderr != "" || line(r.Stdout, "main") != "result 4321" || line(r.Stdout, "CapEff:") != zero {
				t.Errorf("want the agent's result: %v", r)
			}
			p := harness.PID(t, b.Dir+"/pid")
			if st.Pid != p || st.State.Pid != pid || st.State.ID != b.ID || st.State.Status != specs.StateRunning || st.Metadata != "some \"text\"" {
				t.Errorf("container process state %+v, want pid %d of running %s with pid %d", st, p, b.ID, pid)
			}
		})
	}
}

// TestNotifyExecOwnCalls asks about calls that the runtime itself has to make.
func TestNotifyExecOwnCalls(t *testing.T) {
	harness.Share(t)
	a := newAgent(t, func(*notif) answer { return answer{flags: goOn} })
	b, pid := running(t, asking(a.path, "read", "close", "prctl", "execve", "capset", "sendmsg"))
	defer b.End(t, pid)
	b.Run(t, "exec", b.ID, "/bin/true").Silent(t)
	if n := a.count(unix.SYS_EXECVE); n != 2 {
		t.Errorf("agent was asked about execve %d times, want twice", n)
	}
}

// TestNotifyHook has a startContainer hook ask the agent too.
func TestNotifyHook(t *testing.T) {
	harness.Share(t)
	a := newAgent(t, edit)
	b := newCaller(t, asking(a.path, "times"), func(s *specs.Spec) {
		s.Root.Readonly = false
		s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "/bin/caller plain >/out"}}}}
	}, "plain")
	pid, _ := b.Create(t)
	b.Must(t, "start")
	harness.Wait(t, pid)
	if text := b.Read(t, "out"); line(text, "main") != "result 4321" {
		t.Errorf("hook: %s", text)
	}
	if st := a.all(t, 2); st[0].Pid != pid || st[1].Pid == pid || st[1].State.Pid != pid {
		t.Errorf("container process states %+v", st)
	}
	b.Must(t, "delete")
}

// TestAgentSilentExec has an agent that takes an exec's descriptor and never
// answers.
func TestAgentSilentExec(t *testing.T) {
	harness.Share(t)
	if testing.Short() {
		t.Skip("waits for ten seconds: not in short mode")
	}
	var silent atomic.Bool
	over := make(chan struct{})
	a := newAgent(t, func(*notif) answer {
		if silent.Load() {
			<-over
		}
		return answer{flags: goOn}
	})
	b, pid := running(t, asking(a.path, "execve"))
	defer b.End(t, pid)
	defer close(over)
	silent.Store(true)
	for _, flags := range [][]string{nil, {"--detach"}} {
		c := b.Cmd("exec")
		c.Args = append(append([]string{"--root", b.Root, "exec"}, flags...), b.ID, "/bin/true")
		r := c.Run(t)
		r.Fails(t, 255, "seccomp agent doesn't answer: process waits at: ")
		if r.Elapsed > 15*time.Second {
			t.Errorf("took %v", r.Elapsed)
		}
	}
	if ps := b.Must(t, "ps", "-o", "pid,args").Stdout; strings.Contains(ps, "rung") {
		t.Errorf("processes are left: %s", ps)
	}
}
