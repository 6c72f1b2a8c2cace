package faults

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// Catalogue row 11: the container's cgroups are removed under us. What doesn't
// need them works, what does is an error.
func TestRemovedCgroup(t *testing.T) {
	inv := harness.Take()
	for _, when := range []string{"created", "running", "stopped"} {
		b := sleeper(t)
		pid, _ := b.Create(t)
		if when != "created" {
			b.Must(t, "start")
		}
		if when == "stopped" {
			b.Must(t, "kill", "KILL")
			harness.Wait(t, pid)
		}
		for _, dir := range harness.CgroupDirs(b.ID) {
			if _, err := os.Stat(dir); err != nil {
				continue // a hierarchy of nobody's
			}
			if when != "stopped" {
				put(t, strings.TrimSuffix(dir, b.ID)+"cgroup.procs", strconv.Itoa(pid))
			}
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
		}
		if st := status(t, b); st != when {
			t.Errorf("state %s, want %s", st, when)
		}
		if when != "stopped" {
			oneLine(t, when+", pause", b.Run(t, "pause", b.ID))
			if r := b.Run(t, "exec", b.ID, "/bin/true"); harness.View() == harness.V2 {
				r.Silent(t) // in the one cgroup of the init (runc#5089)
			} else {
				oneLine(t, when+", exec", r)
			}
			b.Run(t, "events", "--stats", b.ID)
			if when == "created" {
				b.Must(t, "start")
			}
			b.Must(t, "kill", "KILL")
			harness.Wait(t, pid)
			b.WaitStatus(t, specs.StateStopped)
		}
		b.Must(t, "delete")
		remove(t, b, inv, when)
	}
}

// outsider starts a process of the host's.
func outsider(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd
}

// Row 12: on the way out, cgroups have sub-cgroups, and processes that the
// container didn't start. They go with a container that lives; of one that has stopped
// they aren't, and stay.
func TestBusyCgroup(t *testing.T) {
	inv := harness.Take()
	for _, verb := range []string{"delete", "delete --force"} {
		b := sleeper(t)
		pid, _ := b.Create(t)
		b.Must(t, "start")
		here, below := outsider(t), outsider(t)
		moved := 0
		for _, dir := range harness.CgroupDirs(b.ID) {
			if _, err := os.Stat(dir); err != nil {
				continue
			}
			put(t, dir+"/cgroup.procs", strconv.Itoa(here.Process.Pid))
			for _, sub := range []string{"/a", "/a/b", "/c"} {
				if err := os.Mkdir(dir+sub, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			// Not into a cpuset that has no processor yet.
			if err := os.WriteFile(dir+"/a/b/cgroup.procs", []byte(strconv.Itoa(below.Process.Pid)), 0); err == nil {
				moved++
			}
		}
		if moved == 0 {
			t.Error("nobody was moved below")
		}
		if verb == "delete" {
			b.Must(t, "kill", "KILL")
			harness.Wait(t, pid)
			b.WaitStatus(t, specs.StateStopped)
		}
		args := append(strings.Fields(verb), b.ID)
		if r := b.Run(t, args...); r.Code != 0 || r.Elapsed > 10*time.Second {
			t.Errorf("%v in %v", r, r.Elapsed)
		}
		for _, cmd := range []*exec.Cmd{here, below} {
			if verb == "delete" {
				// All that was the container's has ended with its init: they are another's.
				if !alive(cmd.Process.Pid) {
					t.Errorf("%s: a process was killed that isn't the container's", verb)
				}
				cmd.Process.Kill()
			}
			if err := cmd.Wait(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
				t.Errorf("%s: a process in the cgroup ended with %v", verb, err)
			}
		}
		if verb == "delete" { // so they kept their cgroup
			for _, dir := range harness.CgroupDirs(b.ID) {
				for _, sub := range []string{"/a/b", "/a", "/c", ""} {
					if err := os.Remove(dir + sub); err != nil && !os.IsNotExist(err) {
						t.Error(err)
					}
				}
			}
		}
		remove(t, b, inv, verb)
	}
}

// Row 35: places where no container can be. Nothing is begun there.
func TestOddParents(t *testing.T) {
	if harness.View() == harness.V1 {
		t.Skip("cgroup v1 has no types of cgroups")
	}
	root := ""
	for _, dir := range harness.CgroupDirs("") {
		if _, err := os.Stat(dir + "/cgroup.controllers"); err == nil {
			root = dir
		}
	}
	top := harness.Unique()
	t.Cleanup(func() { rmCgroup(t, top) })
	if err := os.Mkdir(root+top, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rmCgroup(t, top+"/threads") })
	if err := os.Mkdir(root+top+"/threads", 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, root+top+"/threads/cgroup.type", "threaded")
	inv := harness.Take()
	for path, want := range map[string]string{
		top + "/threads":      "threaded",
		top + "/threads/c":    "threaded",
		top + "/threads/c/d":  "threaded",
		"/" + top + "/../../": "linux.cgroupsPath",
	} {
		b := sleeper(t)
		b.Spec.Linux.CgroupsPath = "/" + strings.TrimPrefix(path, "/")
		b.Save(t)
		r := b.Container(t, "create")
		oneLine(t, path, r)
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("%s: want %q: %v", path, want, r)
		}
		if st := status(t, b); st != "none" {
			t.Errorf("%s: state %s, want none", path, st)
		}
		remove(t, b, inv, path)
		for _, dir := range harness.CgroupDirs(top + "/threads") {
			if _, err := os.Stat(dir + "/c"); err == nil {
				t.Errorf("%s/c is left", dir)
			}
		}
	}
}
