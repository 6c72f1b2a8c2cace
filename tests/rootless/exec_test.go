package rootless

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// running is a container of the user's that lives until it is deleted.
func running(t *testing.T, edits ...harness.Edit) (*harness.Bundle, int) {
	t.Helper()
	b := newBundle(t, append([]harness.Edit{harness.Args("/bin/sleep", "300")}, edits...)...)
	return b, b.Running(t)
}

// An exec'd process of an ordinary user's is where his container's init is, with
// one id and with 65,536, and answers as root's would.
func TestExec(t *testing.T) {
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			b, pid := running(t, mapping(maps...))
			defer b.End(t, pid)
			b.Run(t, "exec", "--detach", "--pid-file", b.Dir+"/pid", b.ID, "/bin/sleep", "300").Silent(t)
			p := harness.PID(t, b.Dir+"/pid")
			for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
				mine, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", p, ns))
				if its, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, ns)); mine != its || mine == "" {
					t.Errorf("%s namespace %q, init has %q", ns, mine, its)
				}
			}
			for _, file := range []string{"cgroup", "uid_map", "status"} {
				if mine, its := about(t, p, file), about(t, pid, file); mine != its {
					t.Errorf("%s: %q, init has %q", file, mine, its)
				}
			}
			unix.Kill(p, unix.SIGKILL)
			harness.Wait(t, p)

			r := b.Run(t, "exec", b.ID, "/bin/id")
			if !strings.HasPrefix(r.Stdout, "uid=0") || r.Code != 0 || r.Stderr != "" {
				t.Errorf("want root in the container: %v", r)
			}
			b.Run(t, "exec", b.ID, "sh", "-c", "exit 3").Fails(t, 3, "")
			b.Run(t, "exec", b.ID, "nosuch").Fails(t, 255, "executable file not found in $PATH")
			if len(maps) == 1 && maps[0].Size == 1 {
				b.Run(t, "exec", "-u", "1000", b.ID, "id").Fails(t, 255, "not mapped")
				b.Run(t, "exec", "-g", "10", b.ID, "id").Fails(t, 255, "")
			} else if r := b.Run(t, "exec", "-u", "1000:1000", "-g", "7", b.ID, "id"); fields(r.Stdout) != "uid=1000(user) gid=1000(user) groups=7" {
				t.Errorf("want 1000:1000 and group 7: %v", r)
			}
		})
	}
}

// about is a file of procfs, of status the lines about ids and capabilities.
func about(t *testing.T, pid int, file string) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		t.Fatal(err)
	}
	if file != "status" {
		return string(data)
	}
	var kept []string
	for line := range strings.Lines(string(data)) {
		for _, key := range []string{"Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:"} {
			if strings.HasPrefix(line, key) {
				kept = append(kept, fields(line))
			}
		}
	}
	return strings.Join(kept, "; ")
}

// A terminal of an ordinary user's exec: detached, and in his own.
func TestExecTerminal(t *testing.T) {
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b, pid := running(t, mapping(maps...))
			defer b.End(t, pid)
			recv := harness.Receive(t)
			if err := os.Chmod(recv.Path, 0o777); err != nil {
				t.Fatal(err)
			}
			b.Run(t, "exec", "-t", "-d", "--pid-file", b.Dir+"/pid", "--console-socket", recv.Path, b.ID, "sh", "-c", "tty; read x; echo got $x").Silent(t)
			pty := recv.Console(t)
			pty.Until(t, "/dev/pts/")
			pty.Type(t, "hello\n")
			pty.Until(t, "got hello")
			harness.Wait(t, harness.PID(t, b.Dir+"/pid"))

			own, slave := harness.OpenPTY(t)
			c := b.Cmd("exec")
			c.Args, c.Stdin, c.TTY = []string{"--root", b.Root, "exec", "-t", b.ID, "sh", "-c", "read x; echo got $x; exit 7"}, slave, true
			p := c.Start(t)
			own.Type(t, "word\n")
			own.Until(t, "got word")
			if r := p.Wait(t); r.Code != 7 {
				t.Errorf("want exit code 7: %v", r)
			}
		})
	}
}

// The container's namespaces may be another's: exec goes there.
func TestExecJoined(t *testing.T) {
	harness.Share(t)
	a, apid := running(t)
	defer a.End(t, apid)
	b, pid := running(t, func(s *specs.Spec) {
		for i, ns := range s.Linux.Namespaces {
			if file := map[specs.LinuxNamespaceType]string{specs.UserNamespace: "user", specs.UTSNamespace: "uts", specs.IPCNamespace: "ipc"}[ns.Type]; file != "" {
				s.Linux.Namespaces[i].Path = fmt.Sprintf("/proc/%d/ns/%s", apid, file)
			}
		}
		s.Hostname = ""
		s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
	})
	defer b.End(t, pid)
	for _, ns := range []string{"user", "uts", "ipc", "mnt", "pid"} {
		r := b.Run(t, "exec", b.ID, "readlink", "/proc/self/ns/"+ns)
		its, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, ns))
		if strings.TrimSpace(r.Stdout) != its || its == "" {
			t.Errorf("%s namespace: want the init's, %s: %v", ns, its, r)
		}
	}
}
