package checkpoint

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A kind is a kind of container.
type kind struct {
	name    string
	edits   func(t *testing.T) []harness.Edit
	prepare func(t *testing.T, x *trial)
	neither string // why rung may fail where runc fails too
}

func edits(list ...harness.Edit) func(*testing.T) []harness.Edit {
	return func(*testing.T) []harness.Edit { return list }
}

var kinds = []kind{
	{name: "host root"},
	{name: "user namespace", edits: edits(harness.MappedRoot, harness.DropMount("/sys")), prepare: func(t *testing.T, x *trial) {
		x.Chown(t)
		if err := os.Chown(x.Rootfs+"/data", 100000, 100000); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "terminal", edits: edits(func(s *specs.Spec) { s.Process.Terminal = true }), prepare: func(t *testing.T, x *trial) {
		x.console = harness.Receive(t)
	}},
	{name: "TCP connection", edits: edits(program("tcp")), prepare: flags("--tcp-established")},
	{name: "file lock", edits: edits(program("lock")), prepare: flags("--file-locks")},
	{name: "bind mount", edits: func(t *testing.T) []harness.Edit {
		dir := harness.TempDir(t)
		return []harness.Edit{
			harness.AddMount(specs.Mount{Destination: "/made/bind", Type: "bind", Source: dir, Options: []string{"rbind", "rw"}}),
			harness.Shell(counting("/made/bind/n")),
		}
	}, prepare: at("/made/bind/n")},
	{name: "rslave", edits: bound("rslave", "rslave"), prepare: at("/made/bind/n")},
	{name: "slave", edits: bound("slave", "slave"), prepare: at("/made/bind/n")},
	{name: "rshared", edits: bound("rshared", "rshared"), prepare: at("/made/bind/n")},
	{name: "rslave of a private root", edits: bound("", "rslave"), prepare: at("/made/bind/n")},
	{name: "rshared of a slave root", edits: bound("rslave", "rshared"), prepare: at("/made/bind/n")},
	{name: "rslave in a user namespace", edits: func(t *testing.T) []harness.Edit {
		return append(bound("rslave", "rslave")(t), harness.MappedRoot, harness.DropMount("/sys"))
	}, prepare: func(t *testing.T, x *trial) {
		x.Chown(t)
		at("/made/bind/n")(t, x)
		if err := os.Chown(x.Spec.Mounts[len(x.Spec.Mounts)-1].Source, 100000, 100000); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "rslaves in each other", edits: func(t *testing.T) []harness.Edit {
		list, dir := bound("rslave", "rslave")(t), harness.TempDir(t)
		if err := os.WriteFile(dir+"/file", nil, 0o644); err != nil {
			t.Fatal(err)
		}
		for destination, source := range map[string]string{"/made/bind/below": dir, "/made/file": dir + "/file"} {
			list = append(list, harness.AddMount(specs.Mount{Destination: destination, Type: "bind", Source: source, Options: []string{"rbind", "ro", "rslave"}}))
		}
		return list
	}, prepare: at("/made/bind/n")},
	{name: "slave root", edits: edits(func(s *specs.Spec) { s.Linux.RootfsPropagation = "rslave" })},
	{name: "tmpfs", edits: edits(
		harness.AddMount(specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"size=1m"}}), harness.Shell(counting("/tmp/n")),
	), prepare: at("/tmp/n")},
	{name: "pid namespace joined", edits: func(t *testing.T) []harness.Edit {
		return []harness.Edit{harness.JoinNS(specs.PIDNamespace, holder(t, "--pid", "pid"))}
	}},
	{name: "network namespace by path", edits: func(t *testing.T) []harness.Edit {
		return []harness.Edit{harness.JoinNS(specs.NetworkNamespace, holder(t, "--net", "net"))}
	}},
	{name: "pod", edits: func(t *testing.T) []harness.Edit {
		return []harness.Edit{
			harness.JoinNS(specs.NetworkNamespace, holder(t, "--net", "net")), harness.JoinNS(specs.IPCNamespace, holder(t, "--ipc", "ipc")),
			harness.JoinNS(specs.UTSNamespace, holder(t, "--uts", "uts")), func(s *specs.Spec) { s.Hostname = "" },
		}
	}},
	{name: "scope", prepare: func(t *testing.T, x *trial) {
		if _, err := os.Stat("/run/systemd/system"); err != nil {
			t.Skip("systemd doesn't run this machine")
		}
		x.global = []string{"--systemd-cgroup"}
		x.Spec.Linux.CgroupsPath = "system.slice:rungt:" + x.ID
		x.Save(t)
	}},
	{name: "limits", edits: edits(func(s *specs.Spec) {
		s.Linux.Resources.Pids = &specs.LinuxPids{Limit: ptr(int64(30))}
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: ptr(int64(200 << 20))}
	})},
	{name: "no cgroup namespace", edits: edits(harness.WithoutNS(specs.CgroupNamespace))},
	{name: "file by another name", edits: edits(program("linked")), prepare: func(_ *testing.T, x *trial) { x.dump = []string{"--link-remap"} }},
	{name: "socket of others", edits: func(t *testing.T) []harness.Edit {
		dir := harness.TempDir(t)
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrUnix{Name: dir + "/socket"})
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return []harness.Edit{
			harness.AddMount(specs.Mount{Destination: dir, Type: "bind", Source: dir, Options: []string{"rbind", "rw"}}),
			harness.Args("/bin/helper", "helper", "datagram", dir+"/socket"),
			harness.WithoutNS(specs.NetworkNamespace), // CRIU finds the other end in that, and later by the name that it was bound to
		}
	}, prepare: flags("--ext-unix-sk")},
	{name: "TCP connection to be closed", edits: edits(program("closes")), prepare: func(_ *testing.T, x *trial) {
		x.dump, x.restore = []string{"--tcp-established"}, []string{"--tcp-close"}
	}},
	{name: "TCP connection in flight", edits: edits(program("tcp")), prepare: func(_ *testing.T, x *trial) {
		x.dump, x.restore = []string{"--tcp-established", "--tcp-skip-in-flight"}, []string{"--tcp-established"}
	}},
	{name: "cgroups ignored", prepare: flags("--manage-cgroups-mode", "ignore")},
	{name: "cgroups soft", prepare: flags("--manage-cgroups-mode", "soft")},
	{name: "cgroups full", prepare: flags("--manage-cgroups-mode", "full")},
	{name: "cgroups strict", prepare: flags("--manage-cgroups-mode", "strict")},
	{name: "empty network", prepare: flags("--empty-ns", "network")},
	{name: "unconfined", prepare: func(t *testing.T, x *trial) {
		if _, err := os.Stat("/sys/kernel/security/apparmor"); err != nil {
			t.Skip("this kernel has no AppArmor")
		}
		x.restore = []string{"--lsm-profile", "apparmor:unconfined"}
	}},
	{name: "shell job", prepare: flags("--shell-job")},
}

