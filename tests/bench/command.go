package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// A command that hangs is killed after this time; the shorter one is for limits
// that are too small, of which some runtimes never hear the end.
const (
	commandTime = 20 * time.Second
	limitedTime = 3 * time.Second
)

var errInterrupted = errors.New("interrupted")

type oci struct{ name, path string }

func (o *options) runtimes() []oci {
	return []oci{{"rung", o.rung}, {"crun", o.crun}, {"runc", o.runc}}
}

// A bench runs the runtimes' commands.
type bench struct {
	*options
	prefix string // of the names of all containers and cgroups of this process
	serial int
	null   *os.File // standard input and output of all commands
	stderr *os.File // standard error: a file on the tmpfs, emptied before each command
	stop   atomic.Bool
	live   map[string]oci    // containers that may exist, by id
	docker map[string]string // by runtime, the container that "exec docker" runs in
}

func newBench(o *options) (*bench, error) {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	stderr, err := os.OpenFile(o.dir+"/stderr", os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, prefix: fmt.Sprintf("rungbench-%d-", os.Getpid()), null: null, stderr: stderr, live: map[string]oci{}, docker: map[string]string{}}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-c
		b.stop.Store(true)
	}()
	return b, nil
}

// id makes a name for a container of rt, which clean will delete.
func (b *bench) id(rt oci) string {
	b.serial++
	id := b.prefix + rt.name + strconv.Itoa(b.serial)
	b.live[id] = rt
	return id
}

func (b *bench) argv(rt oci, args ...string) []string {
	return append([]string{rt.path, "--root", b.dir + "/state-" + rt.name}, args...)
}

func (b *bench) pidFile(rt oci) string { return b.dir + "/pid-" + rt.name }

func (b *bench) bundleDir(rt oci, kind string) string { return b.dir + "/" + kind + "-" + rt.name }

// arguments are those of one of the operations on the container id.
func (b *bench) arguments(rt oci, operation, id string) []string {
	switch operation {
	case "run":
		return b.argv(rt, "run", "--bundle", b.bundleDir(rt, "true"), id)
	case "run docker":
		return b.argv(rt, "run", "--bundle", b.bundleDir(rt, "docker"), id)
	case "exec":
		return b.argv(rt, "exec", id, "/bin/true")
	case "exec docker":
		return b.argv(rt, "exec", b.docker[rt.name], "/bin/true")
	case "create":
		return b.argv(rt, "create", "--bundle", b.bundleDir(rt, "pause"), "--pid-file", b.pidFile(rt), id)
	case "kill":
		return b.argv(rt, "kill", id, "KILL")
	}
	return b.argv(rt, operation, id)
}

// bundles makes a bundle per runtime and program.
func (b *bench) bundles() error {
	for _, rt := range b.runtimes() {
		for _, kind := range []string{"true", "pause"} {
			if err := bundle(b.rung, b.bundleDir(rt, kind), b.prefix+rt.name+"-"+kind, "/bin/"+kind, 0); err != nil {
				return err
			}
		}
		for kind, path := range map[string]string{"docker": "/bin/true", "dockerpause": "/bin/pause"} {
			if err := dockerBundle(b.bundleDir(rt, kind), b.prefix+rt.name+"-"+kind, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// begins tells whether an operation makes a container.
func begins(operation string) bool {
	return operation == "run" || operation == "run docker" || operation == "create"
}

// ready starts what an operation needs and isn't part of it.
func (b *bench) ready(rt oci, operation string) error {
	if operation != "exec docker" || b.docker[rt.name] != "" {
		return nil
	}
	b.docker[rt.name] = b.id(rt)
	_, err := b.spawn(b.argv(rt, "run", "--detach", "--bundle", b.bundleDir(rt, "dockerpause"), b.docker[rt.name]), commandTime)
	return err
}

func (b *bench) attributes() *syscall.ProcAttr {
	return &syscall.ProcAttr{
		Env:   []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		Files: []uintptr{b.null.Fd(), b.null.Fd(), b.stderr.Fd()},
	}
}

// A sample is the cost of one command, in milliseconds.
type sample struct{ wall, cpu float64 }

// spawn runs a command, which must exit with 0 within the given time.
func (b *bench) spawn(argv []string, within time.Duration) (sample, error) {
	if b.stop.Load() {
		return sample{}, errInterrupted
	}
	var usage syscall.Rusage
	var status syscall.WaitStatus
	if err := b.stderr.Truncate(0); err != nil {
		return sample{}, err
	}
	attr := b.attributes()
	begin := time.Now()
	pid, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return sample{}, fmt.Errorf("start %s: %w", argv[0], err)
	}
	watchdog := time.AfterFunc(within, func() { syscall.Kill(pid, syscall.SIGKILL) })
	_, err = wait(pid, &status, 0, &usage)
	took := time.Since(begin)
	watchdog.Stop()
	if err != nil {
		return sample{}, fmt.Errorf("wait for %s: %w", argv[0], err)
	}
	if !status.Exited() || status.ExitStatus() != 0 {
		return sample{}, b.said(fmt.Errorf("%s: wait status %#x", strings.Join(argv, " "), uint32(status)))
	}
	return sample{milli(took), milli(time.Duration(usage.Utime.Nano() + usage.Stime.Nano()))}, nil
}

// said adds to an error what the command wrote to standard error.
func (b *bench) said(err error) error {
	text, _ := os.ReadFile(b.stderr.Name())
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(text)))
}

func milli(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func wait(pid int, status *syscall.WaitStatus, flags int, usage *syscall.Rusage) (int, error) {
	for {
		got, err := syscall.Wait4(pid, status, flags, usage)
		if err != syscall.EINTR {
			return got, err
		}
	}
}

// firstProcess is the process that the runtime's last create made.
func (b *bench) firstProcess(rt oci) (int, error) {
	data, err := os.ReadFile(b.pidFile(rt))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}

// reap waits for the end of a first process, which is this process's child.
func reap(pid int) error {
	for begin := time.Now(); time.Since(begin) < commandTime; time.Sleep(100 * time.Microsecond) {
		got, err := wait(pid, nil, syscall.WNOHANG, nil)
		if err != nil {
			return fmt.Errorf("wait for first process %d: %w", pid, err)
		}
		if got == pid {
			return nil
		}
	}
	return fmt.Errorf("first process %d lives %s after it was killed", pid, commandTime)
}
