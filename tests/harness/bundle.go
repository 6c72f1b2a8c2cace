package harness

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/report"
)

// A Bundle is a bundle on disk, and the names under which a test runs it.
type Bundle struct {
	ID     string // unique; also the name of its cgroup, at the top of every hierarchy
	Dir    string // of the bundle; every user can search it
	Root   string // of the runtime's state
	Rootfs string
	Spec   *specs.Spec // call [Bundle.Save] after changing it
	Via    []string    // what calls the runtime, see [Cmd]
	pids   []int       // children of the test's
}

// An Edit changes a configuration before it is written.
type Edit = func(*specs.Spec)

var (
	process = fmt.Sprintf("rungt-%d-%d", os.Getpid(), time.Now().UnixMilli()%100000)
	serial  atomic.Int32
)

// Unique returns a name that no other test has, nor another process's.
func Unique() string { return fmt.Sprintf("%s-%d", process, serial.Add(1)) }

// TempDir is t.TempDir, but with a short path (sockets) and open for every
// user's search (user namespaces).
func TempDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(Dir(), fmt.Sprintf("%s%d", View(), serial.Add(1)))
	if err := os.Mkdir(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if os.Getenv("RUNG_KEEP") == "" {
			if err := os.RemoveAll(dir); err != nil {
				t.Errorf("remove the test's directory: %v", err)
			}
		}
	})
	return dir
}

// New makes a guarded bundle of busybox and the probe that runs `true`, unless
// edits say otherwise.
func New(t testing.TB, edits ...Edit) *Bundle {
	t.Helper()
	b := Empty(t, Template(t))
	fillBusybox(t, b.Rootfs)
	b.Spec.Process.Args = []string{"/bin/true"}
	for _, edit := range edits {
		edit(b.Spec)
	}
	b.Save(t)
	return b
}

// Empty makes a guarded bundle around s, with an empty root filesystem and no
// config.json yet. It sets root.path and linux.cgroupsPath.
func Empty(t testing.TB, s *specs.Spec) *Bundle {
	t.Helper()
	dir := TempDir(t)
	b := &Bundle{ID: Unique(), Dir: dir + "/b", Root: dir + "/run", Rootfs: dir + "/b/rootfs", Spec: s}
	Guard(t, b)
	for _, d := range []string{b.Dir, b.Rootfs} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if s.Root == nil {
		s.Root = new(specs.Root)
	}
	s.Root.Path = "rootfs"
	if s.Linux == nil {
		s.Linux = new(specs.Linux)
	}
	s.Linux.CgroupsPath = "/" + b.ID
	t.Cleanup(func() { b.remove(t) })
	return b
}

// Beside makes another bundle of the same root filesystem and state directory.
func (b *Bundle) Beside(t testing.TB, edits ...Edit) *Bundle {
	t.Helper()
	n := New(t, edits...)
	n.Root = b.Root
	return n
}

