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
	harness.Share(t)
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
	// Without an auditd the kernel writes ten records in five seconds, of all there are, and drops the others: so more than one try.
	logs := func(call func() (pid int)) {
		t.Helper()
		for range 8 {
			if logged(t, kmsg, call()) {
				return
			}
		}
		t.Error("no record of times(2) in the kernel's log")
	}
	profile := &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls:      []specs.LinuxSyscall{{Names: []string{"times"}, Action: specs.ActLog}},
	}
	b := newCaller(t, profile, nil, "plain")
	logs(func() int {
		pid, _ := b.Create(t)
		b.Must(t, "start")
		harness.Wait(t, pid)
		b.Must(t, "delete")
		return pid
	})

	b, pid := running(t, profile)
	defer b.End(t, pid)
	logs(func() int {
		b.Run(t, "exec", "--pid-file", b.Dir+"/pid", b.ID, "/bin/caller", "plain")
		return harness.PID(t, b.Dir+"/pid")
	})
}

// logged tells whether the kernel writes down soon that a process called times(2).
func logged(t *testing.T, kmsg, pid int) bool {
	t.Helper()
	buf := make([]byte, 8192)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		n, err := unix.Read(kmsg, buf)
		if err == unix.EAGAIN || err == unix.EPIPE || err == unix.EINTR {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		line := string(buf[:n])
		if strings.Contains(line, "type=1326") && strings.Contains(line, fmt.Sprintf(" pid=%d ", pid)) &&
			strings.Contains(line, fmt.Sprintf("syscall=%d ", unix.SYS_TIMES)) && strings.Contains(line, "code=0x7ffc0000") {
			return true
		}
	}
	return false
}
