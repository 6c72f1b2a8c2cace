// Package cgtest runs tests against the kernel in each cgroup layout: a host
// with both kinds of mounts can show each alone to a private mount namespace.
// Only tests import it.
package cgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/internal/testbed"
)

const (
	viewEnv  = "RUNGCG_VIEW"
	enterEnv = "RUNGCG_ENTER"
	prefix   = "rungcg-"
)

// views are shell scripts that change a private mount namespace of a hybrid host.
var views = []struct {
	mode   cgroups.Mode
	script string
}{
	{cgroups.Legacy, `umount /sys/fs/cgroup/unified && exec "$@"`},
	{cgroups.Unified, `umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"`},
}

// init makes a copy of the test binary enter the cgroups whose tasks files it
// inherited, and then become another program; see [Host.Start].
func init() {
	n, err := strconv.Atoi(os.Getenv(enterEnv))
	if err != nil {
		return
	}
	runtime.LockOSThread()
	for fd := 3; fd < 3+n; fd++ {
		if _, err := unix.Write(fd, []byte("0")); err != nil {
			fmt.Fprintln(os.Stderr, "enter cgroup:", err)
			os.Exit(120)
		}
		unix.CloseOnExec(fd)
	}
	os.Unsetenv(enterEnv)
	fmt.Fprintln(os.Stderr, "exec:", syscall.Exec(os.Args[1], os.Args[1:], os.Environ()))
	os.Exit(121)
}

// Host is a cgroup layout of the kernel that a test runs on.
type Host struct {
	*cgroups.Layout
}

// Each runs f as root on the host's own layout, and, if that is hybrid, again on
// each of the pure ones. A process that runs longer than a minute is killed.
func Each(t *testing.T, f func(t *testing.T, h *Host)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make cgroups")
	}
	l, err := cgroups.Detect()
	if err != nil {
		t.Fatal(err)
	}
	if want := os.Getenv(viewEnv); want != "" {
		if got := l.Mode.String(); got != want {
			t.Fatalf("mode = %v, want %v", got, want)
		}
		RestoreControllers(t, l)
		f(t, &Host{l})
		return
	}
	t.Run(l.Mode.String(), func(t *testing.T) {
		RestoreControllers(t, l)
		f(t, &Host{l})
	})
	for _, v := range views {
		if v.mode == l.Mode {
			continue
		}
		t.Run(v.mode.String(), func(t *testing.T) {
			if l.Mode != cgroups.Hybrid {
				t.Skipf("a %v host can't show a %v view", l.Mode, v.mode)
			}
			again(t, v.mode, v.script)
		})
	}
}

// again runs the calling test in a copy of the test binary.
func again(t *testing.T, mode cgroups.Mode, script string) {
	name, _, _ := strings.Cut(t.Name(), "/")
	args := []string{
		"-k", "5", "60", "unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh",
		os.Args[0], "-test.run=^" + name + "$", "-test.v", "-test.count=1",
	}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	cmd := exec.Command("timeout", args...)
	cmd.Env = append(os.Environ(), viewEnv+"="+mode.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	} else if !strings.Contains(string(out), "--- PASS: "+name) && !strings.Contains(string(out), "--- SKIP: "+name) {
		t.Errorf("%s did not run:\n%s", name, out)
	} else if testing.Verbose() {
		t.Logf("%s", out)
	}
}

// RestoreControllers disables, at the end, what a test enabled in the root of a v2 tree.
func RestoreControllers(t testing.TB, l *cgroups.Layout) {
	h := l.Hierarchy("")
	if h == nil {
		return
	}
	file := path.Join(h.Mountpoint, "cgroup.subtree_control")
	before := Read(t, file)
	t.Cleanup(func() {
		for _, c := range strings.Fields(Read(t, file)) {
			if !slices.Contains(strings.Fields(before), c) {
				if err := os.WriteFile(file, []byte("-"+c), 0); err != nil {
					t.Logf("disable controller: %v", err)
				}
			}
		}
	})
}

var count atomic.Int32

// Manager returns a manager for a new cgroup of its own, at /ID/sub (or /ID
// when sub is empty) of every hierarchy. At the end of the test whatever is
// below /ID is killed and removed; a directory that the test itself should have
// removed and didn't fails it.
func (h *Host) Manager(t *testing.T, sub string) (cgroups.Manager, string) {
	t.Helper()
	id := fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), count.Add(1))
	t.Cleanup(func() { h.clean(t, id) })
	return h.At(t, "/"+path.Join(id, sub)), id
}

