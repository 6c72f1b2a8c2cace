package lifecycle

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// frontExec starts `exec -t` in a terminal of ours.
func frontExec(t *testing.T, b *harness.Bundle, script string) (*harness.PTY, *harness.Proc) {
	t.Helper()
	pty, slave := harness.OpenPTY(t)
	pty.Resize(t, 21, 77)
	c := b.Cmd("exec")
	c.Args, c.Stdin, c.TTY = []string{"--root", b.Root, "exec", "-t", b.ID, "sh", "-c", script}, slave, true
	p := c.Start(t)
	slave.Close()
	return pty, p
}

// `exec -t` in the foreground: size, new sizes, keys, exit code, and the caller's
// terminal as it was.
func TestExecForegroundTerminal(t *testing.T) {
	harness.Share(t)
	b, pid := running(t)
	defer b.End(t, pid)
	pty, p := frontExec(t, b, `stty size; trap 'stty size' WINCH; trap 'echo int; exit 9' INT; echo ready; while :; do usleep 10000; done`)
	pty.Until(t, "21 77\r\n")
	pty.Until(t, "ready")
	pty.Resize(t, 44, 133)
	pty.Until(t, "44 133")
	pty.Type(t, "\x03")
	pty.Until(t, "int")
	if r := p.Wait(t); r.Code != 9 {
		t.Errorf("want exit code 9: %v", r)
	}
	term, err := unix.IoctlGetTermios(int(pty.File.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if term.Lflag&unix.ICANON == 0 || term.Lflag&unix.ECHO == 0 {
		t.Errorf("the caller's terminal stays raw: %+v", term)
	}
}

// Signals reach the process of a foreground exec and nobody else.
func TestExecForegroundSignals(t *testing.T) {
	harness.Share(t)
	b, pid := running(t, writable)
	defer b.End(t, pid)
	const rtmax = 64
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGUSR1, unix.SIGHUP, unix.SIGQUIT, unix.SIGPROF, rtmax} {
		os.Remove(b.Rootfs + "/ready")
		c := b.Cmd("exec")
		c.Args = []string{"--root", b.Root, "exec", b.ID, "sh", "-c", fmt.Sprintf(`trap 'exit 11' %d; echo >/ready; while :; do usleep 10000; done`, sig)}
		p := c.Start(t)
		trapped(t, b)
		if err := p.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if r := p.Wait(t); r.Code != 11 {
			t.Errorf("signal %d: want exit code 11: %v", sig, r)
		}
	}
	if s := b.State(t); s.Status != "running" {
		t.Errorf("status %s: a signal went to the container", s.Status)
	}
}

// A reader that is slow, or gone, keeps a foreground exec neither from ending nor
// busy.
func TestExecVanishedPeer(t *testing.T) {
	harness.Share(t)
	b, pid := running(t)
	defer b.End(t, pid)
	t.Run("slow", func(t *testing.T) {
		pty, p := frontExec(t, b, `i=0; while [ $i -lt 2000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done; echo last; exit 5`)
		time.Sleep(500 * time.Millisecond) // is the slowness
		pty.Until(t, "last")
		if r := p.Wait(t); r.Code != 5 {
			t.Errorf("want exit code 5: %v", r)
		}
	})
	t.Run("gone", func(t *testing.T) {
		pty, p := frontExec(t, b, `echo ready; sleep 1; yes | head -c 100000; sleep 0.2; exit 5`)
		pty.Until(t, "ready")
		pty.File.Close() // hangs up: SIGHUP comes too, if it is our controlling terminal
		r := p.Wait(t)
		if r.Code != 5 && r.Code != 129 {
			t.Errorf("want exit code 5, or 129 by SIGHUP: %v", r)
		}
		if cpu := p.ProcessState.SystemTime() + p.ProcessState.UserTime(); cpu > time.Second {
			t.Errorf("%v of processor time: it spins", cpu)
		}
	})
	b.WaitPS(t, "/bin/sleep 300")
}

// In the background of its terminal a foreground run or exec stops, as every program that uses one does, and goes on when it is brought to
// the foreground. It must not spin: a signal that is caught has the kernel begin the call anew that raised it.
func TestTerminalBackground(t *testing.T) {
	harness.Once(t)
	b, pid := running(t)
	defer b.End(t, pid)
	fresh := harness.New(t, harness.Shell("echo up; read x; exit 6"), func(s *specs.Spec) { s.Process.Terminal = true })
	for name, args := range map[string][]string{
		"exec": {"--root", b.Root, "exec", "-t", b.ID, "sh", "-c", "echo up; read x; exit 6"},
		"run":  {"--root", fresh.Root, "run", "--bundle", fresh.Dir, fresh.ID},
	} {
		t.Run(name, func(t *testing.T) {
			pty, slave := harness.OpenPTY(t)
			dir := harness.TempDir(t)
			c := &harness.Cmd{Args: args, Stdin: slave, TTY: true}
			c.Via = []string{"sh", "-c", `set -m; "$@" & printf %s $! >` + dir + `/new; mv ` + dir + `/new ` + dir + `/pid; until test -e ` + dir + `/go; do sleep 0.05; done; fg %1`, "sh"}
			p := c.Start(t)
			slave.Close()
			harness.Until(t, "the job has begun", func() bool { _, err := os.Stat(dir + "/pid"); return err == nil })
			job := harness.PID(t, dir+"/pid")
			state := func() string {
				text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", job))
				_, rest, _ := strings.Cut(string(text), ") ")
				return rest[:min(1, len(rest))]
			}
			harness.Until(t, "it has stopped", func() bool { return state() == "T" })
			if err := os.WriteFile(dir+"/go", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			pty.Until(t, "up")
			pty.Type(t, "x\r")
			if r := p.Wait(t); r.Code != 6 {
				t.Errorf("want exit code 6: %v", r)
			}
		})
	}
}
