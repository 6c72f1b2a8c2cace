package lifecycle

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// running is a container that lives until it is deleted.
func running(t *testing.T, edits ...harness.Edit) (b *harness.Bundle, pid int) {
	t.Helper()
	b = harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "300")}, edits...)...)
	pid, _ = b.Create(t)
	b.Must(t, "start")
	return b, pid
}

// execIn is `exec` with flags before and a command after the id.
func execIn(t *testing.T, b *harness.Bundle, flags []string, command ...string) *harness.Result {
	t.Helper()
	return b.Run(t, append(append(append([]string{"exec"}, flags...), b.ID), command...)...)
}

// An exec'd process is where the container's init is: in its namespaces, its
// cgroups and its root directory.
func TestExecPlace(t *testing.T) {
	host := namespacesOf(t, os.Getpid())
	other, opid := running(t)
	defer other.End(t, opid)
	for name, edit := range map[string]harness.Edit{
		"host-root": func(*specs.Spec) {}, "user namespace": mapped, "host pid": harness.WithoutNS(specs.PIDNamespace),
		"joined": func(s *specs.Spec) {
			for i, ns := range s.Linux.Namespaces {
				file := map[specs.LinuxNamespaceType]string{specs.PIDNamespace: "pid", specs.IPCNamespace: "ipc", specs.NetworkNamespace: "net"}[ns.Type]
				if file != "" {
					s.Linux.Namespaces[i].Path = fmt.Sprintf("/proc/%d/ns/%s", opid, file)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, pid := running(t, edit, writable)
			defer b.End(t, pid)
			r := execIn(t, b, []string{"--detach", "--pid-file", b.Dir + "/pid"}, "/bin/sleep", "300")
			r.Silent(t)
			p := harness.PID(t, b.Dir+"/pid")
			init, mine := namespacesOf(t, pid), namespacesOf(t, p)
			if init != mine {
				t.Errorf("namespaces %s, init has %s (host %s)", mine, init, host)
			}
			for _, file := range []string{"cgroup", "root", "uid_map"} {
				if a, b := procText(t, pid, file), procText(t, p, file); a != b {
					t.Errorf("%s: %q, init has %q", file, b, a)
				}
			}
			for _, key := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Uid", "Gid", "Groups"} {
				if a, b := statusLine(t, pid, key), statusLine(t, p, key); a != b {
					t.Errorf("%s, init has %s", b, a)
				}
			}
			reapKilled(t, p)
		})
	}
}

// reapKilled ends a detached process. It has become ours to reap, and until that
// is done the pid namespace, and the container's init with it, doesn't end.
func reapKilled(t *testing.T, pid int) {
	t.Helper()
	unix.Kill(pid, unix.SIGKILL)
	harness.Wait(t, pid)
}

func namespacesOf(t *testing.T, pid int) string {
	t.Helper()
	var list []string
	for _, n := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, n))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, link)
	}
	return strings.Join(list, " ")
}