// bound has a container count in a bind mount, with propagation for its root and that.
func bound(root, bind string) func(*testing.T) []harness.Edit {
	return func(t *testing.T) []harness.Edit {
		return []harness.Edit{
			harness.AddMount(specs.Mount{Destination: "/made/bind", Type: "bind", Source: harness.TempDir(t), Options: []string{"rbind", bind}}),
			harness.Shell(counting("/made/bind/n")), func(s *specs.Spec) { s.Linux.RootfsPropagation = root },
		}
	}
}

func flags(list ...string) func(*testing.T, *trial) {
	return func(_ *testing.T, x *trial) { x.dump, x.restore = list, list }
}

func at(file string) func(*testing.T, *trial) {
	return func(_ *testing.T, x *trial) { x.count = file }
}

// A way is a way of a container to images and back.
type way struct {
	name string
	all  bool // for every kind; else for the first only
	do   func(t *testing.T, x *trial)
}

var ways = []way{
	{"dump", true, func(t *testing.T, x *trial) {
		x.checkpoint(t, x.images())
		x.gone(t)
	}},
	{"leave running", false, func(t *testing.T, x *trial) {
		x.from = x.read()
		x.checkpoint(t, x.images(), "--leave-running")
		x.goesOn(x.from)
		x.end(t)
	}},
	{"pre-dumps", false, func(t *testing.T, x *trial) {
		x.checkpoint(t, x.Dir+"/p1", "--pre-dump")
		x.goesOn(x.read())
		x.checkpoint(t, x.Dir+"/p2", "--pre-dump", "--parent-path", "../p1")
		x.goesOn(x.read())
		x.checkpoint(t, x.images(), "--parent-path", "../p2")
		x.gone(t)
	}},
	{"pre-dump with pages once", false, func(t *testing.T, x *trial) {
		x.checkpoint(t, x.Dir+"/p1", "--pre-dump", "--auto-dedup")
		x.goesOn(x.read())
		x.checkpoint(t, x.images(), "--parent-path", "../p1", "--auto-dedup")
		x.gone(t)
		x.restore = append(x.restore, "--auto-dedup")
	}},
	{"page server", false, func(t *testing.T, x *trial) {
		port := freePort(t)
		if err := os.Mkdir(x.images(), 0o700); err != nil {
			t.Fatal(err)
		}
		server := background(t, x.Dir, "criu", "page-server", "--images-dir", x.images(), "--port", fmt.Sprint(port), "--log-file", x.Dir+"/server.log", "--status-fd", "1")
		server.ready(t)
		x.checkpoint(t, x.images(), "--page-server", fmt.Sprintf("127.0.0.1:%d", port))
		x.gone(t)
		server.wait(t)
	}},
}

