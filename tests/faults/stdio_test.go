package faults

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func console(s *specs.Spec) { s.Process.Terminal = true }

// Catalogue row 20: who waits, or doesn't, at the console socket.
func TestConsolePeers(t *testing.T) {
	harness.Once(t)
	dir := harness.TempDir(t)
	listen := func(name string, then func(net.Conn)) string {
		path := filepath.Join(dir, name)
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				then(c)
			}
		}()
		return path
	}
	closes := listen("closes", func(c net.Conn) { c.Close() })
	sleeps := listen("sleeps", func(net.Conn) {})
	l, err := net.Listen("unix", filepath.Join(dir, "gone"))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(dir, strings.Repeat("long", 40))
	if err := os.Mkdir(long, 0o755); err != nil {
		t.Fatal(err)
	}
	// The name is too long for a listener as well: it binds by a short one.
	ls, err := net.Listen("unix", filepath.Join(dir, "l"))
	if err != nil {
		t.Fatal(err)
	}
	defer ls.Close()
	if err := os.Rename(filepath.Join(dir, "l"), long+"/s"); err != nil {
		t.Fatal(err)
	}
	full := fullBacklog(t, filepath.Join(dir, "full"))
	for _, c := range []struct {
		name, path, text string
		works            bool
	}{
		{"missing", dir + "/none", "console", false},
		{"no directory", dir + "/none/s", "console", false},
		{"stale", dir + "/gone", "console", false},
		{"not a socket", plain, "console", false},
		{"a directory", dir, "console", false},
		{"empty", "", "console", false},
		{"never reads", sleeps, "", true},
		{"long path", long + "/s", "", true},
		{"long missing path", long + "/none", "console", false},
		{"never accepts", full, "console", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inv := harness.Take()
			b := sleeper(t, console)
			r := b.Container(t, "create", "--console-socket", c.path)
			if r.Elapsed > time.Second {
				t.Errorf("took %v", r.Elapsed)
			}
			if c.works != (r.Code == 0) || !c.works && (!strings.Contains(r.Stderr, c.text) || strings.Count(r.Stderr, "\n") != 1) {
				t.Errorf("want success = %v, or one line with %q: %v", c.works, c.text, r)
			}
			remove(t, b, inv, c.name)
		})
	}
	t.Run("closes", func(t *testing.T) {
		inv := harness.Take()
		b := sleeper(t, console)
		for range rounds(100, 10) {
			r := b.Container(t, "create", "--console-socket", closes)
			if r.Elapsed > time.Second || r.Code != 0 && !strings.Contains(r.Stderr, "console socket") {
				t.Errorf("in %v: %v", r.Elapsed, r)
			}
			remove(t, b, inv, "closes")
		}
	})
}

// fullBacklog is a listener that takes no more connections.
func fullBacklog(t *testing.T, path string) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		t.Cleanup(func() { unix.Close(fd) })
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err == nil {
		err = unix.Listen(fd, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		c, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(c) })
		_ = unix.Connect(c, &unix.SockaddrUnix{Name: path})
	}
	return path
}

