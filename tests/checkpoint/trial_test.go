package checkpoint

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// usable tells whether CRIU is here and takes the kernel.
var usable = sync.OnceValue(func() error {
	out, err := exec.Command("criu", "check").CombinedOutput()
	if err != nil {
		return fmt.Errorf("criu check: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
})

func need(t *testing.T) {
	t.Helper()
	if err := usable(); err != nil {
		t.Skipf("CRIU can't be used here (make test-vm PKG=checkpoint): %v", err)
	}
}

// A trial is a container that is dumped and restored by one runtime.
type trial struct {
	*harness.Bundle
	runtime string   // the program; "": rung
	global  []string // options
	dump    []string // flags of a checkpoint
	restore []string // and of a restore
	count   string   // the file with the counter, in the container
	pid     int
	console *harness.Receiver
	stdout  *os.File
	files   bool       // its standard streams are files, and not /dev/null
	hand    []*os.File // descriptors from 3 on
	from    int        // the counter, when it was dumped at the latest
}

// counting is a shell script that counts in a file.
func counting(file string) string {
	return "i=0; while :; do i=$((i+1)); echo $i >" + file + "; usleep 50000; done"
}

// newTrial makes a bundle whose program counts in /data/n.
func newTrial(t *testing.T, runtime string, edits ...harness.Edit) *trial {
	t.Helper()
	need(t)
	x := &trial{runtime: runtime, count: "/data/n"}
	x.Bundle = harness.New(t, append([]harness.Edit{harness.Shell(counting("/data/n")), writableRoot}, edits...)...)
	t.Cleanup(func() { x.call(t, "delete", "--force", x.ID); x.ReapAll(t) })
	if err := os.Mkdir(x.Rootfs+"/data", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(x.Rootfs+"/data", 0o777); err != nil {
		t.Fatal(err)
	}
	if len(x.Spec.Process.Args) < 2 || x.Spec.Process.Args[1] != "helper" {
		return x
	}
	if out, err := exec.Command("cp", "--dereference", fmt.Sprintf("/proc/%d/exe", os.Getpid()), x.Rootfs+"/bin/helper").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return x
}

func writableRoot(s *specs.Spec) { s.Root.Readonly = false }

// call calls the trial's runtime.
func (x *trial) call(t *testing.T, args ...string) *harness.Result {
	t.Helper()
	return x.cmd(args...).Run(t)
}

func (x *trial) cmd(args ...string) *harness.Cmd {
	return &harness.Cmd{Program: x.runtime, Args: append(append([]string{"--root", x.Root}, x.global...), args...), Timeout: 2 * time.Minute}
}

// a failed step of a trial.
type step struct {
	what string
	r    *harness.Result
}

func (s step) Error() string { return s.what + ": " + s.r.String() }

// must is call of what has to succeed.
func (x *trial) must(t *testing.T, args ...string) {
	t.Helper()
	if r := x.call(t, args...); r.Code != 0 {
		panic(step{args[0], r})
	}
}

// caught runs f, and returns what it has failed with.
func caught(f func()) (err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case step:
			err = e
		case trouble:
			err = e
		default:
			panic(e)
		}
	}()
	f()
	return nil
}

// trouble is anything else that a trial fails with.
type trouble string

func (e trouble) Error() string { return string(e) }

func fail(format string, args ...any) { panic(trouble(fmt.Sprintf(format, args...))) }

// start makes the container, and waits until it counts.
func (x *trial) start(t *testing.T) {
	t.Helper()
	args := []string{"create", "--bundle", x.Dir, "--pid-file", x.Dir + "/pid"}
	if x.console != nil {
		args = append(args, "--console-socket", x.console.Path)
	}
	if len(x.hand) > 0 {
		args = append(args, "--preserve-fds", fmt.Sprint(len(x.hand)))
	}
	c := x.cmd(append(args, x.ID)...)
	if !x.files {
		// The harness has files for standard streams, which runc can't dump.
		c.Via = []string{"sh", "-c", `exec "$@" >/dev/null 2>&1`, "sh"}
	}
	c.Files, c.Stdout = x.hand, x.stdout
	if r := c.Run(t); r.Code != 0 {
		panic(step{"create", r})
	}
	if x.console != nil {
		x.console.Console(t)
	}
	x.pid = harness.PID(t, x.Dir+"/pid")
	x.must(t, "start", x.ID)
	x.until("the container counts", func() bool { return x.value() > 3 })
}

// value is what the counter says, 0 if that can't be read.
func (x *trial) value() int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/root%s", x.pid, x.count))
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

// read is value, when there is one.
func (x *trial) read() (n int) {
	x.until("a counter", func() bool { n = x.value(); return n > 0 })
	return n
}

func (x *trial) until(what string, ok func() bool) {
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			fail("timeout: %s", what)
		}
	}
}