func procText(t *testing.T, pid int, file string) string {
	t.Helper()
	path := fmt.Sprintf("/proc/%d/%s", pid, file)
	if file == "root" {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(st.Dev, st.Ino)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func statusLine(t *testing.T, pid int, key string) string {
	t.Helper()
	for line := range strings.Lines(procText(t, pid, "status")) {
		if strings.HasPrefix(line, key+":") {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("no %s in status", key)
	return ""
}

// Exit codes and texts are runc's.
func TestExecAnswers(t *testing.T) {
	b, pid := running(t, writable)
	b.Write(t, "script", "#!/no/such/interpreter\n", 0o755)
	b.Write(t, "plain", "", 0o644)
	for _, c := range []struct {
		flags, command string
		code           int
		text           string
	}{
		{"", "true", 0, ""},
		{"", "sh -c exit${IFS}3", 3, ""},
		{"", "sh -c kill${IFS}-9${IFS}$$", 137, ""},
		{"", "nosuch", 255, `exec failed: unable to start container process: exec: \"nosuch\": executable file not found in $PATH`},
		{"", "/no/such", 255, "/no/such: no such file or directory"},
		{"", "/plain", 255, "permission denied"},
		{"", "/tmp", 255, "is a directory"},
		{"", "/script", 255, "exec /script: no such file or directory"},
		{"--cwd /nope", "true", 255, "no such file or directory"},
		{"--cwd nope", "true", 255, "Cwd must be an absolute path"},
		{"", "", 255, "exec args cannot be empty"},
		{"-d -t", "true", 255, "cannot allocate tty if runc will detach without setting console socket"},
		{"-u 4294967295", "true", 255, "invalid user"},
		{"-u -1", "true", 255, "invalid user"},
		{"-u nobodyatall", "true", 255, "nobodyatall"},
		{"-g x", "true", 255, "invalid additional group"},
		{"-u 1000:1000 -g 7", "id", 0, ""},
		{"--preserve-fds 1", "true", 255, "unable to stat preserved-fd"},
	} {
		r := execIn(t, b, strings.Fields(c.flags), strings.Fields(c.command)...)
		if r.Code != c.code || !strings.Contains(r.Stderr, c.text) || c.text == "" && r.Stderr != "" {
			t.Errorf("exit code %d and %q wanted: %s", c.code, c.text, r)
		}
	}
	b.Run(t, "exec", "nosuchcontainer", "true").Fails(t, 255, "container does not exist")
	b.Must(t, "pause")
	execIn(t, b, nil, "true").Fails(t, 255, "cannot exec in a paused container (use --ignore-paused to override)")
	b.Must(t, "resume")
	b.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	execIn(t, b, nil, "true").Fails(t, 255, "cannot exec in a stopped container")
	b.Must(t, "delete")
}

// A created container takes processes too, and its init still waits.
func TestExecCreated(t *testing.T) {
	t.Run("host user namespace", func(t *testing.T) { execCreated(t) })
	// There nobody inside may trace the init, which is still our own program.
	t.Run("user namespace", func(t *testing.T) { execCreated(t, mapped) })
}

func execCreated(t *testing.T, edits ...harness.Edit) {
	t.Helper()
	b := harness.New(t, append(edits, harness.Args("/bin/true"))...)
	pid, _ := b.Create(t)
	if r := execIn(t, b, nil, "/bin/hostname"); r.Code != 0 {
		t.Error(r)
	}
	if s := b.State(t); s.Status != specs.StateCreated {
		t.Errorf("status %s, want created", s.Status)
	}
	b.End(t, pid)
}

// The last number counts, names come from the container's files, and nothing of
// the caller's groups, capabilities or descriptors arrives.
func TestExecIdentity(t *testing.T) {
	b, pid := running(t, writable)
	defer b.End(t, pid)
	b.Write(t, "etc/passwd", "1000:x:0:0::/:/bin/sh\njoe:x:5000:50::/home/joe:/bin/sh\n", 0o644)
	b.Write(t, "etc/group", "wheel:x:10:joe\n", 0o644)
	for flags, want := range map[string]string{
		"-u 1000":              "uid=1000 gid=0",
		"-u joe":               "uid=5000(joe) gid=50 groups=10(wheel)",
		"-u joe:7":             "uid=5000(joe) gid=7",
		"-u 1:1 -g 20 -g 30":   "uid=1 gid=1 groups=20,30",
		"-u 1000 -c CAP_CHOWN": "uid=1000 gid=0",
	} {
		r := b.Cmd("exec")
		r.Args = append(append([]string{"--root", b.Root, "exec"}, strings.Fields(flags)...), b.ID, "id")
		r.Via = []string{"setpriv", "--groups", "4,27"}
		if got := r.Run(t); strings.TrimSpace(got.Stdout) != want {
			t.Errorf("%s: want %q: %s", flags, want, got)
		}
	}
	r := execIn(t, b, []string{"-c", "CAP_NET_RAW"}, "grep", "Cap", "/proc/self/status")
	if !strings.Contains(r.Stdout, "CapInh:\t0000000000000000") || !strings.Contains(r.Stdout, "CapAmb:\t0000000000000000") {
		t.Errorf("inheritable or ambient capabilities: %s", r)
	}
	null, err := os.Open("/etc")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	c := b.Cmd("exec")
	c.Args = []string{"--root", b.Root, "exec", b.ID, "sh", "-c", "echo /proc/self/fd/*"}
	c.Files = []*os.File{null, null}
	if got := c.Run(t).Stdout; strings.Contains(got, "/4") {
		t.Errorf("descriptors %s, want none of the caller's", got)
	}
	for fd := 3; fd < 40; fd++ {
		execIn(t, b, []string{"--cwd", "/proc/self/fd/" + strconv.Itoa(fd)}, "true").Fails(t, 255, "")
	}
}

// Files of an image that don't end, or aren't files, are nothing to wait for.
func TestExecHostileFiles(t *testing.T) {
	for name, hostile := range map[string]func(path string) error{
		"fifo":   func(p string) error { return unix.Mkfifo(p, 0o644) },
		"zero":   func(p string) error { return os.Symlink("/dev/zero", p) },
		"kmsg":   func(p string) error { return os.Symlink("/proc/kmsg", p) },
		"dir":    func(p string) error { return os.Mkdir(p, 0o755) },
		"sparse": func(p string) error { return os.WriteFile(p, nil, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b, pid := running(t, writable)
			defer b.End(t, pid)
			os.Remove(b.Rootfs + "/etc/passwd")
			_ = os.MkdirAll(b.Rootfs+"/etc", 0o755)
			if err := hostile(b.Rootfs + "/etc/passwd"); err != nil {
				t.Fatal(err)
			}
			if name == "sparse" {
				if err := os.Truncate(b.Rootfs+"/etc/passwd", 2<<30); err != nil {
					t.Fatal(err)
				}
			}
			r := execIn(t, b, nil, "sh", "-c", "echo $HOME")
			if r.Code != 0 || strings.TrimSpace(r.Stdout) != "/" || r.Elapsed > time.Second {
				t.Errorf("after %v: %s", r.Elapsed, r)
			}
			execIn(t, b, []string{"-u", "joe"}, "true").Fails(t, 255, "joe")
		})
	}
}

func TestExecTerminal(t *testing.T) {
	b, pid := running(t)
	defer b.End(t, pid)
	recv := harness.Receive(t)
	execIn(t, b, []string{"-t", "-d", "--pid-file", b.Dir + "/pid", "--console-socket", recv.Path}, "sh", "-c", "stty size; tty; read x; echo got $x; exit 4").Silent(t)
	pty := recv.Console(t)
	pty.Until(t, "/dev/pts/")
	pty.Type(t, "hello\n")
	pty.Until(t, "got hello")
	pty.All(t) // ends: nobody else holds the terminal
	if ws := harness.Wait(t, harness.PID(t, b.Dir+"/pid")); ws.ExitStatus() != 4 {
		t.Errorf("status %#x, want exit 4", ws)
	}
}

// 200 at the same time: each has its own answer.
func TestExecParallel(t *testing.T) {
	b, pid := running(t)
	defer b.End(t, pid)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			c := b.Cmd("exec")
			c.Args, c.Timeout = []string{"--root", b.Root, "exec", b.ID, "sh", "-c", fmt.Sprintf("exit %d", i%100)}, time.Minute
			if r := c.Run(t); r.Code != i%100 || r.Stderr != "" {
				t.Errorf("exit code %d wanted: %s", i%100, r)
			}
		})
	}
	wg.Wait()
}

// An init that ends meanwhile (fault 32): the exec's answer is its own code, that
// it was killed, or an error; and it comes.
func TestExecRacesInit(t *testing.T) {
	rounds := 100 // of ten execs
	if testing.Short() {
		rounds = 20
	}
	// By the moment at which the init ends: it had already, meanwhile, or when the process was in its pid namespace.
	ended := []string{"cannot exec in a stopped container", "does not exist", "process was killed before it ran the program"}
	for range rounds {
		b := harness.New(t, harness.Args("/bin/sleep", "0.03"))
		pid, _ := b.Create(t)
		b.Must(t, "start")
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				r := execIn(t, b, nil, "sh", "-c", "exit 7")
				switch {
				case r.Code == 7 || r.Code == 137:
				case r.Code == 255 && slices.ContainsFunc(ended, func(text string) bool { return strings.Contains(r.Stderr, text) }):
				default:
					t.Errorf("%s", r)
				}
			})
		}
		wg.Wait()
		harness.Wait(t, pid)
		b.Must(t, "delete")
	}
}

