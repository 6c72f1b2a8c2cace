package faults

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// The first process may be killed while it is being set up, as by the kernel for want of
// memory: create says so in a line, and leaves nothing, or it was done by then.
func TestKilledFirst(t *testing.T) {
	for _, c := range configs {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			inv := harness.Take()
			b := sleeper(t, c.edit)
			failed := 0
			for range rounds(300, 60) {
				call := b.Cmd("create").Start(t)
				if pid := firstOf(b, call); pid > 0 {
					time.Sleep(time.Duration(rand.IntN(6000)) * time.Microsecond) // the moment is what varies
					unix.Kill(pid, unix.SIGKILL)
				}
				r := call.Wait(t)
				if r.Code != 0 {
					failed++
				}
				if r.Code != 0 && (r.Code != 1 || strings.Count(r.Stderr, "\n") != 1 || strings.Contains(r.Stderr, "bad file descriptor")) {
					t.Errorf("want one line that says what happened: %v", r)
				}
				remove(t, b, inv, "killed")
			}
			if failed == 0 {
				t.Error("none was killed while it was being made: this test tests nothing")
			}
		})
	}
}

// firstOf waits until there is a process in a container's cgroup.
func firstOf(b *harness.Bundle, call *harness.Proc) int {
	dirs := harness.CgroupDirs(b.ID)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		for _, dir := range dirs {
			text, err := os.ReadFile(dir + "/cgroup.procs")
			if pid, aerr := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && aerr == nil && pid > 0 {
				return pid
			}
		}
		if unix.Kill(call.Process.Pid, 0) != nil {
			return 0
		}
	}
	return 0
}
