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

// text is a map as the kernel prints it, without its columns.
func text(maps []specs.LinuxIDMapping) string {
	var f []string
	for _, m := range maps {
		f = append(f, fmt.Sprint(m.ContainerID), fmt.Sprint(m.HostID), fmt.Sprint(m.Size))
	}
	return strings.Join(f, " ")
}

func fields(s string) string { return strings.Join(strings.Fields(s), " ") }

// Every verb, as an ordinary user.
func TestLifecycle(t *testing.T) {
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := newBundle(t, mapping(maps...), harness.Shell("echo ran; sleep 1000"))
			pid, _ := b.Create(t)
			if got := b.State(t).Status; got != "created" {
				t.Errorf("status %s, want created", got)
			}
			for _, file := range []string{"uid_map", "gid_map"} {
				data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
				if got, want := fields(string(data)), text(maps); got != want {
					t.Errorf("%s = %s, want %s", file, got, want)
				}
			}
			groups, _ := os.ReadFile(fmt.Sprintf("/proc/%d/setgroups", pid))
			if want := map[bool]string{true: "deny\n", false: "allow\n"}[len(maps) == 1 && maps[0].Size == 1]; string(groups) != want {
				t.Errorf("setgroups = %q, want %q", groups, want)
			}
			b.Must(t, "start")
			if got := b.State(t).Status; got != "running" {
				t.Errorf("status %s, want running", got)
			}
			r := b.Run(t, "list")
			r.Silent(t)
			if !strings.Contains(r.Stdout, b.ID) || !strings.Contains(r.Stdout, "rungt") {
				t.Errorf("list lacks the container or its owner: %v", r)
			}
			b.Run(t, "delete", b.ID).Fails(t, 1, "that is not stopped")
			b.Must(t, "kill", "KILL")
			if ws := harness.Wait(t, pid); ws.Signal() != unix.SIGKILL {
				t.Errorf("the container ended with %x, want SIGKILL", ws)
			}
			b.WaitStatus(t, "stopped")
			b.Must(t, "delete")
			b.Run(t, "state", b.ID).Fails(t, 1, "does not exist")
		})
	}
}

// What the container looks like from inside.
func TestInside(t *testing.T) {
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := newBundle(t, mapping(maps...), harness.Probe("create:/tmp/x", "stat:/tmp/x", "open:/dev/null", "stat:/dev/null", "mknod:/tmp/dev",
				"mount:/tmp", "create:/sys/x", "read:/proc/sys/kernel/msgmax", "stat:/dev/shm"), func(s *specs.Spec) {
				s.Linux.Sysctl = map[string]string{"kernel.msgmax": "4322"}
				// The probe's bits are those of its own caller: this is not in the example.
				s.Mounts = append(s.Mounts, specs.Mount{Destination: "/data", Type: "bind", Source: "rootfs/etc", Options: []string{"rbind", "ro", "nosuid"}})
			})
			if maps[0].HostID == firstID {
				b.Give(t, firstID, firstID)
			}
			r := b.Report(t)
			for try, want := range map[string]string{
				"create:/tmp/x": "ok", "stat:/tmp/x": "ok file 0644 0:0", "open:/dev/null": "ok", "mknod:/tmp/dev": "EPERM", "mount:/tmp": "EPERM",
				"read:/proc/sys/kernel/msgmax": "ok 4322", "stat:/dev/shm": "ok dir 1777 0:0",
			} {
				if r.Tries[try] != want {
					t.Errorf("%s: %s, want %s", try, r.Tries[try], want)
				}
			}
			if !strings.HasSuffix(r.Tries["stat:/dev/null"], " 1:3") {
				t.Errorf("/dev/null: %s, want 1:3", r.Tries["stat:/dev/null"])
			}
			if r.UID != [3]int{} || r.GID != [3]int{} || len(r.Groups) > 0 && len(maps) > 1 {
				t.Errorf("uid %v gid %v groups %v, want 0 and none", r.UID, r.GID, r.Groups)
			}
			if r.PID != 1 || len(r.FDs) != 3 {
				t.Errorf("pid %d, descriptors %v, want 1 and three", r.PID, r.FDs)
			}
			for _, m := range r.Mounts {
				if m.Point == "/data" && !strings.HasPrefix(m.Options, "ro,nosuid") {
					t.Errorf("/data is %s, want ro,nosuid", m.Options)
				}
			}
		})
	}
}

func TestRun(t *testing.T) {
	harness.Share(t)
	b := newBundle(t, harness.Shell("exit 42"))
	if r := b.Container(t, "run"); r.Code != 42 || r.Stderr != "" {
		t.Errorf("want exit code 42 without a word: %v", r)
	}
	b = newBundle(t, harness.Args("/bin/sleep", "1000"))
	file := b.Dir + "/pid"
	b.Container(t, "run", "--detach", "--pid-file", file).Silent(t)
	pid := harness.PID(t, file)
	if got := b.State(t).Status; got != "running" {
		t.Errorf("status %s, want running", got)
	}
	b.End(t, pid)
}

