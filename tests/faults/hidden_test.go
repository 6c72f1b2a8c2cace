package faults

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// otherView calls a verb where the container's cgroups aren't mounted where they were.
func otherView(t *testing.T, b *harness.Bundle, args ...string) *harness.Result {
	t.Helper()
	script := "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\""
	if harness.View() == harness.V2 {
		script = "umount -R /sys/fs/cgroup && mount -t tmpfs none /sys/fs/cgroup && exec \"$@\""
	}
	return (&harness.Cmd{Via: []string{"unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"}, Args: append([]string{"--root", b.Root}, args...)}).Run(t)
}

// TestHiddenCgroups has containers removed where their cgroups aren't mounted: what leads to them stays, or what is left is named.
func TestHiddenCgroups(t *testing.T) {
	harness.NeedRung(t, "runc leaves cgroups without a word")
	const there = "its cgroups aren't where cgroups are mounted here"
	dirs := func(b *harness.Bundle) []string {
		return slices.DeleteFunc(harness.CgroupDirs(b.Spec.Linux.CgroupsPath), func(dir string) bool {
			_, err := os.Stat(dir)
			return err != nil
		})
	}
	for name, gone := range map[string][]string{"record": nil, "intent": {"state.json"}} {
		t.Run(name, func(t *testing.T) {
			b := sleeper(t)
			pid, _ := b.Create(t)
			b.Must(t, "kill", "KILL")
			harness.Wait(t, pid)
			for _, file := range gone {
				if err := os.Remove(b.Root + "/" + b.ID + "/" + file); err != nil {
					t.Fatal(err)
				}
			}
			all := dirs(b)
			if r := otherView(t, b, "gc", "--stopped", "--apply"); r.Code != 0 || !strings.Contains(r.Stdout, "kept container "+b.ID+": ") || !strings.Contains(r.Stdout, ", but "+there) {
				t.Errorf("gc: %v", r)
			}
			if name == "record" {
				otherView(t, b, "delete", b.ID).Fails(t, 1, there)
			}
			if r := otherView(t, b, "delete", "--force", b.ID); r.Code != 0 || !strings.Contains(r.Stderr, there+", and are left: ") || slices.ContainsFunc(all, func(dir string) bool { return !strings.Contains(r.Stderr, dir) }) {
				t.Errorf("delete --force: %v", r)
			}
			if left := dirs(b); !slices.Equal(left, all) || len(all) == 0 {
				t.Errorf("left %q, were %q", left, all)
			}
			removeCgroups(t, b)
		})
	}
	// Of another boot nothing is left.
	b := sleeper(t)
	pid, _ := b.Create(t)
	b.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	otherBoot(t, b.Root+"/"+b.ID)
	otherView(t, b, "delete", b.ID).Silent(t)
	removeCgroups(t, b)
}

// TestHiddenProcesses asks for processes of a container that runs, and signals them, where their cgroups aren't mounted.
func TestHiddenProcesses(t *testing.T) {
	harness.NeedRung(t, "runc finds none")
	b := sleeper(t)
	pid := b.Running(t)
	for _, args := range [][]string{{"ps", b.ID}, {"events", "--stats", b.ID}, {"kill", "--all", b.ID, "KILL"}, {"pause", b.ID}} {
		otherView(t, b, args...).Fails(t, 1, "cgroup")
	}
	b.WaitStatus(t, specs.StateRunning)
	b.End(t, pid)
}
