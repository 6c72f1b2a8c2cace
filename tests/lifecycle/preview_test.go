package lifecycle

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A foreseen is as much of what `rung plan --format json` says as is held against the kernel here.
type foreseen struct {
	Namespaces []struct{ Type, How string }
	Cgroup     struct {
		Directories map[string]string
		Writes      []struct {
			File, Value string
			Optional    bool
		}
		DeviceProgram int
	}
	Mounts  []foreseenMount
	Devices []foreseenDevice
	Hooks   []struct{ Path string }
	Process struct {
		UID, GID int
		Groups   []int
	}
}

type foreseenMount struct {
	Destination, How, Type, Source, Then string
	Flags, Data                          []string
	Recursive                            bool
}

type foreseenDevice struct {
	Path  string
	Bound bool
}

// TestPreviewIsTrue creates a container under strace and holds the plan that was told before against the calls that were made: the writes to
// cgroups, all and in their order, the mounts and their flags as the kernel lists them, and the ids.
func TestPreviewIsTrue(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "a plan")
	for name, edits := range map[string][]harness.Edit{
		"plain":          nil,
		"user namespace": {harness.MappedRoot},
		"ids": {func(s *specs.Spec) {
			s.Process.User = specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{5, 6}}
		}},
		"read-only root": {func(s *specs.Spec) { s.Root.Readonly = true }},
		"limits": {func(s *specs.Spec) {
			limit, memory, shares, quota, period := int64(100), int64(64<<20), uint64(512), int64(50000), uint64(100000)
			s.Linux.Resources = new(specs.LinuxResources)
			if harness.HasController("hugetlb") {
				s.Linux.Resources.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 << 20}}
			}
			if harness.HasController("pids") {
				s.Linux.Resources.Pids = &specs.LinuxPids{Limit: &limit}
			}
			if harness.HasController("memory") {
				s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &memory}
			}
			if harness.HasController("cpu") {
				s.Linux.Resources.CPU = &specs.LinuxCPU{Shares: &shares, Quota: &quota, Period: &period}
			}
		}},
		"devices": {func(s *specs.Spec) {
			s.Linux.Devices = append(s.Linux.Devices, specs.LinuxDevice{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229})
			s.Linux.Resources = &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}, {Allow: true, Type: "c", Major: new(int64(10)), Minor: new(int64(229)), Access: "rw"}}}
		}},
		"binds": {harness.AddMount(
			specs.Mount{Destination: "/a", Source: "/etc", Options: []string{"bind", "ro", "nosuid", "noatime"}},
			specs.Mount{Destination: "/b", Source: "/dev/shm", Options: []string{"rbind", "rnoexec"}},
			specs.Mount{Destination: "/c", Type: "tmpfs", Source: "tmpfs", Options: []string{"nodev", "size=1m", "mode=700"}},
			specs.Mount{Destination: "/d", Source: "rootfs/bin", Options: []string{"bind", "ro"}},
			specs.Mount{Destination: "/dev/shm/e", Source: "/proc/self/cwd", Options: []string{"bind"}},
		)},
		"masks": {func(s *specs.Spec) {
			s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = []string{"/tmp", "/none", "/proc/kcore", "/proc/driver", "/etc/passwd"}, []string{"/etc", "/proc/sys", "/proc/sys/net", "/nothing"}
		}},
		"masks of a user namespace": {harness.MappedRoot, func(s *specs.Spec) {
			s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = []string{"/tmp", "/proc/keys"}, []string{"/proc/sys"}
		}},
		"masks in binds": {harness.AddMount(
			specs.Mount{Destination: "/a", Source: "/usr", Options: []string{"bind", "nosuid", "noatime"}},
			specs.Mount{Destination: "/b", Source: "rootfs/a", Options: []string{"bind"}},
			specs.Mount{Destination: "/d", Source: "rootfs/a", Options: []string{"bind", "nodev"}},
		), func(s *specs.Spec) {
			s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = []string{"/a/bin", "/b/bin/env", "/b/none"}, []string{"/a/lib", "/b/lib", "/d", "/dev/shm"}
		}},
		"remounts": {harness.AddMount(
			specs.Mount{Destination: "/a", Source: "/usr", Options: []string{"bind", "nosuid"}},
			specs.Mount{Destination: "/a", Options: []string{"remount", "bind", "ro"}},
			specs.Mount{Destination: "/c", Type: "tmpfs", Source: "tmpfs", Options: []string{"nodev", "ro"}},
			specs.Mount{Destination: "/c", Options: []string{"remount", "rw", "noexec"}},
		), func(s *specs.Spec) { s.Linux.ReadonlyPaths = []string{"/a/lib"} }},
		"hooks": {func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/true"}}, CreateContainer: []specs.Hook{{Path: "/bin/true"}}}
		}},
		"few mounts": {func(s *specs.Spec) { s.Mounts = s.Mounts[:1] }},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "600")}, edits...)...)
			b.Chown(t)
			before := b.Run(t, "plan", "--id", b.ID, "--format", "json", b.Dir)
			before.Silent(t)
			var plan foreseen
			if err := json.Unmarshal([]byte(before.Stdout), &plan); err != nil {
				t.Fatal(err)
			}
			trace := filepath.Join(harness.TempDir(t), "trace")
			call := b.Cmd("create", "--pid-file", b.Dir+"/pid")
			call.Via = []string{"strace", "-f", "-y", "-qq", "-s", "4096", "-o", trace}
			r := call.Start(t)
			pid := pidOnceWritten(t, b)
			points := mountPoints(t, pid)
			b.Must(t, "start")
			b.Must(t, "kill", "KILL")
			r.Wait(t)
			harness.Wait(t, pid)
			b.WaitStatus(t, specs.StateStopped)
			b.Must(t, "delete")
			text := read(t, trace)
			plan.checkWrites(t, text)
			plan.checkMounts(t, points, strings.HasSuffix(name, "user namespace"))
			plan.checkIDs(t, text, pid)
			for _, h := range plan.Hooks {
				if !strings.Contains(text, "execve(\""+h.Path+"\"") {
					t.Errorf("hook %s wasn't run", h.Path)
				}
			}
			if loads := strings.Contains(text, "bpf(BPF_PROG_LOAD"); loads != (plan.Cgroup.DeviceProgram > 0) {
				t.Errorf("a device program of %d instructions; one was loaded: %v", plan.Cgroup.DeviceProgram, loads)
			}
		})
	}
}

