package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A Cmd is one call of the runtime under test. Its output goes to files, as a
// container can outlive the call and would hold a pipe open.
type Cmd struct {
	Args    []string      // without the runtime's path
	Program string        // another runtime; "": the one under test
	Via     []string      // a command that is given the runtime's command line: {"nice", "-n", "10"}
	Env     []string      // nil: a PATH and nothing else
	Dir     string        // working directory
	Stdin   *os.File      // nil: /dev/null
	Stdout  *os.File      // nil: a file, whose content is in the result
	Files   []*os.File    // descriptors 3 and up
	Timeout time.Duration // 0: 20 s
	TTY     bool          // stdin is a terminal that becomes the controlling one
}

// A Result is what a call did.
type Result struct {
	Args           []string
	Code           int // exit code; 128 + signal if one ended the runtime itself
	Stdout, Stderr string
	Elapsed        time.Duration
	out, err       string // files
}

// String is for failure messages.
func (r *Result) String() string {
	return fmt.Sprintf("%s: exit code %d\nstdout: %s\nstderr: %s",
		strings.Join(r.Args, " "), r.Code, strings.TrimSpace(cut(r.Stdout)), strings.TrimSpace(cut(r.Stderr)))
}

func cut(s string) string {
	if len(s) > 4000 {
		return s[:4000] + "…"
	}
	return s
}

// Reread returns what is in stdout's file now, when a container wrote there
// after the call had returned.
func (r *Result) Reread(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(r.out)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Run calls the runtime and waits for its exit, at most c.Timeout: then it is
// killed and the test fails.
func (c *Cmd) Run(t testing.TB) *Result {
	t.Helper()
	p := c.Start(t)
	return p.Wait(t)
}

// A Proc is a runtime that runs.
type Proc struct {
	*exec.Cmd
	res     *Result
	start   time.Time
	timeout time.Duration
	files   []*os.File
}

// Start calls the runtime and doesn't wait.
func (c *Cmd) Start(t testing.TB) *Proc {
	t.Helper()
	program := c.Program
	if program == "" {
		program = Runtime()
	}
	argv := append(append(append([]string{}, c.Via...), program), c.Args...)
	path, err := exec.LookPath(argv[0])
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(TempDir(t), "out")
	p := &Proc{Cmd: &exec.Cmd{Path: path, Args: argv, Dir: c.Dir, Env: c.Env, Stdin: nil, ExtraFiles: c.Files}, timeout: c.Timeout}
	if p.Env == nil {
		p.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	}
	if p.timeout == 0 {
		p.timeout = Patience(20 * time.Second)
	}
	p.res = &Result{Args: argv, out: base, err: base + ".err"}
	if c.Stdin != nil {
		p.Stdin = c.Stdin
	}
	if p.Stdout = c.Stdout; c.Stdout == nil {
		p.Stdout = p.create(t, p.res.out)
	}
	p.Stderr = p.create(t, p.res.err)
	if c.TTY {
		p.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
		p.Stdout, p.Stderr = c.Stdin, c.Stdin
	}
	p.start = time.Now()
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.ProcessState == nil { // the test failed before it could wait
			p.Process.Kill()
			p.Cmd.Wait()
		}
	})
	return p
}

func (p *Proc) create(t testing.TB, path string) *os.File {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	p.files = append(p.files, f)
	return f
}

// Wait waits for the end of a started runtime.
func (p *Proc) Wait(t testing.TB) *Result {
	t.Helper()
	timer := time.AfterFunc(p.timeout-time.Since(p.start), func() { p.Process.Kill() })
	err := p.Cmd.Wait()
	late := !timer.Stop()
	p.res.Elapsed = time.Since(p.start)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		ws := exit.Sys().(syscall.WaitStatus)
		p.res.Code = ws.ExitStatus()
		if ws.Signaled() {
			p.res.Code = 128 + int(ws.Signal())
		}
	} else if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.files {
		f.Close()
	}
	out, _ := os.ReadFile(p.res.out)
	text, _ := os.ReadFile(p.res.err)
	p.res.Stdout, p.res.Stderr = string(bytes.ToValidUTF8(out, []byte("�"))), string(text)
	if late {
		t.Fatalf("killed after %v: %v", p.timeout, p.res)
	}
	return p.res
}

// Run calls the runtime with a state root and arguments: any command.
func (b *Bundle) Run(t testing.TB, args ...string) *Result {
	t.Helper()
	return (&Cmd{Args: b.args(args), Via: b.Via}).Run(t)
}

func (b *Bundle) args(args []string) []string { return append([]string{"--root", b.Root}, args...) }

// Container calls create or run, with its flags, for the bundle.
func (b *Bundle) Container(t testing.TB, verb ...string) *Result {
	t.Helper()
	return b.Cmd(verb...).Run(t)
}

// Cmd is the call of create or run, with its flags, for the bundle.
func (b *Bundle) Cmd(verb ...string) *Cmd {
	args := append(append([]string{verb[0], "--bundle", b.Dir}, verb[1:]...), b.ID)
	return &Cmd{Args: b.args(args), Via: b.Via}
}

