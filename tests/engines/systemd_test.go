package engines

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// Who makes an engine's cgroups: itself, or systemd.
const (
	cgroupfs = "cgroupfs"
	systemd  = "systemd"
)

// onHost runs the test f on the host itself, whose first process is systemd: engines are
// its services, and it makes their cgroups. The directory is removed afterwards.
func onHost(t *testing.T, f func(t *testing.T, dir string)) {
	t.Helper()
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		t.Skip("systemd doesn't run this machine (make test-engines-vm)")
	}
	if testing.Short() {
		t.Skip("a long test: make test-engines-vm")
	}
	dir := harness.TempDir(t)
	// Engines turn it on for good.
	const forwarding = "/proc/sys/net/ipv4/ip_forward"
	before, err := os.ReadFile(forwarding)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// We are who inherits Podman's monitors.
		for pid := 1; pid > 0; {
			pid, _ = unix.Wait4(-1, nil, unix.WNOHANG, nil)
		}
		if err := os.WriteFile(forwarding, before, 0o644); err != nil {
			t.Error(err)
		}
	})
	// After the engine's end: what it has left mounted, here and in the services' namespace.
	t.Cleanup(func() {
		unmount := `awk -v d="$DIR/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | tac | xargs -r umount -l`
		must(t, append(os.Environ(), "DIR="+dir), unmount+"; nsenter -t 1 -m sh -c '"+strings.ReplaceAll(unmount, "'", `'\''`)+"'")
	})
	f(t, dir)
}

// service are the words that run a command as a service, as engines' packages
// do: it has its cgroup for itself, and at its end its containers stay.
func service(unit string) []string {
	return []string{
		"systemd-run", "--quiet", "--collect", "--wait", "--pipe", "--unit=" + unit, "-E", "PATH",
		"-p", "Delegate=yes", "-p", "KillMode=process", "-p", "TasksMax=infinity", "-p", "LimitNOFILE=1048576", "--",
	}
}

// clear ends what a service has left running in its cgroups: shims, and what they have
// just called.
func (e *engine) clear() {
	for _, unit := range e.units {
		dir := "/sys/fs/cgroup/system.slice/" + unit
		if os.WriteFile(dir+"/cgroup.kill", []byte("1"), 0) != nil {
			continue // it is gone
		}
		if err := harness.Rmdir(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			e.t.Errorf("rmdir %s: %v", dir, err)
		}
	}
}

// Times in scenarios that are enough on a fast machine only: limits, and what a process waits for.
var hasty = regexp.MustCompile(`\b(timeout \d+|(?:stop|restart) -t \d+|sleep 0\.[45]|sleep (?:9\d|100))\b|\bsleep 1;`)

// patient is a scenario's command for this machine.
func patient(command string) string {
	if !harness.Emulated() {
		return command
	}
	return hasty.ReplaceAllStringFunc(command, func(word string) string {
		switch word {
		case "sleep 0.4", "sleep 0.5":
			return "sleep 4"
		case "sleep 1;":
			return "sleep 20;"
		}
		return word + "0"
	})
}

// criuWorks reports whether CRIU is installed and this kernel has what it needs.
var criuWorks = sync.OnceValue(func() bool { return exec.Command("criu", "check").Run() == nil })

// needCRIU skips the test where nothing can be checkpointed.
func needCRIU(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("criu"); err != nil {
		t.Skip("criu isn't installed (make test-engines-vm)")
	}
	if !criuWorks() {
		t.Skip("criu check fails on this kernel (make test-engines-vm)")
	}
}