var cgroupWrite = regexp.MustCompile(`(?m)^\d+ +write\(\d+<(/sys/fs/cgroup/[^>]*)>, "([^"]*)", \d+(?:\) += \d| <unfinished)`)

// checkWrites finds the foreseen writes among those of a trace, in their order, and none besides but those of processes that enter.
func (p *foreseen) checkWrites(t *testing.T, trace string) {
	t.Helper()
	next := 0
	for _, m := range cgroupWrite.FindAllStringSubmatch(trace, -1) {
		if file := filepath.Base(m[1]); file == "tasks" || file == "cgroup.procs" || file == "cgroup.kill" || file == "cgroup.freeze" || file == "freezer.state" {
			continue
		}
		for next < len(p.Cgroup.Writes) && p.Cgroup.Writes[next].Optional && (p.Cgroup.Writes[next].File != m[1] || p.Cgroup.Writes[next].Value != m[2]) {
			next++
		}
		if next == len(p.Cgroup.Writes) {
			t.Errorf("%q was written to %s, the plan says nothing more", m[2], m[1])
			return
		}
		if w := p.Cgroup.Writes[next]; w.File != m[1] || w.Value != m[2] {
			t.Errorf("%q was written to %s, the plan says %q to %s", m[2], m[1], w.Value, w.File)
			return
		}
		next++
	}
	for _, w := range p.Cgroup.Writes[next:] {
		if !w.Optional {
			t.Errorf("%q wasn't written to %s", w.Value, w.File)
		}
	}
}

// A point is a line of mountinfo.
type point struct {
	at, kind string
	flags    []string
}

func mountPoints(t *testing.T, pid int) (list []point) {
	t.Helper()
	for line := range strings.Lines(read(t, fmt.Sprintf("/proc/%d/mountinfo", pid))) {
		left, right, _ := strings.Cut(line, " - ")
		f := strings.Fields(left)
		list = append(list, point{f[4], strings.Fields(right)[0], strings.Split(f[5], ",")})
	}
	return list
}

// checkMounts finds the foreseen mounts among those that the kernel lists in the order of their making: clones of the host's in theirs, and in
// theirs what is made in its turn. (In a user namespace a clone may stand in for a new one.) Besides are only those that came with a recursive
// clone, and bound devices.
func (p *foreseen) checkMounts(t *testing.T, points []point, user bool) {
	t.Helper()
	used := make([]bool, len(points))
	from := map[bool]int{}
	for i := range p.Mounts {
		m := &p.Mounts[i]
		if m.How == "flags" {
			continue
		}
		ordered := m.How != "mask" && !user
		at := -1
		for i := range points {
			if !used[i] && points[i].at == m.Destination && (m.Type == "" || points[i].kind == m.Type) && (!ordered || i >= from[m.How == "bind"]) {
				at = i
				break
			}
		}
		if at < 0 {
			if m.Then != "unless it is missing" {
				t.Errorf("no mount at %s, or too early: %+v", m.Destination, *m)
			}
			continue
		}
		used[at] = true
		if ordered {
			from[m.How == "bind"] = at + 1
		}
		checkFlags(t, m.Destination, p.lastFlags(i), points[at].flags)
	}
	for i, at := range points {
		if used[i] {
			continue
		}
		recursive := slices.ContainsFunc(p.Mounts, func(m foreseenMount) bool {
			return m.Recursive && m.Destination != "/" && strings.HasPrefix(at.at, m.Destination+"/")
		})
		bound := slices.ContainsFunc(p.Devices, func(d foreseenDevice) bool { return d.Bound && d.Path == at.at })
		if !recursive && !bound {
			t.Errorf("the plan has no mount at %s (%s %v)", at.at, at.kind, at.flags)
		}
	}
}

