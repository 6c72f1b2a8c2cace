package soak

import (
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// own are the calls that are under way. All other children are orphans of calls that were killed, and containers: they are ours
// to reap, as they would be a shim's, or a container's init couldn't end before them.
var own = calls{pids: map[int]bool{}}

type calls struct {
	mu   sync.Mutex
	pids map[int]bool
}

func (c *calls) start(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := cmd.Start()
	if err == nil {
		c.pids[cmd.Process.Pid] = true
	}
	return err
}

func (c *calls) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pids, cmd.Process.Pid)
	return err
}

// reap reaps orphans until it is told to stop.
func (c *calls) reap(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		c.mu.Lock()
		for _, pid := range harness.Children(os.Getpid()) {
			if !c.pids[pid] {
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
			}
		}
		c.mu.Unlock()
	}
}
