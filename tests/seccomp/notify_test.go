package seccomp

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// asking is a profile that asks the agent about calls.
func asking(path string, names ...string) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow, ListenerPath: path, ListenerMetadata: "some \"text\"",
		Syscalls: []specs.LinuxSyscall{{Names: names, Action: specs.ActNotify}},
	}
}

func edit(*notif) answer { return answer{val: 4321} }

// TestNotify has an agent that makes up a call's result.
func TestNotify(t *testing.T) {
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			a := newAgent(t, edit)
			b := newCaller(t, asking(a.path, "times"), c.edit, "plain")
			b.Spec.Annotations = map[string]string{"a": "b"}
			b.Spec.Version = "1.0.1" // the states have the runtime's all the same
			b.Save(t)
			pid, r := b.Create(t)
			st := a.state(t)
			if st.Version != specs.Version || st.Pid != pid || st.Metadata != "some \"text\"" || fmt.Sprint(st.Fds) != "[seccompFd]" {
				t.Errorf("container process state %+v", st)
			}
			if s := st.State; s.ID != b.ID || s.Status != specs.StateCreating || s.Pid != pid || s.Bundle != b.Dir || s.Annotations["a"] != "b" || s.Version != specs.Version {
				t.Errorf("state %+v", s)
			}
			b.Must(t, "start")
			if ws := harness.Wait(t, pid); ws != 0 {
				t.Errorf("status %x", ws)
			}
			if text := r.Reread(t); line(text, "main") != "result 4321" || line(text, "Seccomp:") != "2" || line(text, "CapEff:") != zero {
				t.Errorf("stdout %s", text)
			}
			b.Must(t, "delete")
			r = newCallerAgain(t, a, c).Container(t, "run")
			r.Silent(t)
			if line(r.Stdout, "main") != "result 4321" {
				t.Errorf("run: %v", r)
			}
		})
	}
}

func newCallerAgain(t *testing.T, a *agent, c change) *harness.Bundle {
	return newCaller(t, asking(a.path, "times"), c.edit, "plain")
}

// TestNotifyAnswers has an agent that returns an error, and lets a call through.
func TestNotifyAnswers(t *testing.T) {
	harness.Share(t)
	for want, reply := range map[string]answer{
		"errno 18": {err: -int32(unix.EXDEV)},
		"result ":  {flags: goOn},
	} {
		a := newAgent(t, func(*notif) answer { return reply })
		r := newCaller(t, asking(a.path, "times"), nil, "plain").Container(t, "run")
		r.Silent(t)
		if got := line(r.Stdout, "main"); !strings.HasPrefix(got, want) {
			t.Errorf("times: %s, want %s", got, want)
		}
	}
}

// TestNotifyOwnCalls asks about calls that the runtime itself has to make.
func TestNotifyOwnCalls(t *testing.T) {
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			a := newAgent(t, func(*notif) answer { return answer{flags: goOn} })
			b := newCaller(t, asking(a.path, "read", "close", "prctl", "execve", "capset", "sendmsg"), c.edit, "plain")
			pid, _ := b.Create(t)
			if a.count(unix.SYS_READ) == 0 {
				t.Errorf("agent wasn't asked about read")
			}
			b.Must(t, "start")
			if ws := harness.Wait(t, pid); ws != 0 {
				t.Errorf("status %x", ws)
			}
			if n := a.count(unix.SYS_EXECVE); n != 1 {
				t.Errorf("agent was asked about execve %d times, want once", n)
			}
			b.Must(t, "delete")
		})
	}
}

// TestAgentMissing has nobody who listens.
func TestAgentMissing(t *testing.T) {
	harness.Share(t)
	dir := harness.TempDir(t)
	for path, want := range map[string]string{
		dir + "/nothing":                      "no such file or directory",
		dir + "/deaf":                         "connection refused",
		dir:                                   "connection refused",
		dir + strings.Repeat("/.", 60) + "/x": "no such file or directory",
	} {
		if path == dir+"/deaf" {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			l.Close()
		}
		b := harness.New(t, func(s *specs.Spec) { s.Linux.Seccomp = asking(path, "times") })
		for _, verb := range []string{"create", "run"} {
			r := b.Container(t, verb)
			r.Fails(t, 1, "linux.seccomp.listenerPath: seccomp agent: ")
			r.Fails(t, 1, want)
			if r.Elapsed > 3*time.Second {
				t.Errorf("took %v", r.Elapsed)
			}
		}
	}
}

// TestAgentSilent has an agent that takes the descriptor and never answers.
func TestAgentSilent(t *testing.T) {
	harness.Share(t)
	if testing.Short() {
		t.Skip("waits for half a minute: not in short mode")
	}
	t.Run("create", func(t *testing.T) {
		a := newAgent(t, nil)
		b := harness.New(t, func(s *specs.Spec) { s.Linux.Seccomp = asking(a.path, "read") })
		r := b.Container(t, "create")
		r.Fails(t, 1, "seccomp agent doesn't answer: container init waits at: wait for seccomp agent")
		if r.Elapsed > 15*time.Second {
			t.Errorf("took %v", r.Elapsed)
		}
	})
	t.Run("start", func(t *testing.T) {
		a := newAgent(t, nil)
		b := harness.New(t, func(s *specs.Spec) { s.Linux.Seccomp = asking(a.path, "execve") })
		b.Create(t)
		r := b.Run(t, "start", b.ID)
		r.Fails(t, 1, "seccomp agent doesn't answer")
		if r.Elapsed > 15*time.Second {
			t.Errorf("took %v", r.Elapsed)
		}
		b.Must(t, "delete")
	})
	t.Run("run", func(t *testing.T) {
		a := newAgent(t, nil)
		b := harness.New(t, func(s *specs.Spec) { s.Linux.Seccomp = asking(a.path, "execve") })
		b.Container(t, "run").Fails(t, 1, "seccomp agent doesn't answer")
	})
}

// TestAgentDies closes the descriptor: the kernel answers ENOSYS then.
func TestAgentDies(t *testing.T) {
	harness.Share(t)
	path := harness.TempDir(t) + "/agent"
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.AcceptUnix()
			if err != nil {
				return
			}
			c.Write([]byte("what do you want?"))
			c.Close()
		}
	}()
	b := harness.New(t, func(s *specs.Spec) { s.Linux.Seccomp = asking(path, "read") })
	r := b.Container(t, "create")
	if r.Code != 1 || !strings.Contains(r.Stderr, "seccomp agent") || r.Elapsed > 15*time.Second {
		t.Errorf("%v after %v", r, r.Elapsed)
	}
}

// TestNotifyLeak sees that the descriptor stays with the agent.
func TestNotifyLeak(t *testing.T) {
	harness.Share(t)
	a := newAgent(t, edit)
	b := harness.New(t, harness.Probe(), func(s *specs.Spec) { s.Linux.Seccomp = asking(a.path, "times") })
	if r := b.Report(t); len(r.FDs) != 3 {
		t.Errorf("descriptors %v, want three", r.FDs)
	}
	pid, _ := b.Create(t)
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, e.Name())); strings.Contains(to, "seccomp") {
			t.Errorf("the waiting process holds %s", to)
		}
	}
	b.Run(t, "delete", "--force", b.ID).Silent(t)
}