// A small memory limit is no hindrance, nor is a pids.limit of 1 where the
// process is moved into the cgroup.
func TestExecLimits(t *testing.T) {
	harness.Controller(t, "memory")
	limit := int64(1 << 20)
	b, pid := running(t, func(s *specs.Spec) {
		if harness.View() != harness.V2 {
			s.Linux.Resources.Pids = &specs.LinuxPids{Limit: new(int64(1))}
		}
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit}
	})
	defer b.End(t, pid)
	if r := execIn(t, b, nil, "true"); r.Code != 0 {
		t.Error(r)
	}
}

// A process that is born in its cgroup is one too many for a pids.limit of 1.
func TestExecPidsLimitV2(t *testing.T) {
	if harness.View() != harness.V2 {
		t.Skip("the pids controller refuses no process that is moved, as on v1: needs the v2 view")
	}
	harness.Controller(t, "pids")
	b, pid := running(t, func(s *specs.Spec) { s.Linux.Resources.Pids = &specs.LinuxPids{Limit: new(int64(1))} })
	defer b.End(t, pid)
	for range 3 {
		r := execIn(t, b, nil, "true")
		if r.Code != 255 || strings.Count(r.Stderr, "\n") != 1 || !strings.Contains(r.Stderr, "the pids limit of 1 is reached in cgroup /sys/fs/cgroup/"+b.ID) {
			t.Errorf("want one line that names the limit: %v", r)
		}
	}
	if got := b.State(t).Status; got != specs.StateRunning {
		t.Errorf("status = %q, want running", got)
	}
}

