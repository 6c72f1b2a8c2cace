package seccomp

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// TestLog finds the kernel's record of a call that a profile only has logged, in
// run's process and in exec's.
func TestLog(t *testing.T) {
	kmsg, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("/dev/kmsg: %v", err)
	}
	defer unix.Close(kmsg)
	if _, err := os.Stat("/run/auditd.pid"); err == nil {
		t.Skip("auditd takes the kernel's records")
	}
	if _, err := unix.Seek(kmsg, 0, 2); err != nil { // the end
		t.Fatal(err)
	}
	logs := func(pid int) {
		t.Helper()
		want := fmt.Sprintf(" pid=%d ", pid)
		buf := make([]byte, 8192)
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
			n, err := unix.Read(kmsg, buf)
			if err == unix.EAGAIN || err == unix.EPIPE || err == unix.EINTR {
				time.Sleep(5 * time.Millisecond)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if line := string(buf[:n]); strings.Contains(line, "type=1326") && strings.Contains(line, want) &&
				strings.Contains(line, fmt.Sprintf("syscall=%d ", unix.SYS_TIMES)) && strings.Contains(line, "code=0x7ffc0000") {
				return
			}
		}
		t.Errorf("no record of times(2) by%s in the kernel's log", want)
	}
	profile := &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls:      []specs.LinuxSyscall{{Names: []string{"times"}, Action: specs.ActLog}},
	}
	b := newCaller(t, profile, nil, "plain")
	pid, _ := b.Create(t)
	b.Must(t, "start")
	harness.Wait(t, pid)
	logs(pid)
	b.Must(t, "delete")

	b, pid = running(t, profile)
	defer b.End(t, pid)
	b.Run(t, "exec", "--pid-file", b.Dir+"/pid", b.ID, "/bin/caller", "plain")
	logs(harness.PID(t, b.Dir+"/pid"))
}