// A user and groups other than root's need ids of their own.
func TestUser(t *testing.T) {
	harness.Share(t)
	other := func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 1000, GID: 1000, AdditionalGids: []uint32{5, 7}}
	}
	b := newBundle(t, mapping(ranges["65536 with his"]...), harness.Probe(), other)
	r := b.Report(t)
	if r.UID[0] != 1000 || r.GID[0] != 1000 || fmt.Sprint(r.Groups) != "[5 7]" {
		t.Errorf("uid %v gid %v groups %v, want 1000, 1000, 5 and 7", r.UID, r.GID, r.Groups)
	}
	b = newBundle(t, other)
	b.Container(t, "run").Fails(t, 1, "process.user.uid: not mapped in the user namespace")
	b = newBundle(t, func(s *specs.Spec) { s.Process.User.AdditionalGids = []uint32{0} })
	b.Container(t, "run").Fails(t, 1, "process.user.additionalGids: cannot set any additional groups in a rootless container")
}

func TestTerminal(t *testing.T) {
	for name, gid := range map[string]uint32{"one id": 0, "65536 with his": 5} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := newBundle(t, mapping(ranges[name]...), harness.Probe("-o", "/out", "-w", "/go", "stat:/dev/console"), func(s *specs.Spec) {
				s.Process.Terminal = true
				for i := range s.Mounts {
					if s.Mounts[i].Type == "devpts" && gid > 0 {
						s.Mounts[i].Options = append(s.Mounts[i].Options, fmt.Sprint("gid=", gid))
					}
				}
			})
			recv := harness.Receive(t)
			if err := os.Chmod(recv.Path, 0o777); err != nil {
				t.Fatal(err)
			}
			pid, _ := b.Create(t, "--console-socket", recv.Path)
			pty := recv.Console(t)
			b.Must(t, "start")
			b.Write(t, "go", "", 0o644)
			if ws := harness.Wait(t, pid); ws.ExitStatus() != 0 {
				t.Fatalf("probe: status %x: %s", ws, pty.All(t))
			}
			r := harness.ParseReport(t, b.Read(t, "out"))
			if r.TTY == nil || !r.TTY.Controlling || r.TTY.UID != 0 || r.TTY.GID != int(gid) {
				t.Errorf("terminal %+v, want a controlling one of 0:%d", r.TTY, gid)
			}
			b.Must(t, "delete")
		})
	}
}

// `run` in a terminal: it hands its own on.
func TestForegroundTerminal(t *testing.T) {
	harness.Share(t)
	b := newBundle(t, harness.Shell("read line; echo got $line; exit 7"), func(s *specs.Spec) { s.Process.Terminal = true })
	pty, slave := harness.OpenPTY(t)
	cmd := b.Cmd("run")
	cmd.Stdin, cmd.TTY = slave, true
	p := cmd.Start(t)
	pty.Type(t, "word\n")
	pty.Until(t, "got word")
	if r := p.Wait(t); r.Code != 7 {
		t.Errorf("want exit code 7: %v", r)
	}
}

func TestHooks(t *testing.T) {
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			dir := harness.TempDir(t)
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			hook := func(where, name string) []specs.Hook {
				return []specs.Hook{{
					Path: "/bin/sh", Args: []string{"sh", "-c", fmt.Sprintf(`umask 0; cat >/dev/null; echo %s >>%s/order`, name, where)},
					Env: []string{"PATH=/usr/bin:/bin"},
				}}
			}
			b := newBundle(t, mapping(maps...), func(s *specs.Spec) {
				s.Hooks = &specs.Hooks{
					Prestart: hook(dir, "prestart"), CreateRuntime: hook(dir, "createRuntime"), CreateContainer: hook(dir, "createContainer"),
					StartContainer: hook("/hooks", "startContainer"), Poststart: hook(dir, "poststart"), Poststop: hook(dir, "poststop"),
				}
				s.Mounts = append(s.Mounts, specs.Mount{Destination: "/hooks", Type: "bind", Source: dir, Options: []string{"bind"}})
			})
			if maps[0].HostID == firstID {
				b.Give(t, firstID, firstID)
			}
			pid, _ := b.Create(t)
			b.Must(t, "start")
			harness.Wait(t, pid)
			b.Must(t, "delete")
			got, _ := os.ReadFile(dir + "/order")
			if want := "prestart createRuntime createContainer startContainer poststart poststop"; fields(string(got)) != want {
				t.Errorf("hooks ran: %s, want %s", fields(string(got)), want)
			}
		})
	}
}
