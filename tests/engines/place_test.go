package engines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
	"github.com/rung-oci/rung/tests/report"
)

// settle makes a place: the first process of new pid, mount, network, IPC and UTS
// namespaces waits until it has been moved to its cgroups, roots a cgroup
// namespace there and mounts what it sees of it where the host's was. It stays, to
// reap what loses its parent. The null device gets an inode of the place's own: crun
// gives it to the root of a user namespace when that is its stdio.
const settle = `
read -r _ && exec </dev/null unshare --cgroup sh -ec '
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
mknod -m 666 /run/null c 1 3
mount --bind /run/null /dev/null
cp -a /etc /run/etc
mount --bind /run/etc /etc
echo "rungt:x:4711:4711::$2/home:/bin/sh" >>/etc/passwd
echo "rungt:x:4711:" >>/etc/group
echo "rungt:200000:65536" | tee /etc/subuid >/etc/subgid
ip link set lo up
tac "$1" | while read -r kind option point; do umount "$point"; done
while read -r kind option point; do
	mount -t "$kind" $option none "$point"
	[ "$kind" = cgroup ] || { mkdir "$point/init"; echo 0 >"$point/init/cgroup.procs"; }
done <"$1"
shift 2
set +e
"$@"
exit $?' sh "$@"`

// inPlace runs the test f in namespaces and cgroups of its own, where engines can
// be started that think they have a host to themselves. Whatever they leave running
// ends with it. The directory given to f is removed afterwards.
func inPlace(t *testing.T, limit time.Duration, f func(t *testing.T, dir string)) {
	t.Helper()
	if dir := os.Getenv(harness.PlaceEnv); dir != "" {
		f(t, dir)
		return
	}
	harness.Once(t) // make test-engines does in all
	harness.Guard(t, nil)
	dir := harness.TempDir(t)
	cgroup := "/" + harness.Unique()
	t.Cleanup(func() { removeCgroups(t, cgroup) })
	layout := filepath.Join(dir, "layout")
	roots := hierarchies(t, layout)

	// The directory is the whole test run's for the harness inside.
	for _, name := range []string{"bin", "probe"} {
		if err := os.Symlink(harness.Dir()+"/"+name, dir+"/"+name); err != nil {
			t.Fatal(err)
		}
	}

	limit = harness.Patience(limit)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	args := []string{"-c", settle, "sh", layout, dir, "/proc/self/exe", "-test.run", "^" + t.Name() + "$", "-test.timeout", limit.String()}
	if self, err := os.Executable(); err == nil {
		args[5] = self
	}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	if testing.Verbose() {
		args = append(args, "-test.v")
	}
	runtime.LockOSThread() // the death signal is sent when the thread ends
	defer runtime.UnlockOSThread()
	c := exec.CommandContext(ctx, "sh", args...)
	var out strings.Builder
	c.Stdout, c.Stderr, c.WaitDelay = &out, &out, time.Second
	if harness.Emulated() {
		c.Stderr = os.Stderr // which tells of progress
	}
	c.Env = append(os.Environ(), harness.PlaceEnv+"="+dir, "RUNGT_DIR="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  unix.SIGKILL,
	}
	gate, err := c.StdinPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range roots {
		enter(t, root, cgroup, c.Process.Pid)
	}
	io.WriteString(gate, "go\n")
	err = c.Wait()
	switch {
	case ctx.Err() != nil:
		t.Errorf("not ready after %v:\n%s", limit, out.String())
	case err != nil:
		t.Errorf("%v:\n%s", err, out.String())
	case strings.Contains(out.String(), "--- SKIP: "+t.Name()+" "):
		t.Skip(out.String())
	default:
		t.Log("\n" + out.String())
	}
}

// hierarchies writes the view's cgroup mounts to a file, a line each, and returns
// where they are.
func hierarchies(t *testing.T, file string) (roots []report.Mount) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, m := range report.ParseMounts(string(data)) {
		switch m.Type {
		case "cgroup":
			_, option, _ := strings.Cut(m.Super, ",") // after rw
			fmt.Fprintf(&text, "cgroup -o%s %s\n", option, m.Point)
		case "cgroup2":
			fmt.Fprintf(&text, "cgroup2 -orw %s\n", m.Point)
		default:
			continue
		}
		roots = append(roots, m)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return roots
}

