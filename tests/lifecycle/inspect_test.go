package lifecycle

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

type inspected struct {
	Status      string
	PID         int
	Differences int
	Rows        []struct {
		Subject, Name, Asked, Found, Note string
		Differs                           bool
	}
}

func inspect(t *testing.T, b *harness.Bundle) (i inspected) {
	t.Helper()
	if err := json.Unmarshal([]byte(b.Must(t, "inspect", "--format", "json").Stdout), &i); err != nil {
		t.Fatal(err)
	}
	return i
}

// differing are the rows that differ, as subject, name, what was asked for and what was found.
func (i *inspected) differing() (list []string) {
	for _, r := range i.Rows {
		if r.Differs {
			list = append(list, fmt.Sprintf("%s %s: asked for %q, found %q, %s", r.Subject, r.Name, r.Asked, r.Found, r.Note))
		}
	}
	return list
}

// found is what the rows of a name have.
func (i *inspected) found(subject, name string) string {
	for _, r := range i.Rows {
		if r.Subject == subject && r.Name == name {
			return r.Found
		}
	}
	return "no row"
}

// everything asks for some of all that inspect compares, in values that the kernel rounds or writes in other words.
func everything(s *specs.Spec) {
	three, pids, memory, shares, swap := int64(300), int64(77), int64(50_000_001), uint64(700), int64(100_000_001)
	oom, umask := 123, uint32(0o077)
	s.Process.OOMScoreAdj = &oom
	s.Process.User = specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{7, 5}, Umask: &umask}
	s.Process.NoNewPrivileges = true
	s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 100, Hard: 200}, {Type: "RLIMIT_CORE", Soft: 0, Hard: unix.RLIM_INFINITY}}
	sets := []string{"CAP_KILL", "CAP_CHOWN"}
	s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: append(sets, "CAP_SETUID"), Effective: sets, Permitted: sets, Inheritable: sets, Ambient: sets[:1]}
	s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"ptrace"}, Action: specs.ActErrno}}}
	s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/proc/keys", "/proc/none", "/etc")
	s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/proc/sys", "/proc/none")
	s.Root.Readonly = true
	s.Mounts = append(s.Mounts,
		specs.Mount{Destination: "/link/below", Type: "tmpfs", Source: "tmpfs", Options: []string{"size=64k", "noatime", "nosuid", "ro"}},
		specs.Mount{Destination: "/tmp", Type: "bind", Source: "/var", Options: []string{"rbind", "ro", "nodev"}},
		specs.Mount{Destination: "/tmp/", Type: "tmpfs", Source: "tmpfs", Options: []string{"noexec"}},
	)
	if harness.HasController("pids") {
		s.Linux.Resources.Pids = &specs.LinuxPids{Limit: &pids}
	}
	if harness.HasController("cpu") && harness.HasController("cpuset") {
		s.Linux.Resources.CPU = &specs.LinuxCPU{Shares: &shares, Cpus: "0,0"}
	}
	if harness.HasController("memory") {
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &memory, Reservation: &three, Swap: &swap}
	}
}

// What was asked for is what the kernel says, whatever the container's state, until somebody changes something: then
// that is marked, and nothing else.
func TestInspect(t *testing.T) {
	harness.NeedRung(t, "has inspect")
	for name, edit := range map[string]harness.Edit{
		"default": func(*specs.Spec) {}, "everything": everything, "user namespace": mapped,
		"everything in a user namespace": func(s *specs.Spec) { everything(s); mapped(s) },
		"caller's namespaces": func(s *specs.Spec) {
			harness.WithoutNS(specs.MountNamespace)(s)
			harness.WithoutNS(specs.PIDNamespace)(s)
			harness.WithoutNS(specs.UTSNamespace)(s)
			s.Hostname = ""
		},
		"time namespace": func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
		},
		"joined": harness.JoinNS(specs.NetworkNamespace, fmt.Sprintf("/proc/%d/ns/net", os.Getpid())),
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, harness.Args("/bin/sleep", "600"), edit)
			if err := os.MkdirAll(b.Rootfs+"/real/below", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("real", b.Rootfs+"/link"); err != nil {
				t.Fatal(err)
			}
			chownAll(t, b)
			pid, _ := b.Create(t)
			same := func(status string) {
				t.Helper()
				i := inspect(t, b)
				if list := i.differing(); len(list) > 0 || i.Differences != 0 {
					t.Errorf("%s: differs:\n%s", status, strings.Join(list, "\n"))
				}
				if i.Status != status || i.PID != pid {
					t.Errorf("it is %s, pid %d, want %s, %d", i.Status, i.PID, status, pid)
				}
			}
			same("created")
			b.Must(t, "start")
			same("running")
			if b.Spec.Linux.Resources.Pids != nil {
				b.Run(t, "update", "--pids-limit", "55", b.ID).Silent(t)
				i := inspect(t, b)
				if got := i.found("cgroup", "pids.max"); got != "55" {
					t.Errorf("pids.max is %s after an update, want 55", got)
				}
			}
			b.Must(t, "pause")
			same("paused")
			b.Must(t, "resume")
			inspectChanged(t, b, pid)
			b.Must(t, "kill", "KILL")
			b.WaitStatus(t, specs.StateStopped)
			b.Run(t, "inspect", b.ID).Fails(t, 1, "inspect container "+b.ID+": it has stopped, and nothing is left to look at")
			harness.Wait(t, pid)
			b.Run(t, "inspect", b.ID).Fails(t, 1, "it has stopped")
			b.Must(t, "delete")
			b.Run(t, "inspect", b.ID).Fails(t, 1, "container does not exist")
		})
	}
}

