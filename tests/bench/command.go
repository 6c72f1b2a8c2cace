package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
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

// An oci is a runtime, with its state directory.
type oci struct{ name, path, root string }

func (o *options) runtimes() []oci {
	state := o.dir + "/state-"
	return []oci{{"rung", o.rung, state + "rung"}, {"crun", o.crun, state + "crun"}, {"runc", o.runc, state + "runc"}}
}

// A bench runs the runtimes' commands.
type bench struct {
	*options
	prefix string // of the names of all containers and cgroups of this process
	files  stdio  // of commands that say nothing else
	stop   atomic.Bool
	docker map[string]string // by runtime, the container that "exec docker" runs in

	mutex  sync.Mutex // of the rest: commands may run at the same time
	serial int
	live   map[string]oci // containers that may exist, by id
}

func newBench(o *options) (*bench, error) {
	files, err := plainFiles(o.dir + "/stderr")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, prefix: fmt.Sprintf("rungbench-%d-", os.Getpid()), files: files, live: map[string]oci{}, docker: map[string]string{}}
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
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.serial++
	id := b.prefix + rt.name + strconv.Itoa(b.serial)
	b.live[id] = rt
	return id
}

// ended tells clean that a container is gone.
func (b *bench) ended(id string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	delete(b.live, id)
}

func (b *bench) argv(rt oci, args ...string) []string {
	return append([]string{rt.path, "--root", rt.root}, args...)
}

func (b *bench) pidFile(rt oci) string { return b.dir + "/pid-" + rt.name }

func (b *bench) bundleDir(rt oci, kind string) string { return b.dir + "/" + kind + "-" + rt.name }

// A sample is the cost of one command, in milliseconds.
type sample struct{ wall, cpu float64 }

// spawn runs a command, which must exit with 0 within the given time.
func (b *bench) spawn(files stdio, argv []string, within time.Duration) (sample, error) {
	if b.stop.Load() {
		return sample{}, errInterrupted
	}
	var usage syscall.Rusage
	var status syscall.WaitStatus
	if err := files.err.Truncate(0); err != nil {
		return sample{}, err
	}
	attr := files.attributes()
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
		return sample{}, files.said(fmt.Errorf("%s: wait status %#x", strings.Join(argv, " "), uint32(status)))
	}
	return sample{milli(took), milli(time.Duration(usage.Utime.Nano() + usage.Stime.Nano()))}, nil
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
