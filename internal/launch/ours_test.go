package launch

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
)

// Only a child counts, and only in its pid namespace.
func TestOurs(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer child.Process.Kill()
	if err := ours(child.Process.Pid); err != nil {
		t.Error(err)
	}
	for _, pid := range []int{1, os.Getpid(), os.Getppid(), 1 << 30} {
		if ours(pid) == nil {
			t.Errorf("%d is none of our children", pid)
		}
	}
	host, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	var ns unix.Stat_t
	if err := unix.Fstatat(host.FD, "self/ns/pid", &ns, 0); err != nil {
		t.Fatal(err)
	}
	if err := within(host, child.Process.Pid, &ns); err != nil {
		t.Error(err)
	}
	ns.Ino++
	if within(host, child.Process.Pid, &ns) == nil {
		t.Error("another namespace is as good")
	}
}
