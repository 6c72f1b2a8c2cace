package embed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// TestHerd has 64 goroutines make 1,000 containers, run processes in them, kill and delete them, while the program runs 1,000
// commands of its own: no status or output is lost or another's, and nothing is left. (That no mount, cgroup or
// process is, the guard looks for.)
func TestHerd(t *testing.T) {
	harness.Once(t)
	const at = 64
	all := 1000
	if testing.Short() {
		all = 200
	}
	b := harness.New(t, harness.Shell("cat; exec sleep 100"), ownCgroup)
	h := &herd{t: t, r: runtimeOf(t, b), bundle: b}
	h.drive(at, at) // by then it has the threads and the poller that so many goroutines take
	runtime.GC()
	before, threads := count(), tasks()
	start := time.Now()
	h.drive(at, all)
	t.Logf("%d containers with a process each, %d commands meanwhile: %v", h.containers.Load(), h.commands.Load(), time.Since(start))
	settles(t, before)
	// The Go runtime keeps as many as it has ever needed at once, which no warming up foretells: at most one for each
	// goroutine of either kind. Containers that keep one each are more than that.
	if now := tasks(); now > threads+at+at/8 {
		t.Errorf("%d threads, %d before", now, threads)
	}
	if left, err := os.ReadDir(b.Root); err != nil || len(left) > 0 {
		t.Errorf("left in the state directory: %v, %v", left, err)
	}
	if want := int32(all + at); h.containers.Load() != want || h.commands.Load() < want {
		t.Errorf("%d containers and %d commands, want %d of each", h.containers.Load(), h.commands.Load(), want)
	}
}

func tasks() int {
	list, _ := os.ReadDir("/proc/self/task")
	return len(list)
}

type herd struct {
	t                    *testing.T
	r                    *libcontainer.Runtime
	bundle               *harness.Bundle
	containers, commands atomic.Int32
	rounds               int
}

// drive makes n containers and as many commands, so many of either at once.
func (h *herd) drive(at, n int) {
	h.rounds++
	var containers, commands atomic.Int32
	var all sync.WaitGroup
	for range at {
		all.Go(func() {
			for i := containers.Add(1); i <= int32(n) && !h.t.Failed(); i = containers.Add(1) {
				h.container(fmt.Sprintf("%s-%d-%d", h.bundle.ID, h.rounds, i), libcontainer.ExitStatus(i%100+1))
			}
		})
	}
	for range at / 8 {
		all.Go(func() {
			for i := commands.Add(1); i <= int32(n) && !h.t.Failed(); i = commands.Add(1) {
				h.command(int(i%100) + 1)
			}
		})
	}
	all.Wait()
}

// command runs one of our own.
func (h *herd) command(want int) {
	out, err := exec.Command("sh", "-c", fmt.Sprintf("echo %d; exit %d", want, want)).Output()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != want || string(out) != fmt.Sprintln(want) {
		h.t.Errorf("command: %v, %q, want %d", err, out, want)
	}
	h.commands.Add(1)
}

func (h *herd) container(id string, want libcontainer.ExitStatus) {
	var out, said strings.Builder
	ctx, end := context.WithTimeout(h.t.Context(), 2*time.Minute)
	defer end()
	c, err := h.r.Create(ctx, &libcontainer.CreateOptions{ID: id, Bundle: h.bundle.Dir, Stdin: strings.NewReader(id), Stdout: &out})
	if err != nil {
		h.t.Errorf("create: %v", err)
		return
	}
	defer func() {
		if err := c.Delete(context.Background(), true); err != nil {
			h.t.Errorf("delete: %v", err)
		}
		h.containers.Add(1)
	}()
	if err := c.Start(ctx); err != nil {
		h.t.Errorf("start: %v", err)
		return
	}
	p, err := c.Exec(ctx, &libcontainer.ExecOptions{Args: []string{"/bin/sh", "-c", fmt.Sprintf("echo %s; exit %d", id, want)}, Stdout: &said})
	if err != nil {
		h.t.Errorf("exec: %v", err)
		return
	}
	if status, err := p.Wait(ctx); status != want || err != nil || said.String() != id+"\n" {
		h.t.Errorf("process: %v, %v, %q, want %v", status, err, said.String(), want)
	}
	if err := c.Kill(unix.SIGKILL, false); err != nil {
		h.t.Errorf("kill: %v", err)
	}
	if status, err := c.Wait(ctx); status != 128+9 || err != nil {
		h.t.Errorf("wait: %v, %v", status, err)
	}
	if text := out.String(); text != "" && text != id { // it may have been killed before it came to that
		h.t.Errorf("container %s said %q", id, text)
	}
}
