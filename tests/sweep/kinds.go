package sweep

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A kind is one of bundle.
type kind struct {
	name  string
	edits []harness.Edit
	// Where it can't be had, why.
	lacks func() string
	// Makes what it needs besides.
	prepare func(t *testing.T, s *sweep)
}

var kinds = []kind{
	{name: "plain"},
	{name: "user namespace", edits: []harness.Edit{harness.MappedRoot}},
	{name: "rootless", prepare: rootless},
	{name: "terminal", edits: []harness.Edit{func(s *specs.Spec) { s.Process.Terminal = true }}, prepare: func(t *testing.T, s *sweep) { s.console = keep(t) }},
	{name: "hooks", edits: []harness.Edit{hooked}},
	{name: "notify", prepare: notified},
	{name: "joined", prepare: joined},
	{name: "network device", prepare: networked},
	{name: "limits", edits: []harness.Edit{limited}},
	{name: "systemd", lacks: withoutSystemd, prepare: func(_ *testing.T, s *sweep) {
		s.global = []string{"--systemd-cgroup"}
		s.b.Spec.Linux.CgroupsPath = "rungt.slice:rungt:" + s.b.ID
		s.cgroup = "/rungt.slice/rungt-" + s.b.ID + ".scope"
		s.units = "rungt-" + s.b.ID + "*"
	}},
}

func withoutSystemd() string {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return "systemd doesn't run this machine (make test-vm PKG=sweep VMFLAGS='-long -env RUNG_SWEEP=kind=systemd:sample=3')"
	}
	return ""
}

// unitsLeft are those of systemd that match.
func unitsLeft(pattern string) []string {
	out, err := exec.Command("systemctl", "list-units", "--all", "--plain", "--no-legend", pattern).CombinedOutput()
	if text := strings.TrimSpace(string(out)); text != "" || err != nil {
		return []string{fmt.Sprintf("units of systemd: %s (%v)", text, err)}
	}
	return nil
}

func hooked(s *specs.Spec) {
	one := []specs.Hook{{Path: "/bin/true"}}
	s.Hooks = &specs.Hooks{CreateRuntime: one, CreateContainer: one, StartContainer: one, Poststart: one, Poststop: one}
}

// limited has limits of what this view has, rules for devices, and a filter.
func limited(s *specs.Spec) {
	r := s.Linux.Resources
	major, minor := int64(1), int64(7)
	r.Devices = append(r.Devices, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: &major, Minor: &minor, Access: "rw"})
	if harness.HasController("memory") {
		limit := int64(64 << 20)
		r.Memory = &specs.LinuxMemory{Limit: &limit}
	}
	if harness.HasController("pids") {
		limit := int64(20)
		r.Pids = &specs.LinuxPids{Limit: &limit}
	}
	if harness.View() == harness.V2 {
		r.Unified = map[string]string{"cgroup.max.depth": "10", "cgroup.max.descendants": "100"}
		if harness.HasController("hugetlb") {
			r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 8 << 20}}
			r.Unified["hugetlb.2MB.rsvd.max"] = "16777216"
		}
	}
	s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"swapon"}, Action: specs.ActErrno}}}
}

// changed are resources that an update sets in this view.
func changed() (r specs.LinuxResources) {
	if harness.HasController("memory") {
		limit := int64(100 << 20)
		r.Memory = &specs.LinuxMemory{Limit: &limit}
	} else {
		r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 << 20}}
	}
	return r
}

// rootless is a bundle of an ordinary user's, with maps that newuidmap writes, in cgroups that he was given.
func rootless(t *testing.T, s *sweep) {
	if err := harness.User(); err != nil {
		t.Fatal(err)
	}
	s.b.GiveUser(t)
	name, begin := harness.Delegated(t)
	s.b.Via, s.ordinary = append(begin, s.b.Via...), true
	s.cgroup = "/" + name + "/self/" + s.b.ID
	l := s.b.Spec.Linux
	l.CgroupsPath = ""
	maps := []specs.LinuxIDMapping{{HostID: harness.UserID, Size: 1}, {ContainerID: 1, HostID: harness.FirstSubID, Size: harness.SubIDs - 1}}
	l.UIDMappings, l.GIDMappings = maps, slices.Clone(maps)
	l.Namespaces = append(l.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	// What he can't have: devices are the host's business, and as ids of groups in devpts there are none.
	l.Resources = nil
}

// notified is a bundle whose filter asks an agent, which never answers: nobody makes the call.
func notified(t *testing.T, s *sweep) {
	s.agent = keep(t)
	s.b.Spec.Linux.Seccomp = &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow, ListenerPath: s.agent.path,
		Syscalls: []specs.LinuxSyscall{{Names: []string{"swapon"}, Action: specs.ActNotify}},
	}
}

// joined is a bundle whose container joins another's namespaces, as those of a pod do.
func joined(t *testing.T, s *sweep) {
	other := harness.New(t, harness.Shell("while :; do sleep 1000; done"))
	pid, _ := other.Create(t)
	other.Must(t, "start")
	other.WaitPS(t, "sleep 1000") // or it would come later, and look as if it were left
	t.Cleanup(func() { other.End(t, pid) })
	for kind, file := range map[specs.LinuxNamespaceType]string{
		specs.NetworkNamespace: "net", specs.IPCNamespace: "ipc", specs.UTSNamespace: "uts", specs.PIDNamespace: "pid",
	} {
		harness.JoinNS(kind, fmt.Sprintf("/proc/%d/ns/%s", pid, file))(s.b.Spec)
	}
	s.b.Spec.Hostname = ""
}

// write writes a file of JSON.
func write(t *testing.T, path string, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