// At returns a manager for a cgroupsPath that another cleans up.
func (h *Host) At(t *testing.T, cgroupsPath string) cgroups.Manager {
	t.Helper()
	loc, err := h.Locate(cgroupsPath, "")
	if err != nil {
		t.Fatal(err)
	}
	m, err := choose.Manager(h.Layout, loc)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Create makes the cgroup, complete, or leaves nothing of it.
func Create(p cgroups.Place, r *specs.LinuxResources) error {
	err := p.Make(r)
	if err == nil {
		if err = p.Protect(); err != nil {
			_ = p.Destroy()
		}
	}
	return err
}

func (h *Host) clean(t *testing.T, id string) {
	m := h.At(t, "/"+id)
	if err := m.Thaw(); err != nil {
		t.Error(err)
	}
	if err := m.Kill(); err != nil {
		t.Error(err)
	}
	if err := m.Destroy(); err != nil {
		t.Error(err)
	}
	if left := h.Dirs(id); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Dirs lists the directories of all hierarchies at /ID and below.
func (h *Host) Dirs(id string) []string {
	var all []string
	for i := range h.Hierarchies {
		filepath.WalkDir(path.Join(h.Hierarchies[i].Mountpoint, id), func(p string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				all = append(all, p)
			}
			return nil
		})
	}
	return all
}

// Process is a program that runs in a cgroup.
type Process struct {
	*exec.Cmd
	done chan struct{}
	err  error
}

// Start runs a program in the manager's cgroups, as rung does: born in the v2
// one, entering the v1 ones by itself.
func Start(t *testing.T, m cgroups.Manager, argv ...string) *Process {
	t.Helper()
	e, err := m.Entry()
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{done: make(chan struct{})}
	name, err := exec.LookPath(argv[0])
	if err != nil {
		t.Fatal(err)
	}
	p.Cmd = exec.Command(os.Args[0])
	p.Args = append([]string{os.Args[0], name}, argv[1:]...)
	p.Env = append(os.Environ(), enterEnv+"="+strconv.Itoa(len(e.Tasks)))
	// A file, not a pipe: Wait would wait for all that inherited a pipe.
	out, err := os.CreateTemp(t.TempDir(), "stderr")
	if err != nil {
		t.Fatal(err)
	}
	p.Stderr = out
	p.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if e.Unified >= 0 {
		p.SysProcAttr.UseCgroupFD, p.SysProcAttr.CgroupFD = true, e.Unified
	}
	for _, fd := range e.Tasks {
		p.ExtraFiles = append(p.ExtraFiles, os.NewFile(uintptr(fd), "tasks"))
	}
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range p.ExtraFiles {
		f.Close()
	}
	e.Tasks = nil
	e.Close()
	go func() {
		p.err = p.Cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Process.Kill()
		m.Thaw()
		if _, ok := p.Wait(10 * time.Second); !ok {
			t.Errorf("process %d of %v doesn't die", p.Process.Pid, argv)
		}
		if s := Read(t, out.Name()); s != "" {
			t.Logf("%v: %s", argv, s)
		}
		out.Close()
	})
	p.waitExec(t, name)
	return p
}

// waitExec waits until the copy of the test binary has become the program.
func (p *Process) waitExec(t *testing.T, name string) {
	name, _ = filepath.EvalSymlinks(name)
	testbed.Until(t, "exec of "+name, func() bool {
		select {
		case <-p.done:
			return true
		default:
		}
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.Process.Pid))
		return exe == name
	})
}

// Wait waits for the program's end and reports how it ended, or false after a timeout.
func (p *Process) Wait(timeout time.Duration) (error, bool) {
	select {
	case <-p.done:
		return p.err, true
	case <-time.After(timeout):
		return nil, false
	}
}

// Alive tells whether the program still runs.
func (p *Process) Alive() bool {
	_, ended := p.Wait(0)
	return !ended
}

// Read returns a cgroup file's content without the newline.
func Read(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(b), "\n")
}

// Write writes to a cgroup file.
func Write(t *testing.T, file, value string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}
