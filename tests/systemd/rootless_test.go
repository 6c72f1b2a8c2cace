package systemd

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// The virtual machine's ordinary user, and how to be him: in a service of his own
// systemd, and after a login, which isn't below it.
// (The tests' own mount namespace is older than the user's runtime directory.)
const uid = 1000

var (
	host  = []string{"nsenter", "--target=1", "--mount"}
	asHim = append(host[:3:3], "vm-user")
)

var ways = map[string][]string{
	"service": asHim,
	"session": {host[0], host[1], host[2], "runuser", "-l", "-c", `exec "$0" "$@"`, "user", "--"},
}

// newUserUnit makes a bundle of the user's.
func newUserUnit(t *testing.T, via []string, edits ...harness.Edit) *unit {
	t.Helper()
	need(t)
	if _, err := exec.LookPath("vm-user"); err != nil {
		t.Skip("needs the virtual machine's user")
	}
	dir := harness.TempDir(t)
	if err := os.Chown(dir, uid, uid); err != nil {
		t.Fatal(err)
	}
	ctl(t, asHim, harness.Runtime(), "spec", "--rootless", "--bundle", dir)
	text, err := os.ReadFile(dir + "/config.json")
	if err != nil {
		t.Fatal(err)
	}
	own := func(s *specs.Spec) {
		root := s.Root
		*s = specs.Spec{}
		if err := json.Unmarshal(text, s); err != nil {
			t.Fatal(err)
		}
		s.Root, s.Process.Terminal, s.Process.Args = root, false, []string{"/bin/sleep", "1000"}
		if s.Linux.Resources == nil {
			s.Linux.Resources = &specs.LinuxResources{}
		}
	}
	u := &unit{ctl: append(asHim[:4:4], "systemctl", "--user"), slice: "user.slice"}
	u.Bundle = harness.New(t, append([]harness.Edit{own}, edits...)...)
	u.Via = via
	u.GiveAll(t, uid)
	u.place(t, u.ID)
	return u
}

// An ordinary user's container is a unit of his own systemd, with the limits
// that its controllers are delegated for.
func TestRootless(t *testing.T) {
	limits := resources(specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: ptr(int64(64 << 20))}, Pids: &specs.LinuxPids{Limit: ptr(int64(50))},
		CPU: &specs.LinuxCPU{Quota: ptr(int64(50000)), Shares: ptr(uint64(512)), Cpus: "0"}, Unified: map[string]string{"memory.high": "50331648"},
	})
	for name, via := range ways {
		t.Run(name, func(t *testing.T) {
			u := newUserUnit(t, via, limits)
			pid := u.start(t)
			u.inScope(t, pid)
			u.check(t, "ControlGroup=/user.slice/user-1000.slice/user@1000.service/user.slice/"+u.name, "MemoryMax=67108864", "TasksMax=50", "AllowedCPUs=0",
				"CPUQuotaPerSecUSec=500ms", "memory.max=67108864", "memory.high=50331648", "pids.max=50", "cpu.max=50000 100000", "cpu.weight=59", "cpuset.cpus=0")
			procs := u.dir(t) + "/cgroup.procs"
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
				text, err := os.ReadFile(procs)
				if err != nil {
					t.Fatal(err)
				}
				if n := len(strings.Fields(string(text))); n == 1 {
					break
				} else if time.Now().After(end) {
					t.Fatalf("%d processes in the scope, want 1", n)
				}
			}
			if r := u.Run(t, "exec", u.ID, "cat", "/proc/self/cgroup"); r.Code != 0 || r.Stdout != "0::/\n" {
				t.Errorf("exec: %v", r)
			}
			u.Must(t, "pause")
			u.WaitStatus(t, "paused")
			u.Must(t, "resume")
			u.Must(t, "kill", "KILL")
			u.WaitStatus(t, "stopped")
			u.Must(t, "delete")
		})
	}
	t.Run("no path", func(t *testing.T) {
		u := newUserUnit(t, ways["service"])
		u.Spec.Linux.CgroupsPath = ""
		u.Save(t)
		u.name = "rung-" + u.ID + ".scope"
		pid := u.start(t)
		u.inScope(t, pid)
		u.end(t, pid)
	})
}

// A user without a session, and so without a systemd of his own.
func TestRootlessWithoutSession(t *testing.T) {
	u := newUserUnit(t, ways["service"])
	via := u.Via
	t.Cleanup(func() { u.Via = via })
	u.Via = []string{"setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "env", "XDG_RUNTIME_DIR=/nonexistent"}
	if r := u.with("create").Run(t); r.Code != 1 || !strings.Contains(r.Stderr, "reach the user's systemd") || strings.Count(r.Stderr, "\n") != 1 {
		t.Errorf("want one line that names the user's systemd: %v", r)
	}
}
