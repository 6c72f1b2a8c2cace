package lifecycle

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

func terminal(rows, cols uint) harness.Edit {
	return func(s *specs.Spec) {
		s.Process.Terminal = true
		if rows > 0 {
			s.Process.ConsoleSize = &specs.Box{Height: rows, Width: cols}
		}
	}
}

func TestConsoleSocket(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe("-o", "/out", "-w", "/go", "stat:/dev/console", "stat:/dev/ptmx", "link:/dev/ptmx"), terminal(31, 99), writable)
	recv := harness.Receive(t)
	pid, _ := b.Create(t, "--console-socket", recv.Path)
	pty := recv.Console(t)
	if rows, cols := pty.Size(t); rows != 31 || cols != 99 {
		t.Errorf("size = %dx%d, want 31x99 of consoleSize", rows, cols)
	}
	b.Must(t, "start")
	b.Write(t, "go", "", 0o644)
	if ws := harness.Wait(t, pid); ws.ExitStatus() != 0 {
		t.Fatalf("probe: status %x: %s", ws, pty.All(t))
	}
	r := harness.ParseReport(t, b.Read(t, "out"))
	if r.TTY == nil || !r.TTY.Controlling || r.TTY.Rows != 31 || r.TTY.Cols != 99 {
		t.Fatalf("terminal = %+v, want a controlling one of 31x99", r.TTY)
	}
	if r.TTY.Name != "/dev/pts/0" || r.TTY.Mode != 0o620 || r.TTY.GID != 5 {
		t.Errorf("terminal = %+v, want /dev/pts/0, mode 0620 and group 5 as devpts has it", r.TTY)
	}
	if r.SID != 1 || r.PGID != 1 {
		t.Errorf("sid %d, pgid %d, want a session leader", r.SID, r.PGID)
	}
	if len(r.FDs) != 3 || r.FDs[0] != r.FDs[1] || r.FDs[0] != r.FDs[2] {
		t.Errorf("descriptors %v, want the terminal three times", r.FDs)
	}
	if got := r.Tries["stat:/dev/console"]; !strings.HasPrefix(got, "ok char 0620") {
		t.Errorf("/dev/console: %s, want the terminal, mode 0620", got)
	}
	if got := r.Tries["link:/dev/ptmx"]; got != "ok pts/ptmx" {
		t.Errorf("/dev/ptmx: %s, want a link to pts/ptmx", got)
	}
	pty.All(t) // ends: nobody else holds the terminal
	b.Must(t, "delete")
}

func TestConsoleKeys(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell(`trap 'echo got int; exit 5' INT; stty size; echo ready; while :; do usleep 10000; done`), terminal(0, 0))
	recv := harness.Receive(t)
	pid, _ := b.Create(t, "--console-socket", recv.Path)
	pty := recv.Console(t)
	b.Must(t, "start")
	pty.Until(t, "ready\r\n")
	pty.Type(t, "\x03")
	if out := pty.All(t); !strings.Contains(out, "got int") {
		t.Errorf("after ^C: %q, want the container to get SIGINT", out)
	}
	if ws := harness.Wait(t, pid); ws.ExitStatus() != 5 {
		t.Errorf("exit status %x, want 5", ws)
	}
	b.Must(t, "delete")
}

func TestConsoleRunDetached(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell("read line; echo got $line; exit 0"), terminal(0, 0))
	recv := harness.Receive(t)
	b.Container(t, "run", "--detach", "--console-socket", recv.Path).Silent(t)
	pty := recv.Console(t)
	pty.Type(t, "word\n")
	pty.Until(t, "got word")
	b.WaitStatus(t, specs.StateStopped)
	pid := b.ReapAll(t)
	if pid != 1 {
		t.Errorf("%d processes were left to the caller, want 1", pid)
	}
	b.Must(t, "delete")
}

// A foreground run relays between the caller's terminal and the container's.
func TestForegroundTerminal(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell(`stty size; tty; read line; echo "<$line>"; stty size; read line; exit 6`), terminal(0, 0))
	pty, slave := harness.OpenPTY(t)
	pty.Resize(t, 21, 77)
	cmd := b.Cmd("run")
	cmd.Stdin, cmd.TTY = slave, true
	p := cmd.Start(t)
	slave.Close()
	pty.Until(t, "/dev/pts/0\r\n")
	pty.Type(t, "one two\r")
	pty.Until(t, "<one two>\r\n")
	pty.Resize(t, 22, 78)
	pty.Type(t, "\r")
	if r := p.Wait(t); r.Code != 6 {
		t.Errorf("want exit code 6: %v", r)
	}
	out := pty.All(t)
	// (runc sets the size when the container runs already.)
	if harness.IsRung() && !strings.HasPrefix(out, "21 77\r\n") {
		t.Errorf("output %q, want it to begin with the caller's size, 21 77", out)
	}
	if strings.Count(out, "one two") != 2 {
		t.Errorf("output %q, want one echo and one answer", out)
	}
}

func TestForegroundResize(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell(`trap 'stty size; exit 0' WINCH; echo ready; while :; do usleep 10000; done`), terminal(0, 0))
	pty, slave := harness.OpenPTY(t)
	cmd := b.Cmd("run")
	cmd.Stdin, cmd.TTY = slave, true
	p := cmd.Start(t)
	slave.Close()
	pty.Until(t, "ready")
	pty.Resize(t, 44, 133)
	pty.Until(t, "44 133")
	if r := p.Wait(t); r.Code != 0 {
		t.Errorf("want success: %v", r)
	}
}

// The caller's terminal is as it was when a foreground run has ended.
func TestForegroundRestoresTerminal(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell("exit 0"), terminal(0, 0))
	pty, slave := harness.OpenPTY(t)
	before, err := unix.IoctlGetTermios(int(pty.File.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	cmd := b.Cmd("run")
	cmd.Stdin, cmd.TTY = slave, true
	if r := cmd.Run(t); r.Code != 0 {
		t.Errorf("want success: %v: %s", r, pty.All(t))
	}
	after, err := unix.IoctlGetTermios(int(pty.File.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if *before != *after {
		t.Errorf("settings = %+v, want %+v as before", *after, *before)
	}
}

func TestTerminalErrors(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, terminal(0, 0))
	b.Container(t, "create").Fails(t, 1, "cannot allocate tty if runc will detach without setting console socket")
	b.Container(t, "run", "--detach").Fails(t, 1, "cannot allocate tty if runc will detach without setting console socket")
	b.Container(t, "create", "--console-socket", b.Dir+"/none").Fails(t, 1, "no such file or directory")
	b = harness.New(t)
	recv := harness.Receive(t)
	b.Container(t, "create", "--console-socket", recv.Path).Fails(t, 1, "cannot use console socket if runc will not detach or allocate tty")
}