// inspectChanged changes some things behind the runtime's back.
func inspectChanged(t *testing.T, b *harness.Bundle, pid int) {
	t.Helper()
	if b.Spec.Process.OOMScoreAdj == nil {
		return
	}
	if err := os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte("7"), 0o644); err != nil {
		t.Fatal(err)
	}
	var want []string
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 50, Max: 60}, nil); err == nil { // root of some hosts may not
		want = append(want, `limit RLIMIT_NOFILE: asked for "100:200", found "50:60", `)
	}
	for _, dir := range harness.CgroupDirs(b.ID) {
		if _, err := os.Stat(dir + "/pids.max"); err == nil {
			if err := os.WriteFile(dir+"/pids.max", []byte("5"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	i := inspect(t, b)
	want = append(want, `process oom_score_adj: asked for "123", found "7", `)
	if b.Spec.Linux.Resources.Pids != nil {
		want = append(want, `cgroup pids.max: asked for "55", found "5", `)
	}
	if got := i.differing(); !slices.Equal(got, want) {
		t.Errorf("differs:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if text := b.Must(t, "inspect").Stdout; !strings.Contains(text, "\n!   oom_score_adj  7  (asked for 123)\n") || strings.Count(text, "\n!") != len(want) {
		t.Errorf("want as many lines marked: %s", text)
	}
}

// What a container mounts over a bind is seen, and a root directory that it has chosen itself; one without a mount namespace has nothing to hide.
func TestInspectCovered(t *testing.T) {
	harness.NeedRung(t, "has inspect")
	admin := func(s *specs.Spec) {
		list := []string{"CAP_SYS_ADMIN", "CAP_SYS_CHROOT"}
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: list, Permitted: list, Effective: list}
	}
	source := harness.TempDir(t)
	bind := harness.AddMount(specs.Mount{Destination: "/tmp", Source: source, Options: []string{"bind", "ro"}})
	for name, c := range map[string]struct {
		script string
		edits  []harness.Edit
		want   []string // of the differences, in their order
	}{
		"untouched": {"exec sleep 600", nil, nil},
		"covered":   {"mount -t tmpfs -o ro x /tmp; exec sleep 600", nil, []string{"mount /tmp: "}},
		"added":     {"mkdir /dev/shm/more; mount -t tmpfs x /dev/shm/more; exec sleep 600", nil, []string{"mount /dev/shm/more: "}},
		"added in a tree of the host's": {"mkdir /dev/shm/a; mount -t tmpfs x /dev/shm/a; exec sleep 600", []harness.Edit{
			harness.AddMount(specs.Mount{Destination: "/mnt", Source: "/sys", Options: []string{"rbind", "ro"}}),
		}, []string{"mount /dev/shm/a: "}},
		"chroot": {"exec chroot /bin /sleep 600", nil, []string{"mount /: ", "mount /proc: "}},
		"no mount namespace": {"exec sleep 600", []harness.Edit{harness.WithoutNS(specs.MountNamespace), func(s *specs.Spec) {
			s.Root.Readonly, s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Linux.Devices = false, nil, nil, nil, nil
		}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, append([]harness.Edit{harness.Args("/bin/sh", "-c", c.script), admin, bind}, c.edits...)...)
			pid, _ := b.Create(t)
			b.Must(t, "start")
			harness.Until(t, "sleep runs", func() bool {
				text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				return err == nil && strings.HasSuffix(strings.Split(string(text), "\x00")[0], "sleep")
			})
			i := inspect(t, b)
			list := i.differing()
			if len(list) < len(c.want) || c.want == nil && len(list) > 0 {
				t.Errorf("differs:\n%s", strings.Join(list, "\n"))
			}
			for n := range min(len(c.want), len(list)) {
				if !strings.HasPrefix(list[n], c.want[n]) {
					t.Errorf("differs:\n%s\nwant %q", strings.Join(list, "\n"), c.want)
				}
			}
			if name == "no mount namespace" && !strings.Contains(b.Must(t, "inspect").Stdout, "    /  -  (asked for rw; it has no mount namespace of its own: ") {
				t.Error(b.Must(t, "inspect").Stdout)
			}
			if name == "untouched" { // yet
				b.Run(t, "mounts", "add", "--options", "ro", b.ID, source, "/dev/shm/live").Silent(t)
				if i := inspect(t, b); i.Differences != 0 {
					t.Errorf("a mount that was added: %q", i.differing())
				}
				b.Run(t, "exec", b.ID, "/bin/sh", "-c", "mount -t tmpfs -o ro x /dev/shm/live").Silent(t)
				if i := inspect(t, b); i.Differences != 1 || !strings.HasPrefix(i.differing()[0], "mount /dev/shm/live: ") {
					t.Errorf("and covered: %q", i.differing())
				}
			}
			b.Must(t, "delete", "--force")
			harness.Wait(t, pid)
		})
	}
}
