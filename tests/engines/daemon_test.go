package engines

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A daemon is an engine that was started by hand: in a directory, a mount and a
// network namespace of its own, with an empty /run. Nothing of the host's knows
// of it, and it ends with the test.
type daemon struct {
	t   testing.TB
	dir string
	cmd *exec.Cmd
	log string
}

// workplace makes the directory of a daemon and a guard for what it may leave.
func workplace(t testing.TB) string {
	t.Helper()
	harness.Guard(t, nil)
	// Orphans (shims, monitors) become ours, so that they can be found and ended.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	return harness.TempDir(t)
}

// start runs a daemon whose files are in dir and waits until ready exits with 0.
// A first line of its own prepares the namespaces.
func start(t testing.TB, dir string, ready []string, env []string, args ...string) *daemon {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skipf("%s isn't installed (make test installs it)", args[0])
	}
	d := &daemon{t: t, dir: dir, log: filepath.Join(dir, filepath.Base(args[0])+".log")}
	log, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d.cmd = exec.Command("sh", append([]string{"-c", `ip link set lo up && mount -t tmpfs tmpfs /run && exec "$@"`, "sh"}, args...)...)
	d.cmd.Env = append(os.Environ(), env...)
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET, Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.stop)
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		check := exec.Command(ready[0], ready[1:]...)
		check.Env = d.cmd.Env
		if check.Run() == nil {
			return d
		}
		if time.Now().After(end) {
			t.Fatalf("%s isn't ready after a minute:\n%s", args[0], d.tail())
		}
	}
}

// stop ends the daemon, and then whatever of it has outlived it.
func (d *daemon) stop() {
	d.t.Helper()
	done := make(chan struct{})
	go func() { d.cmd.Wait(); close(done) }()
	d.cmd.Process.Signal(unix.SIGTERM)
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		d.t.Errorf("%s doesn't stop:\n%s", d.cmd.Args[4], d.tail())
		d.cmd.Process.Kill()
		<-done
	}
	for range 100 {
		left := descendants(d.dir)
		if len(left) == 0 {
			break
		}
		for _, pid := range left {
			unix.Kill(pid, unix.SIGKILL)
		}
		time.Sleep(50 * time.Millisecond)
		harness.Reap()
	}
	if d.t.Failed() {
		d.t.Logf("the end of %s's log:\n%s", filepath.Base(d.log), d.tail())
	}
}

// descendants lists the processes whose command line names the directory: shims,
// monitors, a daemon's daemon.
func descendants(dir string) (pids []int) {
	lists, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range lists {
		pid, err := strconv.Atoi(strings.Split(file, "/")[2])
		if line, _ := os.ReadFile(file); err == nil && pid != os.Getpid() && bytes.Contains(line, []byte(dir+"/")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// tail is the end of the daemon's log.
func (d *daemon) tail() string {
	text, _ := os.ReadFile(d.log)
	return string(text[max(0, len(text)-4000):])
}

// cgroupParent is a cgroup for an engine's containers. It is removed in the end.
func cgroupParent(t testing.TB) string {
	name := "/" + harness.Unique()
	t.Cleanup(func() {
		for _, dir := range harness.CgroupDirs(name) {
			var dirs []string
			filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
				if err == nil && e.IsDir() {
					dirs = append(dirs, path)
				}
				return nil
			})
			for i := len(dirs) - 1; i >= 0; i-- {
				if err := unix.Rmdir(dirs[i]); err != nil && !errors.Is(err, unix.ENOENT) {
					t.Errorf("rmdir %s: %v", dirs[i], err)
				}
			}
		}
	})
	return name
}