// Must calls the runtime with the given verb on the container, and fails unless
// it succeeds without a word on stderr.
func (b *Bundle) Must(t testing.TB, verb string, args ...string) *Result {
	t.Helper()
	r := b.Run(t, append([]string{verb, b.ID}, args...)...)
	r.Silent(t)
	return r
}

// Create makes the container and returns the host's id of its first process,
// which is now a child of the test.
func (b *Bundle) Create(t testing.TB, flags ...string) (pid int, r *Result) {
	t.Helper()
	return b.CreateBy(t, b.Cmd(append([]string{"create"}, flags...)...))
}

// CreateBy is Create by a call that the test has changed.
func (b *Bundle) CreateBy(t testing.TB, c *Cmd) (pid int, r *Result) {
	t.Helper()
	file := b.Dir + "/pid"
	c.Args = append(append([]string{}, c.Args[:len(c.Args)-1]...), "--pid-file", file, b.ID)
	r = c.Run(t)
	r.Silent(t)
	pid = PID(t, file)
	b.pids = append(b.pids, pid)
	return pid, r
}

// Silent fails the test unless the call succeeded and wrote nothing to stderr.
func (r *Result) Silent(t testing.TB) {
	t.Helper()
	if r.Code != 0 || r.Stderr != "" {
		t.Fatalf("want success without a word: %v", r)
	}
}

// Fails checks that the call ended with an exit code and an error that
// contains the text.
func (r *Result) Fails(t testing.TB, code int, text string) {
	t.Helper()
	if r.Code != code || !strings.Contains(r.Stderr, text) {
		t.Errorf("want exit code %d and %q: %v", code, text, r)
	}
}

// State is the container's state.
func (b *Bundle) State(t testing.TB) *specs.State {
	t.Helper()
	r := b.Must(t, "state")
	s := new(specs.State)
	if err := json.Unmarshal([]byte(r.Stdout), s); err != nil {
		t.Fatalf("state: %v: %s", err, r.Stdout)
	}
	return s
}

// Status is what the state command says: a status, or "none" if there is no such container; "" of anything else, which
// the result has.
func (b *Bundle) Status(t testing.TB) (string, *Result) {
	t.Helper()
	r := b.Run(t, "state", b.ID)
	if r.Code == 1 && strings.Contains(r.Stderr, "does not exist") {
		return "none", r
	}
	if r.Code == 0 {
		for _, s := range []string{"created", "running", "stopped", "paused", "creating"} {
			if strings.Contains(r.Stdout, `"status": "`+s+`"`) {
				return s, r
			}
		}
	}
	return "", r
}

// WaitStatus waits until the container's status is the given one.
func (b *Bundle) WaitStatus(t testing.TB, want specs.ContainerState) {
	t.Helper()
	Until(t, "status "+string(want), func() bool { return b.State(t).Status == want })
}

// Running creates and starts the container, and returns the id of its first process.
func (b *Bundle) Running(t testing.TB) int {
	t.Helper()
	pid, _ := b.Create(t)
	b.Must(t, "start")
	return pid
}

// End deletes the container, whatever it does, and waits for its first process.
func (b *Bundle) End(t testing.TB, pid int) {
	t.Helper()
	b.Must(t, "delete", "--force")
	Wait(t, pid)
}

// WaitPS waits until ps shows processes with these command lines, whole: a shell's
// holds those of its commands. One that is just being started has its parent's.
func (b *Bundle) WaitPS(t testing.TB, commands ...string) {
	t.Helper()
	var r *Result
	shown := func(command string) bool {
		for line := range strings.Lines(r.Stdout) {
			if _, args, _ := strings.Cut(strings.TrimSpace(line), " "); args == command {
				return true
			}
		}
		return false
	}
	for end := time.Now().Add(Patience(Never)); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		r = b.Must(t, "ps", "-e", "-o", "pid,args") // without -e only those of our terminal
		if !slices.ContainsFunc(commands, func(c string) bool { return !shown(c) }) {
			return
		}
	}
	t.Fatalf("want processes %q: %v", commands, r)
}

// WaitStarted waits until a container that another call makes is running.
func (b *Bundle) WaitStarted(t testing.TB) {
	t.Helper()
	Until(t, "container "+b.ID+" is running", func() bool {
		r := b.Run(t, "state", b.ID)
		return r.Code == 0 && strings.Contains(r.Stdout, `"running"`)
	})
}

// Never is when what should be at once is taken for what doesn't come: a machine that has other things to do
// may let a process wait for many seconds.
const Never = time.Minute

// Until waits for what nothing tells of but a look at it, until [Never].
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience(Never)); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timeout: %s", what)
		}
	}
}

// UntilFile is Until for a file that is there.
func UntilFile(t testing.TB, path string) {
	t.Helper()
	Until(t, path+" is there", func() bool { _, err := os.Stat(path); return err == nil })
}

// Rmdir removes a cgroup in which a process may still be ending.
func Rmdir(dir string) (err error) {
	for end := time.Now().Add(Patience(5 * time.Second)); ; time.Sleep(10 * time.Millisecond) {
		if err = unix.Rmdir(dir); err != unix.EBUSY || time.Now().After(end) {
			return err
		}
	}
}