// lastFlags are those that a mount has when all is done: entries that come later may change them.
func (p *foreseen) lastFlags(i int) []string {
	last := p.Mounts[i].Flags
	for _, m := range p.Mounts[i+1:] {
		if m.Destination == p.Mounts[i].Destination && m.How == "flags" {
			last = m.Flags
		}
	}
	return last
}

// checkFlags compares flags, of which the plan doesn't name the defaults.
func checkFlags(t *testing.T, at string, want, have []string) {
	t.Helper()
	for _, word := range []string{"ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"} {
		if wanted := slices.Contains(want, word); wanted != slices.Contains(have, word) {
			t.Errorf("%s: %s is %v in the plan %v and not in %v", at, word, wanted, want, have)
		}
	}
}

// checkIDs looks for the calls by which the first process gets its ids.
func (p *foreseen) checkIDs(t *testing.T, trace string, pid int) {
	t.Helper()
	groups := make([]string, 0, len(p.Process.Groups))
	for _, g := range p.Process.Groups {
		groups = append(groups, strconv.Itoa(g))
	}
	list := fmt.Sprintf("setgroups(%d, [%s]", len(groups), strings.Join(groups, ", "))
	if len(groups) == 0 {
		list = "setgroups(0, NULL"
	}
	for _, want := range []string{
		fmt.Sprintf("setresuid(%d, %[1]d, %[1]d", p.Process.UID), fmt.Sprintf("setresgid(%d, %[1]d, %[1]d", p.Process.GID), list,
	} {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^%d +%s`, pid, regexp.QuoteMeta(want))).MatchString(trace) {
			t.Errorf("the first process has not called %s", want)
		}
	}
}

// A container doesn't differ from the bundle that it was made from, whatever is warned of, and does when a value has changed.
func TestPlanAgainstOwnBundle(t *testing.T) {
	harness.NeedRung(t, "a plan")
	b := harness.New(t, harness.Args("/bin/sleep", "600"), func(s *specs.Spec) {
		limit := int64(1 << 30)
		s.Linux.Resources.Memory = &specs.LinuxMemory{Kernel: &limit, KernelTCP: &limit}
		s.Process.Capabilities.Bounding = append(s.Process.Capabilities.Bounding, "CAP_NONE_SUCH")
		s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedBatch, Nice: 1}
		s.Annotations = map[string]string{"a": "b"}
	})
	if r := b.Cmd("create", "--pid-file", b.Dir+"/pid").Run(t); r.Code != 0 {
		t.Fatal(r)
	}
	defer b.End(t, harness.PID(t, b.Dir+"/pid"))
	if r := b.Run(t, "plan", "--against", b.ID, b.Dir); r.Code != 0 || r.Stdout != "" {
		t.Errorf("its own bundle: code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	b.Spec.Process.Scheduler.Nice = 2
	b.Save(t)
	if r := b.Run(t, "plan", "--against", b.ID, b.Dir); r.Code != 1 || !strings.Contains(r.Stdout, "+ process.scheduler = policy=SCHED_BATCH nice=2\n") {
		t.Errorf("another nice value: code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// TestPlanOfTaken asks for the plan of a container whose id another one has: create would fail, and so does this. The bundle's name is no id yet.
func TestPlanOfTaken(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "a plan")
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	b.Run(t, "plan", "--id", b.ID, "--format", "json", b.Dir).Silent(t)
	pid, _ := b.Create(t)
	defer b.End(t, pid)
	b.Run(t, "plan", "--id", b.ID, b.Dir).Fails(t, 2, "already exists")
	for _, args := range [][]string{{"plan", b.Dir}, {"plan", "--id", b.ID, "--against", b.ID, b.Dir}, {"plan", "--id", b.ID, "--diff", b.Dir, b.Dir}} {
		b.Run(t, args...).Silent(t)
	}
}
