package faults

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

const outOfSight = "it was created in another pid namespace: from here nothing says whether it lives"

// elsewhere calls a verb in another pid namespace.
func elsewhere(t *testing.T, b *harness.Bundle, args ...string) *harness.Result {
	t.Helper()
	return (&harness.Cmd{Via: []string{"unshare", "-p", "-f", "--mount-proc"}, Args: append([]string{"--root", b.Root}, args...)}).Run(t)
}

// TestElsewhere calls verbs in another pid namespace than the container was created in: none takes the pid of its record for anybody's there, says that it has
// ended until somebody has seen that, or does what may be done to one that has.
func TestElsewhere(t *testing.T) {
	harness.NeedRung(t, "rung mounts")
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	pid := b.Running(t)
	created := b.Beside(t)
	waits, _ := created.Create(t)
	calls := [][]string{
		{"state", b.ID},
		{"wait", b.ID},
		{"inspect", b.ID},
		{"top", "--once", b.ID},
		{"events", "--stats", b.ID},
		{"ps", b.ID},
		{"list"},
		{"kill", b.ID},
		{"kill", b.ID, "KILL"},
		{"kill", "--all", b.ID, "KILL"},
		{"exec", b.ID, "/bin/true"},
		{"debug", b.ID, "--rootfs", b.Rootfs, "--", "/bin/true"},
		{"pause", b.ID},
		{"resume", b.ID},
		{"update", "--cpu-share", "100", b.ID},
		{"delete", b.ID},
		{"checkpoint", "--image-path", b.Dir + "/images", b.ID},
		{"mounts", "add", b.ID, "/mnt", "/mnt"},
		{"devices", "add", b.ID, "/dev/null"},
		{"start", created.ID},
		{"kill", created.ID},
		{"delete", created.ID},
	}
	for _, args := range calls {
		if r := elsewhere(t, b, args...); !strings.Contains(r.Stderr, outOfSight) || r.Code == 0 != (args[0] == "list") {
			t.Errorf("%s: %v", args[0], r)
		}
	}
	b.WaitStatus(t, specs.StateRunning)
	created.WaitStatus(t, specs.StateCreated)
	created.End(t, waits)
	b.End(t, pid)
}

// TestDeleteElsewhere deletes by force from another pid namespace: what is in the container's cgroup is killed, as far as the kernel lets us, and without that
// nothing is removed.
func TestDeleteElsewhere(t *testing.T) {
	harness.NeedRung(t, "runc says nothing of pid namespaces")
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	pid := b.Running(t)
	if r := elsewhere(t, b, "delete", "--force", b.ID); harness.View() == harness.V1 {
		r.Fails(t, 1, outOfSight)
		b.WaitStatus(t, specs.StateRunning)
		b.End(t, pid)
	} else {
		r.Silent(t)
		harness.Wait(t, pid)
	}
	b.Run(t, "state", b.ID).Fails(t, 1, "does not exist")

	b = harness.New(t, harness.Args("/bin/sleep", "600"), func(s *specs.Spec) { s.Linux.Resources = nil })
	call := b.Cmd("create")
	call.Args = append([]string{"--cgroup-manager", "disabled"}, call.Args...)
	pid, _ = b.CreateBy(t, call)
	elsewhere(t, b, "delete", "--force", b.ID).Fails(t, 1, "and it has no cgroup by which to end it")
	b.WaitStatus(t, specs.StateCreated)
	b.End(t, pid)
	b.Run(t, "state", b.ID).Fails(t, 1, "does not exist")
}

// TestCreateElsewhere makes a container in another pid namespace, in the cgroup of one that runs: it would be killed with it.
func TestCreateElsewhere(t *testing.T) {
	if harness.View() == harness.V1 {
		harness.Controller(t, "pids") // by which alone it can be told
	}
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	pid := b.Running(t)
	other := b.Beside(t, func(s *specs.Spec) { s.Linux.CgroupsPath = b.Spec.Linux.CgroupsPath })
	r := elsewhere(t, b, "run", "--detach", "--bundle", other.Dir, other.ID)
	r.Fails(t, 1, "container's cgroup is not empty: process(es) of another pid namespace found in ")
	b.WaitStatus(t, specs.StateRunning)
	b.End(t, pid)
}
