package rootless

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func limited(s *specs.Spec) {
	limit := int64(20)
	s.Linux.Resources = &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}
}

const noPermission = "rootless needs no limits + no cgrouppath when no permission is granted for cgroups"

// Without permission for cgroups a container has its caller's, unless it asks
// for one.
func TestCgroupNotPermitted(t *testing.T) {
	b := newBundle(t, harness.Probe(), func(s *specs.Spec) {
		s.Linux.Resources = &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}}
	})
	for _, line := range b.Report(t).Cgroup {
		if strings.Contains(line, b.ID) {
			t.Errorf("the container is in %s", line)
		}
	}
	limits := newBundle(t, limited)
	limits.Container(t, "run").Fails(t, 1, "linux.resources.pids.limit: "+noPermission)
	path := newBundle(t, func(s *specs.Spec) { s.Linux.CgroupsPath = "/" + harness.Unique() })
	path.Container(t, "run").Fails(t, 1, "create cgroup")
	for _, word := range []string{"true", "1"} {
		cmd := b.Cmd("run")
		cmd.Args = append([]string{"--rootless=" + word}, cmd.Args...)
		cmd.Run(t).Silent(t)
	}
	cmd := b.Cmd("run")
	cmd.Args = append([]string{"--rootless=false"}, cmd.Args...)
	cmd.Run(t).Fails(t, 1, "create cgroup")
}

// A mount of cgroups shows such a container where it is, and not nothing.
func TestCgroupMountNotPermitted(t *testing.T) {
	b := newBundle(t, harness.Shell(`find /here -name cgroup.procs | head -n 1; awk '$5 ~ "^/here" && $6 !~ "^ro"' /proc/self/mountinfo`), func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/here", Type: "cgroup", Source: "cgroup", Options: []string{"ro"}})
	})
	r := b.Container(t, "run")
	if got := strings.TrimSpace(r.Stdout); r.Code != 0 || !strings.HasSuffix(got, "cgroup.procs") {
		t.Errorf("want cgroups, read-only: %v", r)
	}
}

// delegated is [harness.Delegated].
func delegated(t *testing.T, controllers ...string) (name string, begin []string) {
	t.Helper()
	return harness.Delegated(t, controllers...)
}

// In a delegated cgroup the container gets one of its own, and limits.
func TestCgroupDelegated(t *testing.T) {
	name, begin := delegated(t)
	b := newBundle(t, harness.Args("/bin/sleep", "1000"), func(s *specs.Spec) {
		if harness.View() != harness.V2 { // of which this host has no pids controller
			limited(s)
		}
	})
	b.Via = append(begin, asUser()...)
	pid, _ := b.Create(t)
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	for line := range strings.Lines(string(data)) {
		// The list of devices is the host's business.
		if want := name + "/"; harness.Shown(line) && !strings.Contains(line, ":devices:") && (!strings.Contains(line, want) || !strings.Contains(line, b.ID)) {
			t.Errorf("the container is in %s, want one of its own below %s", strings.TrimSpace(line), name)
		}
	}
	if harness.View() != harness.V2 {
		found := false
		for _, dir := range harness.CgroupDirs("/" + name + "/self/" + b.ID) {
			if data, err := os.ReadFile(dir + "/pids.max"); err == nil && string(data) == "20\n" {
				found = true
			}
		}
		if !found {
			t.Error("no pids.max of 20")
		}
	}
	b.Must(t, "start")
	b.End(t, pid)
}

// Of v1 hierarchies those are used that may be.
func TestCgroupPartly(t *testing.T) {
	if harness.View() == harness.V2 {
		t.Skip("v2 has one hierarchy")
	}
	name, begin := delegated(t, "pids")
	b := newBundle(t, harness.Args("/bin/sleep", "1000"), limited)
	b.Via = append(begin, asUser()...)
	pid, _ := b.Create(t)
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	for line := range strings.Lines(string(data)) {
		if own := strings.Contains(line, b.ID); own != strings.Contains(line, ":pids:") {
			t.Errorf("the container is in %s, want one of its own of pids below %s only", strings.TrimSpace(line), name)
		}
	}
	b.End(t, pid)
	limit := int64(64 << 20)
	b.Spec.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit}
	b.Save(t)
	b.Container(t, "run").Fails(t, 1, "linux.resources.memory.limit: "+noPermission)
}

// Without a pid namespace, and without a cgroup to find the rest by, at least
// the first process can be killed.
func TestKillWithoutCgroup(t *testing.T) {
	b := newBundle(t, harness.Args("/bin/sleep", "1000"), namespace(specs.PIDNamespace, "-"), func(s *specs.Spec) {
		for i := range s.Mounts {
			if s.Mounts[i].Type == "proc" {
				s.Mounts[i] = specs.Mount{Destination: "/proc", Type: "none", Source: "/proc", Options: []string{"rbind"}}
			}
		}
	})
	for _, args := range [][]string{{"kill", "KILL"}, {"kill", "--all", "KILL"}, {"kill", "--all", "TERM"}, {"delete", "--force"}} {
		c := b.Cmd("create")
		c.Args = append([]string{"--log", b.Dir + "/log"}, c.Args...)
		pid, _ := b.CreateBy(t, c)
		if log, _ := os.ReadFile(b.Dir + "/log"); !strings.Contains(string(log), "has neither a cgroup nor a pid namespace of its own") {
			t.Errorf("log: %q, want a warning", log)
		}
		b.Must(t, "start")
		b.Run(t, append(append([]string{args[0]}, flags(args[1:])...), append([]string{b.ID}, words(args[1:])...)...)...).Silent(t)
		harness.Wait(t, pid)
		b.Run(t, "delete", "--force", b.ID).Silent(t)
	}
}

func flags(args []string) (list []string) {
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			list = append(list, a)
		}
	}
	return list
}

func words(args []string) (list []string) {
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			list = append(list, a)
		}
	}
	return list
}

// Root who says that he is rootless has what he is permitted: everything.
func TestRootlessRoot(t *testing.T) {
	b := harness.New(t, harness.Probe("open:/dev/null"), func(s *specs.Spec) { s.Linux.CgroupsPath = "" })
	cmd := b.Cmd("run")
	cmd.Args = append([]string{"--rootless=true"}, cmd.Args...)
	r := cmd.Run(t)
	r.Silent(t)
	for _, line := range r.Report(t).Cgroup {
		// In its cgroup namespace a container's own cgroup is the root.
		if harness.Shown(line) && !strings.HasSuffix(line, ":/") {
			t.Errorf("the container is in %s, want a cgroup of its own", line)
		}
	}
}
