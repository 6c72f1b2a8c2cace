package lifecycle

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// With --cgroup-manager disabled, as Podman's --cgroups=disabled has it, a container stays
// in the cgroup of its creator; and can be used, as far as that goes.
func TestNoCgroup(t *testing.T) {
	harness.NeedRung(t, "--cgroup-manager is crun's")
	b := harness.New(t, harness.Args("/bin/sleep", "1000"), func(s *specs.Spec) { s.Linux.Resources = nil })
	manager := func(c *harness.Cmd) *harness.Cmd {
		c.Args = append([]string{"--cgroup-manager", "disabled"}, c.Args...)
		return c
	}
	pid, _ := b.CreateBy(t, manager(b.Cmd("create")))
	own, _ := os.ReadFile("/proc/self/cgroup")
	its, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil || string(its) != string(own) {
		t.Errorf("the container is in\n%s(%v), want\n%s", its, err, own)
	}
	// Other verbs needn't be told.
	b.Must(t, "start")
	b.Run(t, "exec", b.ID, "/bin/true").Silent(t)
	b.Run(t, "pause", b.ID).Fails(t, 1, "the container has no cgroup of its own")
	b.Run(t, "update", "--pids-limit", "5", b.ID).Fails(t, 1, "the container has no cgroup of its own")
	if state := b.Run(t, "state", b.ID); !strings.Contains(state.Stdout, `"status": "running"`) {
		t.Errorf("state: %v", state)
	}
	b.Run(t, "kill", b.ID, "KILL").Silent(t)
	harness.Wait(t, pid)
	b.Must(t, "delete")

	// Of two options, this one counts.
	both := manager(b.Cmd("run"))
	both.Args = append([]string{"--systemd-cgroup"}, both.Args...)
	b.Spec.Process.Args = []string{"/bin/true"}
	b.Save(t)
	both.Run(t).Silent(t)

	// What can't be had without a cgroup is an error; a device rule isn't worth one.
	b.Spec.Linux.Resources = &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}}
	b.Save(t)
	if r := manager(b.Cmd("run")).Run(t); r.Code != 0 || !strings.Contains(r.Stderr, "linux.resources.devices: ignored, the container has no cgroup of its own") {
		t.Errorf("device rules: %v", r)
	}
	limit := int64(5)
	b.Spec.Linux.Resources.Pids = &specs.LinuxPids{Limit: &limit}
	b.Save(t)
	manager(b.Cmd("run")).Run(t).Fails(t, 1, "linux.resources.pids.limit: a limit needs a cgroup, and the container is to have none of its own")
	limit = -1
	b.Spec.Linux.Resources.Devices = nil
	b.Save(t)
	manager(b.Cmd("run")).Run(t).Silent(t)
}