// Row 21: stdout that nobody reads, or that is closed. The exit code is the
// program's, and the runtime neither hangs nor spins.
func TestSlowOutput(t *testing.T) {
	harness.Once(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	b := harness.New(t, harness.Shell("head -c 200000 /dev/zero; exit 9"))
	call := b.Cmd("run")
	call.Stdout = write
	p := call.Start(t)
	b.WaitStarted(t)
	time.Sleep(200 * time.Millisecond) // in which it could spin
	if used := cpu(t, p.Process.Pid); used > 200*time.Millisecond {
		t.Errorf("the runtime used %v while nobody read", used)
	}
	write.Close()
	got := 0
	for buf := make([]byte, 65536); ; {
		n, err := read.Read(buf)
		if got += n; err != nil {
			break
		}
	}
	if r := p.Wait(t); r.Code != 9 || got != 200000 {
		t.Errorf("want 9 and 200000 bytes, got %d: %v", got, r)
	}

	read, write, err = os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	b = harness.New(t, harness.Shell("trap 'exit 8' PIPE; while echo x; do :; done 2>/dev/null; exit 8"))
	call = b.Cmd("run")
	call.Stdout = write
	p = call.Start(t)
	write.Close()
	if r := p.Wait(t); r.Code != 8 {
		t.Errorf("nobody can read: want 8: %v", r)
	}
}

// cpu is the time that a process has used.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	text := readFile(t, fmt.Sprintf("/proc/%d/stat", pid))
	f := strings.Fields(text[strings.LastIndexByte(text, ')'):])
	var user, sys int
	fmt.Sscan(f[12], &user)
	fmt.Sscan(f[13], &sys)
	return time.Duration(user+sys) * 10 * time.Millisecond
}

// Row 21: a terminal of ours that nobody reads.
func TestSlowTerminal(t *testing.T) {
	harness.Once(t)
	_, slave := harness.OpenPTY(t)
	b := harness.New(t, console, harness.Shell("head -c 200000 /dev/zero; exit 6"))
	call := b.Cmd("run")
	call.TTY, call.Stdin = true, slave
	p := call.Start(t)
	b.WaitStarted(t)
	time.Sleep(200 * time.Millisecond) // in which it could spin
	if used := cpu(t, p.Process.Pid); used > 200*time.Millisecond {
		t.Errorf("the runtime used %v while nobody read", used)
	}
	b.Must(t, "kill", "KILL")
	// The rest can't be written; the runtime may wait a moment for it, not for ever.
	timer := time.AfterFunc(5*time.Second, func() {
		t.Error("the runtime waited until somebody took the terminal's output")
		unix.IoctlSetInt(int(slave.Fd()), unix.TCFLSH, unix.TCIOFLUSH)
	})
	if r := p.Wait(t); r.Code != 137 {
		t.Errorf("want 137: %v", r)
	}
	timer.Stop()
}

// Row 22: closed standard descriptors, in all combinations. Nothing of ours may
// get their numbers.
func TestClosedStdio(t *testing.T) {
	harness.Once(t)
	for mask := range 8 {
		script := ""
		for fd := range 3 {
			if mask&(1<<fd) != 0 {
				script += fmt.Sprintf("exec %d>&-; ", fd)
			}
		}
		for _, c := range configs {
			inv := harness.Take()
			b := sleeper(t, c.edit)
			file := b.Dir + "/pid"
			call := via(b.Cmd("create", "--pid-file", file), script+`exec "$@"`)
			if r := call.Run(t); r.Code != 0 {
				t.Errorf("closed %03b, %s: %v", mask, c.name, r)
			}
			pid := harness.PID(t, file)
			via(&harness.Cmd{Args: []string{"--root", b.Root, "start", b.ID}}, script+`exec "$@"`).Run(t)
			b.WaitStatus(t, specs.StateRunning)
			entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				link, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, e.Name()))
				out := strings.HasPrefix(link, "/dev/null") || strings.Contains(link, "/out")
				if !out {
					t.Errorf("closed %03b: the program has %s as %s", mask, link, e.Name())
				}
			}
			if len(entries) > 3 {
				t.Errorf("closed %03b: %d descriptors", mask, len(entries))
			}
			for _, verb := range [][]string{{"state", b.ID}, {"list"}, {"kill", b.ID, "0"}, {"delete", "--force", b.ID}} {
				v := via(&harness.Cmd{Args: append([]string{"--root", b.Root}, verb...)}, script+`exec "$@"`)
				if r := v.Run(t); r.Code != 0 && mask&2 == 0 {
					t.Errorf("closed %03b: %v", mask, r)
				}
			}
			harness.Wait(t, pid)
			remove(t, b, inv, script)
		}
	}
}
