package lifecycle

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// nsFiles are the names in /proc/PID/ns.
var nsFiles = map[specs.LinuxNamespaceType]string{
	specs.PIDNamespace: "pid", specs.NetworkNamespace: "net", specs.MountNamespace: "mnt", specs.IPCNamespace: "ipc",
	specs.UTSNamespace: "uts", specs.UserNamespace: "user", specs.CgroupNamespace: "cgroup", specs.TimeNamespace: "time",
}

func ns(t *testing.T, pid any, name string) string {
	t.Helper()
	link, err := os.Readlink(fmt.Sprintf("/proc/%v/ns/%s", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// setNamespaces replaces all of a configuration's.
func setNamespaces(list ...specs.LinuxNamespace) harness.Edit {
	return func(s *specs.Spec) { s.Linux.Namespaces = list }
}

func newNS(kinds ...specs.LinuxNamespaceType) (list []specs.LinuxNamespace) {
	for _, kind := range kinds {
		list = append(list, specs.LinuxNamespace{Type: kind})
	}
	return list
}

// addNS adds a namespace, or replaces the one of its kind.
func addNS(kind specs.LinuxNamespaceType, path string) harness.Edit {
	return func(s *specs.Spec) {
		harness.WithoutNS(kind)(s)
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind, Path: path})
	}
}

func TestNewNamespaces(t *testing.T) {
	all := []specs.LinuxNamespaceType{
		specs.PIDNamespace, specs.NetworkNamespace, specs.MountNamespace, specs.IPCNamespace,
		specs.UTSNamespace, specs.CgroupNamespace,
	}
	if harness.IsRung() {
		all = append(all, specs.TimeNamespace)
	}
	b := harness.New(t, harness.Probe(), setNamespaces(newNS(all...)...))
	r := b.Report(t)
	for kind, file := range nsFiles {
		want := slices.Contains(all, kind)
		if got := r.Namespaces[file] != ns(t, "self", file); got != want {
			t.Errorf("%s: %s, host's %s; new = %v, want %v", kind, r.Namespaces[file], ns(t, "self", file), got, want)
		}
	}
}

// Each alone, together with a mount namespace.
func TestOneNewNamespace(t *testing.T) {
	for kind, file := range nsFiles {
		t.Run(string(kind), func(t *testing.T) {
			harness.Share(t)
			if kind == specs.UserNamespace {
				t.Skip("has tests of its own")
			}
			if kind == specs.TimeNamespace {
				harness.NeedRung(t, "time namespaces")
			}
			b := harness.New(t, harness.Probe(), func(s *specs.Spec) {
				s.Linux.Namespaces = newNS(specs.MountNamespace)
				if kind != specs.MountNamespace {
					s.Linux.Namespaces = append(s.Linux.Namespaces, newNS(kind)...)
				}
				s.Hostname = ""
				s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
			})
			r := b.Report(t)
			for k, f := range nsFiles {
				want := k == kind || k == specs.MountNamespace
				if got := r.Namespaces[f] != ns(t, "self", f); got != want {
					t.Errorf("%s is new: %v, want %v", k, got, want)
				}
			}
			if (r.PID == 1) != (kind == specs.PIDNamespace) {
				t.Errorf("pid %d with a new %s of %s", r.PID, file, kind)
			}
		})
	}
}

// A container joins the namespaces of another's process.
func TestJoinContainer(t *testing.T) {
	first := harness.New(t, harness.Args("/bin/sleep", "60"))
	pid, _ := first.Create(t)
	first.Must(t, "start")
	for _, kind := range []specs.LinuxNamespaceType{specs.PIDNamespace, specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.CgroupNamespace} {
		t.Run(string(kind), func(t *testing.T) {
			if kind == specs.CgroupNamespace {
				harness.NeedRung(t, "joining a cgroup namespace")
			}
			file := nsFiles[kind]
			b := harness.New(t, harness.Probe(), addNS(kind, fmt.Sprintf("/proc/%d/ns/%s", pid, file)))
			if kind == specs.UTSNamespace {
				b.Spec.Hostname = ""
				b.Save(t)
			}
			r := b.Report(t)
			for k, f := range nsFiles {
				if got := r.Namespaces[f] == ns(t, pid, f); got != (k == kind || ns(t, "self", f) == ns(t, pid, f)) {
					t.Errorf("%s is the other's: %v", k, got)
				}
			}
			if kind == specs.PIDNamespace && r.PID == 1 {
				t.Errorf("pid 1 in the other's pid namespace")
			}
		})
	}
	first.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	first.Must(t, "delete")
}

// All of a pod's at once, as CRI joins them.
func TestJoinPod(t *testing.T) {
	harness.Share(t)
	pause := harness.New(t, harness.Args("/bin/sleep", "60"), func(s *specs.Spec) { s.Hostname = "pod" })
	pid, _ := pause.Create(t)
	pause.Must(t, "start")
	b := harness.New(t, harness.Probe(), func(s *specs.Spec) { s.Hostname = "" })
	for _, kind := range []specs.LinuxNamespaceType{specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.PIDNamespace} {
		addNS(kind, fmt.Sprintf("/proc/%d/ns/%s", pid, nsFiles[kind]))(b.Spec)
	}
	b.Save(t)
	r := b.Report(t)
	for _, f := range []string{"net", "ipc", "uts", "pid"} {
		if want := ns(t, pid, f); r.Namespaces[f] != want {
			t.Errorf("%s = %s, want the pod's %s", f, r.Namespaces[f], want)
		}
	}
	if r.Hostname != "pod" {
		t.Errorf("hostname = %q, want the pod's", r.Hostname)
	}
	pause.End(t, pid)
}

// unshared starts a process in new namespaces, and returns its id.
func unshared(t *testing.T, flags ...string) int {
	t.Helper()
	cmd := exec.Command("unshare", append(flags, "sleep", "60")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	harness.Until(t, "unshare runs sleep", func() bool {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid))
		return strings.TrimSpace(string(comm)) == "sleep"
	})
	return cmd.Process.Pid
}