// The container's seccomp filter holds for processes that join it, whoever they
// are and with or without no_new_privs.
func TestExecSeccomp(t *testing.T) {
	errno := uint(uint32(unix.EXDEV))
	b, pid := running(t, func(s *specs.Spec) {
		s.Linux.Seccomp = &specs.LinuxSeccomp{
			DefaultAction: specs.ActAllow,
			Syscalls:      []specs.LinuxSyscall{{Names: []string{"mkdir", "mkdirat"}, Action: specs.ActErrno, ErrnoRet: &errno}},
		}
	}, writable)
	defer b.End(t, pid)
	for _, flags := range []string{"", "-u 1000", "--no-new-privs", "-u 1000 --no-new-privs", "--no-new-privs=false", "-u 1000 --no-new-privs=false"} {
		r := execIn(t, b, strings.Fields(flags), "sh", "-c", "grep Seccomp: /proc/self/status; grep CapEff /proc/self/status; mkdir /tmp/x")
		if !strings.Contains(r.Stdout, "Seccomp:\t2") || !strings.Contains(r.Stderr, "Invalid cross-device link") {
			t.Errorf("%s: want a filter that refuses mkdir: %s", flags, r)
		}
		if strings.Contains(flags, "1000") && !strings.Contains(r.Stdout, "CapEff:\t0000000000000000") {
			t.Errorf("%s: want no capability: %s", flags, r)
		}
	}
}

// A v2 cgroup whose controllers went to cgroups below it takes no process. Then
// an exec goes where the container's init is, if that is below.
func TestExecMovedInit(t *testing.T) {
	b, pid := running(t)
	defer b.End(t, pid)
	intoSub(t, b, "below", pid)
	given := false
	for _, dir := range harness.CgroupDirs(b.ID) {
		err := os.WriteFile(dir+"/cgroup.subtree_control", []byte("+hugetlb"), 0)
		given = given || err == nil
	}
	if !given {
		t.Skip("the " + harness.View() + " view has no cgroup2 with a controller to give away")
	}
	r := execIn(t, b, []string{"--detach", "--pid-file", b.Dir + "/pid"}, "/bin/sleep", "300")
	r.Silent(t)
	p := harness.PID(t, b.Dir+"/pid")
	unified := func(pid int) string {
		_, line, _ := strings.Cut("\n"+procText(t, pid, "cgroup"), "\n0::")
		return strings.TrimSpace(line)
	}
	if got, want := unified(p), unified(pid); got != want || !strings.HasSuffix(got, "/below") {
		t.Errorf("cgroup %q, init's is %q", got, want)
	}
	reapKilled(t, p)
}

// exec uses the configuration that create has read, whatever has become of the
// bundle's file.
func TestExecSnapshot(t *testing.T) {
	harness.NeedRung(t, "runc keeps less of it")
	b := harness.New(t, harness.Args("/bin/sleep", "300"), func(s *specs.Spec) { s.Process.Env = append(s.Process.Env, "WHICH=first") })
	pid, r := b.Create(t)
	if r.Code != 0 {
		t.Fatal(r)
	}
	defer b.End(t, pid)
	b.Must(t, "start")
	for i := range b.Spec.Process.Env {
		b.Spec.Process.Env[i] = "WHICH=second"
	}
	b.Save(t)
	if r := execIn(t, b, nil, "/bin/sh", "-c", "echo $WHICH"); r.Stdout != "first\n" {
		t.Errorf("with a changed file: %v", r)
	}
	if err := os.Remove(b.Dir + "/config.json"); err != nil {
		t.Fatal(err)
	}
	if r := execIn(t, b, nil, "/bin/sh", "-c", "echo $WHICH"); r.Stdout != "first\n" {
		t.Errorf("without the file: %v", r)
	}
}