// goesOn checks that the counter has gone on from a value.
func (x *trial) goesOn(from int) {
	if now := x.read(); now < from || now > from+1000 {
		fail("the counter is at %d, and was at %d", now, from)
	}
	before := x.read()
	x.until("the counter goes on", func() bool { return x.value() > before })
}

// checkpoint dumps the container to a directory.
func (x *trial) checkpoint(t *testing.T, images string, flags ...string) {
	t.Helper()
	args := append(append([]string{"checkpoint", "--image-path", images, "--work-path", images + ".work"}, x.dump...), flags...)
	x.must(t, append(args, x.ID)...)
}

// gone checks that the container is no more.
func (x *trial) gone(t *testing.T) {
	t.Helper()
	harness.Wait(t, x.pid)
	if r := x.call(t, "state", x.ID); r.Code == 0 {
		fail("the container is there after its checkpoint: %v", r)
	}
}

// restored restores the container.
func (x *trial) restored(t *testing.T, images string, flags ...string) {
	t.Helper()
	os.Remove(x.Dir + "/pid")
	args := append(append([]string{
		"restore", "--detach", "--bundle", x.Dir, "--image-path", images, "--work-path", images + ".work",
		"--pid-file", x.Dir + "/pid",
	}, x.restore...), flags...)
	if x.console != nil {
		x.console = harness.Receive(t)
		args = append(args, "--console-socket", x.console.Path)
	}
	x.must(t, append(args, x.ID)...)
	if x.console != nil {
		x.console.Console(t)
	}
	x.pid = harness.PID(t, x.Dir+"/pid")
}

// end deletes the container.
func (x *trial) end(t *testing.T) {
	t.Helper()
	x.must(t, "delete", "--force", x.ID)
	harness.Wait(t, x.pid)
}

func (x *trial) images() string { return filepath.Join(x.Dir, "images") }

// holder is a process in a new namespace of a kind, by unshare's option, until the test ends.
func holder(t *testing.T, option string, kind string) (path string) {
	t.Helper()
	cmd := exec.Command("unshare", option, "sleep", "1000")
	if kind == "pid" {
		// Its first process reaps what comes to it, whose pids are wanted again.
		cmd = exec.Command("unshare", option, "--fork", "--kill-child", "sh", "-c", "while :; do sleep 0.1; done")
	}
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	file := kind
	if kind == "pid" {
		file = "pid_for_children"
	}
	path = fmt.Sprintf("/proc/%d/ns/%s", cmd.Process.Pid, file)
	own, _ := os.Readlink("/proc/self/ns/" + kind)
	harness.Until(t, "a namespace", func() bool { to, err := os.Readlink(path); return err == nil && to != own })
	if kind == "pid" { // it is joined by those who come later, once it has a first process
		harness.Until(t, "a first process", func() bool {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", cmd.Process.Pid, cmd.Process.Pid))
			child := strings.TrimSpace(string(text))
			path = "/proc/" + child + "/ns/pid"
			return child != ""
		})
	}
	return path
}