// enter makes a cgroup and moves a process into it.
func enter(t *testing.T, root report.Mount, cgroup string, pid int) {
	t.Helper()
	dir := root.Point + cgroup
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir + "/cpuset.cpus"); err == nil && root.Type == "cgroup" {
		for _, file := range []string{"/cpuset.cpus", "/cpuset.mems"} {
			data, err := os.ReadFile(root.Point + file)
			if err == nil {
				err = os.WriteFile(dir+file, data, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(dir+"/cgroup.procs", fmt.Append(nil, pid), 0o644); err != nil {
		t.Fatal(err)
	}
}

// removeCgroups removes a cgroup and all below it.
func removeCgroups(t *testing.T, cgroup string) {
	for _, dir := range harness.CgroupDirs(cgroup) {
		var dirs []string
		filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			if err := harness.Rmdir(dirs[i]); err != nil && !errors.Is(err, unix.ENOENT) {
				t.Errorf("rmdir %s: %v", dirs[i], err)
			}
		}
	}
}

// need skips the test when a program isn't installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s isn't installed: tests/engines/setup.sh does it", p)
		}
	}
}

// An engine is a daemon that a test has started.
type engine struct {
	t       *testing.T
	name    string
	log     string
	ready   []string
	env     []string
	command []string
	service bool     // of systemd's
	units   []string // as which it has run, the last one maybe still
	cmd     *exec.Cmd
	done    chan struct{}
}

// daemon starts an engine, which is ready when a command exits with 0; one that has
// systemd make its cgroups is a service. Its log is shown if the test fails. It is
// stopped at the end of the test.
func daemon(t *testing.T, dir, driver string, ready []string, env []string, command ...string) *engine {
	t.Helper()
	name := filepath.Base(command[0])
	e := &engine{t: t, name: name, log: filepath.Join(dir, name+".log"), ready: ready, env: env, command: command}
	e.service = driver == systemd
	if err := e.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.stop(); err != nil {
			t.Error(err)
		}
		e.clear()
		if t.Failed() {
			t.Logf("the end of %s's log:\n%s", name, e.tail())
		}
	})
	return e
}

func (e *engine) tail() string {
	text, _ := os.ReadFile(e.log)
	return string(text[max(0, len(text)-6000):])
}

func (e *engine) start() error {
	log, err := os.OpenFile(e.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	command := e.command
	if e.service { // another one each time: what an engine leaves running keeps its unit
		e.units = append(e.units, harness.Unique()+".service")
		command = append(service(e.units[len(e.units)-1]), command...)
	}
	e.cmd = exec.Command(command[0], command[1:]...)
	e.cmd.Env, e.cmd.Stdout, e.cmd.Stderr = e.env, log, log
	if err := e.cmd.Start(); err != nil {
		return err
	}
	e.done = make(chan struct{})
	go func(c *exec.Cmd, done chan struct{}) { c.Wait(); close(done) }(e.cmd, e.done)
	for end := time.Now().Add(harness.Patience(time.Minute)); ; time.Sleep(100 * time.Millisecond) {
		check := exec.Command(e.ready[0], e.ready[1:]...)
		check.Env = e.env
		if check.Run() == nil {
			return nil
		}
		select {
		case <-e.done:
			return fmt.Errorf("%s has ended:\n%s", e.name, e.tail())
		default:
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s isn't ready after a minute:\n%s", e.name, e.tail())
		}
	}
}

func (e *engine) stop() error {
	if e.service {
		exec.Command("systemctl", "stop", e.units[len(e.units)-1]).Run()
	} else {
		e.cmd.Process.Signal(unix.SIGTERM)
	}
	select {
	case <-e.done:
		return nil
	case <-time.After(harness.Patience(20 * time.Second)):
		e.cmd.Process.Kill()
		<-e.done
		return fmt.Errorf("%s doesn't stop", e.name)
	}
}

func (e *engine) restart() error {
	if err := e.stop(); err != nil {
		return err
	}
	return e.start()
}
