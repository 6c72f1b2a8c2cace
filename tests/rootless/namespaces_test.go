package rootless

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A pod: the second container joins namespaces of the first, that container's
// user namespace above all.
func TestJoin(t *testing.T) {
	kinds := map[specs.LinuxNamespaceType]string{
		specs.UserNamespace: "user", specs.IPCNamespace: "ipc", specs.UTSNamespace: "uts", specs.NetworkNamespace: "net", specs.PIDNamespace: "pid",
	}
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			first := newBundle(t, mapping(maps...), harness.Args("/bin/sleep", "1000"), namespace(specs.NetworkNamespace, ""))
			pid, _ := first.Create(t)
			first.Must(t, "start")
			b := newBundle(t, harness.Probe("read:/proc/self/uid_map"), func(s *specs.Spec) {
				s.Hostname, s.Linux.UIDMappings, s.Linux.GIDMappings = "", nil, nil
				for kind, file := range kinds {
					namespace(kind, fmt.Sprintf("/proc/%d/ns/%s", pid, file))(s)
				}
			})
			r := b.Report(t)
			for _, file := range kinds {
				want, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, file))
				if got := r.Namespaces[file]; got != want {
					t.Errorf("%s = %s, want %s", file, got, want)
				}
			}
			if got := fields(r.Tries["read:/proc/self/uid_map"]); got != "ok "+text(maps) {
				t.Errorf("uid_map: %s, want %s", got, text(maps))
			}
			first.End(t, pid)
		})
	}
}

// Own networks, time offsets and sysctls of them work as they do for root.
func TestNamespaces(t *testing.T) {
	harness.Share(t)
	b := newBundle(t, harness.Probe("read:/proc/sys/net/ipv4/ip_forward"), namespace(specs.NetworkNamespace, ""), namespace(specs.TimeNamespace, ""), func(s *specs.Spec) {
		s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"}
		s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 1000}}
		for i := range s.Mounts {
			if s.Mounts[i].Destination == "/sys" {
				s.Mounts[i] = specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}}
			}
		}
	})
	r := b.Report(t)
	if got := r.Tries["read:/proc/sys/net/ipv4/ip_forward"]; got != "ok 1" {
		t.Errorf("ip_forward: %s, want 1", got)
	}
	if !strings.Contains(r.TimeOffset, "1000") {
		t.Errorf("time offsets %q, want 1000 s", r.TimeOffset)
	}
}

// A new sysfs where the network isn't the container's own: the host's, read-only.
func TestSysfsFallback(t *testing.T) {
	harness.Share(t)
	b := newBundle(t, harness.Probe("create:/sys/x"), func(s *specs.Spec) {
		for i := range s.Mounts {
			if s.Mounts[i].Destination == "/sys" {
				s.Mounts[i] = specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}}
			}
		}
	})
	for _, m := range b.Report(t).Mounts {
		if strings.HasPrefix(m.Point, "/sys") && !strings.HasPrefix(m.Options, "ro") {
			t.Errorf("%s is mounted %s, want ro", m.Point, m.Options)
		}
	}
}

// Root of a user namespace, as in a container: what he has is enough, whoever
// owns the mount namespace.
func TestMappedRoot(t *testing.T) {
	for name, flags := range map[string][]string{
		"with its mounts": {"--user", "--map-root-user", "--mount"}, "with the host's mounts": {"--user", "--map-root-user"},
	} {
		for inner, edit := range map[string]harness.Edit{
			"no more user namespace": func(s *specs.Spec) {
				namespace(specs.UserNamespace, "-")(s)
				s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
			},
			"a user namespace below": mapping(specs.LinuxIDMapping{Size: 1}),
		} {
			t.Run(name+"/"+inner, func(t *testing.T) {
				b := newBundle(t, edit, harness.Probe("open:/dev/null", "create:/tmp/x"), func(s *specs.Spec) {
					score := -500 // which he may not: it stays as it is
					s.Process.OOMScoreAdj = &score
				})
				b.Via = append(append(asUser(), "unshare"), flags...)
				r := b.Report(t)
				if r.Tries["open:/dev/null"] != "ok" || r.Tries["create:/tmp/x"] != "ok" || r.UID != [3]int{} || r.PID != 1 {
					t.Errorf("uid %v, pid %d, %v", r.UID, r.PID, r.Tries)
				}
			})
		}
	}
}

// Podman's root is such a one: its --pid host has the network's parameters in the host's
// procfs, because no new one of those processes can be had.
func TestMappedRootHostPIDs(t *testing.T) {
	harness.Share(t)
	b := newBundle(t, harness.Probe("read:/proc/sys/net/ipv4/ip_forward"), namespace(specs.UserNamespace, "-"), namespace(specs.PIDNamespace, "-"),
		namespace(specs.NetworkNamespace, ""), newSysfs, func(s *specs.Spec) {
			s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
			s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"}
			s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
			for i := range s.Mounts {
				if s.Mounts[i].Destination == "/proc" {
					s.Mounts[i] = specs.Mount{Destination: "/proc", Type: "bind", Source: "/proc", Options: []string{"rbind"}}
				}
			}
		})
	b.Via = append(asUser(), "unshare", "--user", "--map-root-user", "--mount")
	if got := b.Report(t).Tries["read:/proc/sys/net/ipv4/ip_forward"]; got != "ok 1" {
		t.Errorf("ip_forward: %s, want 1", got)
	}
}

// Nobody looks into the first process while it is being made, not even its
// user: its memory is a copy of the runtime's. Once it waits for start it has no
// more than the user's program will have, and can be joined.
func TestHidden(t *testing.T) {
	dir := harness.TempDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	look := func(name string) specs.Hook {
		script := `pid=$(sed 's/.*"pid": *\([0-9]*\).*/\1/'); readlink /proc/$pid/exe >/dev/null && echo open >` + dir + "/" + name + ` || echo closed >` + dir + "/" + name
		return specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}}
	}
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := newBundle(t, mapping(maps...), harness.Args("/bin/sleep", "1000"), func(s *specs.Spec) {
				s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{look("making")}, Poststart: []specs.Hook{look("running")}}
			})
			pid, _ := b.Create(t)
			made, _ := os.ReadFile(dir + "/making")
			if string(made) != "closed\n" {
				t.Errorf("the first process is %q while it is being made, want closed", made)
			}
			b.Must(t, "start")
			run, _ := os.ReadFile(dir + "/running")
			if string(run) != "open\n" {
				t.Errorf("the running program is %q to its user, want open", run)
			}
			b.End(t, pid)
		})
	}
}