// Containers go on where they were, and rung fails nothing that runc passes.
func TestMatrix(t *testing.T) {
	need(t)
	for i, k := range kinds {
		for _, w := range ways {
			if i > 0 && !w.all {
				continue
			}
			t.Run(k.name+"/"+w.name, func(t *testing.T) {
				ours := passes(t, &k, &w, "")
				if ours == nil {
					return // whatever runc does
				}
				theirs := passes(t, &k, &w, "runc")
				if theirs != nil && k.neither != "" {
					t.Skipf("neither rung nor runc: %s\nrung: %v\nrunc: %v", k.neither, ours, theirs)
				}
				t.Errorf("rung: %v\nrunc: %v", ours, theirs)
			})
		}
	}
}

// passes tries a way of a container of a kind with a runtime.
func passes(t *testing.T, k *kind, w *way, runtime string) (err error) {
	t.Helper()
	name := runtime
	if name == "" {
		name = "rung"
	}
	t.Run(name, func(t *testing.T) {
		var list []harness.Edit
		if k.edits != nil {
			list = k.edits(t)
		}
		x := newTrial(t, runtime, list...)
		if k.prepare != nil {
			k.prepare(t, x)
		}
		err = caught(func() {
			x.start(t)
			w.do(t, x)
			before := x.last()
			x.restored(t, x.images())
			x.goesOn(before)
			x.end(t)
		})
		if err != nil {
			for _, log := range []string{"dump.log", "restore.log"} {
				text, _ := os.ReadFile(x.images() + ".work/" + log)
				t.Logf("%s ends:\n%s", log, text[max(0, len(text)-1500):])
			}
		}
	})
	return err
}

// last is what the counter said last, of a container that isn't there any more.
func (x *trial) last() int {
	if x.from > 0 {
		return x.from
	}
	for _, file := range []string{x.Rootfs + x.count, x.outside()} {
		if text, err := os.ReadFile(file); err == nil {
			n := 0
			fmt.Sscan(string(text), &n)
			if n > 0 {
				return n
			}
		}
	}
	return 4 // see start
}

// outside is the counter's file on the host, if it is in a bind mount.
func (x *trial) outside() string {
	for _, m := range x.Spec.Mounts {
		if m.Type == "bind" && m.Destination+"/n" == x.count {
			return m.Source + "/n"
		}
	}
	return ""
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// A daemon is a program in the background.
type daemon struct {
	*exec.Cmd
	status *os.File
	done   chan error
}

// background starts a program that says when it is ready by a byte on stdout.
func background(t *testing.T, dir string, args ...string) *daemon {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{Cmd: exec.Command(args[0], args[1:]...), status: r, done: make(chan error, 1)}
	d.Dir, d.Stdout = dir, w
	d.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	err = d.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	go func() { d.done <- d.Wait() }()
	t.Cleanup(func() { d.Process.Kill(); r.Close() })
	return d
}

func (d *daemon) ready(t *testing.T) {
	t.Helper()
	d.status.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := d.status.Read(make([]byte, 1)); err != nil {
		t.Fatalf("%v isn't ready: %v", d.Args, err)
	}
}

func (d *daemon) wait(t *testing.T) {
	t.Helper()
	select {
	case <-d.done:
	case <-time.After(30 * time.Second):
		t.Errorf("%v doesn't end", d.Args)
	}
}