// Save writes config.json.
func (b *Bundle) Save(t testing.TB) {
	t.Helper()
	data, err := json.MarshalIndent(b.Spec, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	write(t, b.Dir+"/config.json", string(data), 0o644)
}

// Write makes a file in the root filesystem, with the directories above it.
func (b *Bundle) Write(t testing.TB, name, text string, mode os.FileMode) {
	t.Helper()
	write(t, filepath.Join(b.Rootfs, name), text, mode)
}

func write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// Give gives the root filesystem to a user, but for the files that other tests
// have too (busybox, the probe), which everyone can read.
func (b *Bundle) Give(t testing.TB, uid, gid int) {
	t.Helper()
	err := filepath.WalkDir(b.Rootfs, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if st, err := d.Info(); err == nil && !d.IsDir() && st.Sys().(*syscall.Stat_t).Nlink > 1 {
			return nil
		}
		return os.Lchown(path, uid, gid)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// remove kills whatever the test left running. A container that a passed test
// forgot is the test's mistake, not the runtime's.
func (b *Bundle) remove(t testing.TB) {
	if _, err := os.Lstat(filepath.Join(b.Root, b.ID)); err == nil {
		if r := b.Run(t, "delete", "--force", b.ID); r.Code != 0 {
			t.Errorf("clean up: %v", r)
		}
	}
	if t.Failed() {
		time.Sleep(50 * time.Millisecond)
		b.ReapAll(t) // the test may not have come to this
	}
	for _, pid := range b.pids {
		for range 200 {
			if got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); got == pid || err == unix.ECHILD {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// applets are the programs of busybox that tests use.
var applets = strings.Fields(`sh ash true false cat echo env id ls mkdir mount mknod sleep stat touch umount
	test [ kill ps readlink grep head hostname ip chmod chown dd df find ln nice nproc od printf pwd rm sed seq
	sort stty tail tr tty uname wc yes mv cp cut date basename dirname trap usleep who whoami sysctl ipcs`)

func fillBusybox(t testing.TB, rootfs string) {
	t.Helper()
	for _, d := range []string{"bin", "dev", "etc", "proc", "sys", "tmp", "root"} {
		if err := os.MkdirAll(filepath.Join(rootfs, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	os.Chmod(filepath.Join(rootfs, "tmp"), 0o1777)
	os.Chmod(filepath.Join(rootfs, "root"), 0o700)
	link(t, "/usr/bin/busybox", rootfs+"/bin/busybox")
	link(t, ProbePath(), rootfs+"/bin/probe")
	for _, name := range applets {
		if err := os.Link(rootfs+"/bin/busybox", rootfs+"/bin/"+name); err != nil {
			t.Fatal(err)
		}
	}
	write(t, rootfs+"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n", 0o644)
	write(t, rootfs+"/etc/group", "root:x:0:\nuser:x:1000:\n", 0o644)
}

// link puts a copy at path that shares no inode with the host's file, and one
// inode with all copies of this run: a container may damage it.
func link(t testing.TB, file, path string) {
	t.Helper()
	pattern := filepath.Join(Dir(), "pattern-"+filepath.Base(file))
	if _, err := os.Stat(pattern); err != nil {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v (apt install busybox-static)", err)
		}
		write(t, pattern, string(data), 0o755)
	}
	if err := os.Link(pattern, path); err != nil {
		t.Fatal(err)
	}
}

// Args sets the process's arguments.
func Args(args ...string) Edit {
	return func(s *specs.Spec) { s.Process.Args = args }
}

// Shell runs a script with busybox's shell.
func Shell(script string) Edit { return Args("/bin/sh", "-c", script) }

// Probe runs the probe; see its documentation for what can be tried.
func Probe(tries ...string) Edit { return Args(append([]string{"/bin/probe"}, tries...)...) }

// Report runs a bundle made with [Probe] and returns what it saw.
func (b *Bundle) Report(t testing.TB, flags ...string) *report.Report {
	t.Helper()
	r := b.Container(t, append([]string{"run"}, flags...)...)
	if r.Code != 0 {
		t.Fatalf("%v", r)
	}
	return r.Report(t)
}

// Report decodes what a probe printed.
func (r *Result) Report(t testing.TB) *report.Report {
	t.Helper()
	return ParseReport(t, r.Stdout)
}

// ParseReport decodes a probe's report.
func ParseReport(t testing.TB, text string) *report.Report {
	t.Helper()
	rep := new(report.Report)
	if err := json.Unmarshal([]byte(text), rep); err != nil {
		t.Fatalf("the probe's report: %v\n%s", err, text)
	}
	return rep
}

// PID is the content of a pid file.
func PID(t testing.TB, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscanf(string(data), "%d", &pid); err != nil || fmt.Sprint(pid) != string(data) {
		t.Fatalf("pid file %q, want digits only", data)
	}
	return pid
}

// Wait waits for a child, as a container's first process becomes when the
// runtime has exited, and returns how it ended.
func Wait(t testing.TB, pid int) unix.WaitStatus {
	t.Helper()
	var ws unix.WaitStatus
	for range 3000 {
		got, err := unix.Wait4(pid, &ws, unix.WNOHANG, nil)
		if err != nil && err != unix.EINTR {
			t.Fatalf("wait for %d: %v", pid, err)
		}
		if got == pid {
			return ws
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("process %d did not end in 30 s", pid)
	return 0
}

// Read is the content of a file in the root filesystem.
func (b *Bundle) Read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(b.Rootfs, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// ReapAll waits for all children that have ended, among them the first
// processes of detached containers, and returns how many there were. No call of
// the runtime may be under way.
func (b *Bundle) ReapAll(t testing.TB) (n int) {
	t.Helper()
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if pid <= 0 || err != nil {
			return n
		}
		n++
	}
}
