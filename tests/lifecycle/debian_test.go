package lifecycle

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

const debianCache = "/var/tmp/rung-test-debian"

// debian returns the root of a Debian system that all runs on this host share:
// containers must not write to it.
func debian(t *testing.T) string {
	t.Helper()
	root := debianCache + "/root"
	lock, err := os.OpenFile("/var/tmp/rung-test-debian.lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(debianCache + "/done"); err == nil {
		return root
	}
	if failed, err := os.ReadFile(harness.Dir() + "/nodebian"); err == nil {
		t.Skip(string(failed)) // once per run is enough
	}
	if err := makeDebian(root); err != "" {
		os.WriteFile(harness.Dir()+"/nodebian", []byte(err), 0o644)
		t.Skip(err)
	}
	return root
}

func makeDebian(root string) (problem string) {
	if _, err := exec.LookPath("debootstrap"); err != nil {
		return "needs debootstrap (apt install debootstrap)"
	}
	os.RemoveAll(debianCache)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err.Error()
	}
	cmd := exec.Command("timeout", "300", "debootstrap", "--variant=minbase", "bookworm", root)
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(debianCache)
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return "debootstrap can't make a Debian root filesystem: " + err.Error() + ": " + lines[len(lines)-1]
	}
	if err := os.WriteFile(debianCache+"/done", []byte(time.Now().String()+"\n"), 0o644); err != nil {
		return err.Error()
	}
	return ""
}

func debianBundle(t *testing.T, edits ...harness.Edit) *harness.Bundle {
	t.Helper()
	root := debian(t)
	s := harness.Template(t)
	b := harness.Empty(t, s)
	s.Root.Path, s.Root.Readonly = root, true
	s.Mounts = append(s.Mounts, specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=1777"}})
	for _, edit := range edits {
		edit(s)
	}
	b.Save(t)
	return b
}

func TestDebianRun(t *testing.T) {
	harness.Once(t)
	for script, want := range map[string]int{"exit 0": 0, "exit 3": 3, "cat /etc/debian_version && dpkg -l bash && id -un && ls /proc/1/fd && exit 0": 0} {
		b := debianBundle(t, harness.Args("/bin/bash", "-c", script))
		if r := b.Container(t, "run"); r.Code != want || r.Stderr != "" {
			t.Errorf("%s: want %d: %v", script, want, r)
		}
	}
	b := debianBundle(t, harness.Args("sleep", "60"))
	p := b.Cmd("run").Start(t)
	b.WaitStarted(t)
	b.Must(t, "kill", "KILL")
	if r := p.Wait(t); r.Code != 137 {
		t.Errorf("want 137: %v", r)
	}
}

func TestDebianLifecycle(t *testing.T) {
	harness.Share(t)
	b := debianBundle(t, harness.Args("bash", "-c", "echo up; read x < <(sleep 60)"))
	pid, r := b.Create(t)
	if s := b.State(t); s.Status != specs.StateCreated || s.Pid != pid {
		t.Errorf("state = %+v, want created", s)
	}
	b.Must(t, "start")
	ready(t, r)
	if s := b.State(t); s.Status != specs.StateRunning {
		t.Errorf("state = %+v, want running", s)
	}
	b.Must(t, "kill", "KILL")
	if ws := harness.Wait(t, pid); ws.Signal() != unix.SIGKILL {
		t.Errorf("status %x, want killed", ws)
	}
	b.WaitStatus(t, specs.StateStopped)
	b.Must(t, "delete")
}

// An interactive shell, with job control and ^C.
func TestDebianTerminal(t *testing.T) {
	harness.Share(t)
	b := debianBundle(t, harness.Args("bash", "--norc", "-i"), terminal(24, 80), func(s *specs.Spec) {
		s.Process.Env = append(s.Process.Env, "PS1=ready> ")
	})
	pty, slave := harness.OpenPTY(t)
	cmd := b.Cmd("run")
	cmd.Stdin, cmd.TTY = slave, true
	p := cmd.Start(t)
	slave.Close()
	pty.Until(t, "ready> ")
	pty.Type(t, "tty; apt-get --version | head -1\r")
	pty.Until(t, "\napt ")
	pty.Type(t, "sleep 60\r")
	b.WaitPS(t, "sleep 60")
	pty.Type(t, "\x03")
	pty.Type(t, "echo code $?; exit 4\r")
	pty.Until(t, "code 130")
	if r := p.Wait(t); r.Code != 4 {
		t.Errorf("want exit code 4: %v: %s", r, pty.All(t))
	}
}

func TestDebianConsoleSocket(t *testing.T) {
	harness.Share(t)
	b := debianBundle(t, harness.Args("bash", "-c", "tty; stty size; exit 9"), terminal(24, 80))
	recv := harness.Receive(t)
	pid, _ := b.Create(t, "--console-socket", recv.Path)
	pty := recv.Console(t)
	b.Must(t, "start")
	if out := pty.All(t); out != "/dev/pts/0\r\n24 80\r\n" {
		t.Errorf("output %q, want the terminal's name and size", out)
	}
	if ws := harness.Wait(t, pid); ws.ExitStatus() != 9 {
		t.Errorf("status %x, want exit code 9", ws)
	}
	b.Must(t, "delete")
}

func TestDebianUserNamespace(t *testing.T) {
	harness.Share(t)
	b := debianBundle(t, harness.Args("bash", "-c", "id -u; cat /etc/hostname; touch /tmp/x && ls -l /tmp/x"), mapped)
	r := b.Container(t, "run")
	if r.Code != 0 || !strings.HasPrefix(r.Stdout, "0\n") {
		t.Errorf("want uid 0 and success: %v", r)
	}
}