func TestJoinUnshared(t *testing.T) {
	harness.Share(t)
	pid := unshared(t, "-n", "-i", "-u")
	b := harness.New(t, harness.Probe(), func(s *specs.Spec) { s.Hostname = "inside" })
	for _, kind := range []specs.LinuxNamespaceType{specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace} {
		addNS(kind, fmt.Sprintf("/proc/%d/ns/%s", pid, nsFiles[kind]))(b.Spec)
	}
	b.Save(t)
	r := b.Report(t)
	for _, f := range []string{"net", "ipc", "uts"} {
		if want := ns(t, pid, f); r.Namespaces[f] != want {
			t.Errorf("%s = %s, want %s", f, r.Namespaces[f], want)
		}
	}
	if r.Hostname != "inside" {
		t.Errorf("hostname = %q, want inside: it is not the host's namespace", r.Hostname)
	}
}

// A path to a bound namespace file, as "ip netns" and CNI make it.
func TestJoinBoundNetwork(t *testing.T) {
	harness.Share(t)
	pid := unshared(t, "-n")
	file := harness.TempDir(t) + "/net"
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	harness.IgnoreMounts(file)
	if err := unix.Mount(fmt.Sprintf("/proc/%d/ns/net", pid), file, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(file, unix.MNT_DETACH) })
	b := harness.New(t, harness.Probe(), addNS(specs.NetworkNamespace, file))
	if got, want := b.Report(t).Namespaces["net"], ns(t, pid, "net"); got != want {
		t.Errorf("net = %s, want %s", got, want)
	}
}

func TestJoinErrors(t *testing.T) {
	harness.Share(t)
	for name, c := range map[string]struct {
		kind       specs.LinuxNamespaceType
		path, want string
	}{
		"missing":       {specs.NetworkNamespace, "/proc/self/ns/none", "no such file or directory"},
		"of other kind": {specs.NetworkNamespace, "/proc/self/ns/uts", "net"},
		"no namespace":  {specs.IPCNamespace, "/etc/hostname", ""},
		"relative":      {specs.IPCNamespace, "ns/ipc", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, addNS(c.kind, c.path))
			b.Container(t, "run").Fails(t, 1, c.want)
		})
	}
	t.Run("twice", func(t *testing.T) {
		b := harness.New(t, func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UTSNamespace})
		})
		b.Container(t, "run").Fails(t, 1, "")
	})
}

func TestTimeOffsets(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "time namespaces")
	b := harness.New(t, harness.Probe("read:/proc/uptime"), addNS(specs.TimeNamespace, ""), func(s *specs.Spec) {
		s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{
			"monotonic": {Secs: 1000, Nanosecs: 5}, "boottime": {Secs: 7 * 24 * 3600},
		}
	})
	r := b.Report(t)
	got := strings.Join(strings.Fields(r.TimeOffset), " ")
	if want := "monotonic 1000 5 boottime 604800 0"; got != want {
		t.Errorf("offsets = %q, want %q", got, want)
	}
}

func TestHostNetworkAndPID(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe(), func(s *specs.Spec) {
		harness.WithoutNS(specs.NetworkNamespace)(s)
		harness.WithoutNS(specs.PIDNamespace)(s)
	})
	r := b.Report(t)
	if r.Namespaces["net"] != ns(t, "self", "net") || r.Namespaces["pid"] != ns(t, "self", "pid") || r.PID == 1 {
		t.Errorf("namespaces %v, pid %d, want the host's net and pid", r.Namespaces, r.PID)
	}
}

// Without a pid namespace, killing the first process takes the others along.
func TestKillAllWithoutPIDNamespace(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell("sleep 61 & sleep 62 & echo ready; wait"), func(s *specs.Spec) { harness.WithoutNS(specs.PIDNamespace)(s) })
	pid, r := b.Create(t)
	b.Must(t, "start")
	ready(t, r)
	b.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	b.WaitStatus(t, specs.StateStopped)
	b.Must(t, "delete")
	others := 0 // became children of the test
	harness.Until(t, "the others have ended", func() bool { others += b.ReapAll(t); return others == 2 })
}

func TestCgroupPath(t *testing.T) {
	b := harness.New(t, harness.Probe())
	for _, line := range b.Report(t).Cgroup {
		if !strings.HasSuffix(line, ":/"+b.ID) && !strings.HasSuffix(line, ":/") {
			t.Errorf("cgroup %s, want / or /%s (a cgroup namespace hides the path)", line, b.ID)
		}
	}
	b = harness.New(t, harness.Probe(), func(s *specs.Spec) { harness.WithoutNS(specs.CgroupNamespace)(s) })
	b.Spec.Linux.CgroupsPath = "/" + b.ID + "/deep/er"
	b.Save(t)
	for _, line := range b.Report(t).Cgroup {
		if harness.Shown(line) && !strings.HasSuffix(line, ":/"+b.ID+"/deep/er") {
			t.Errorf("cgroup %s, want /%s/deep/er", line, b.ID)
		}
	}
	removeCgroup(t, b.ID+"/deep")
	removeCgroup(t, b.ID)
}

// removeCgroup removes what was made above a container's cgroup: that is left
// by all runtimes, as others may use it.
func removeCgroup(t *testing.T, path string) {
	t.Helper()
	for _, dir := range harness.CgroupDirs(path) {
		if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
			t.Errorf("remove cgroup: %v", err)
		}
	}
}
