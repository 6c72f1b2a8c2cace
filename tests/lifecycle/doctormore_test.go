package lifecycle

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// TestDoctorForetellsJoins joins a user namespace together with a network namespace that the host's owns, and with one that is the user namespace's.
func TestDoctorForetellsJoins(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "no other runtime has a doctor")
	sleeper := func(flags ...string) int {
		t.Helper()
		cmd := exec.Command("unshare", append(flags, "sleep", "600")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		harness.Until(t, "unshare has become the program", func() bool {
			name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid))
			return string(name) == "sleep\n"
		})
		return cmd.Process.Pid
	}
	user, network := sleeper("--user", "--map-root-user", "--net"), sleeper("--net")
	for name, of := range map[string]int{"its own": user, "the host's": network} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, harness.WithoutNS(specs.NetworkNamespace), func(s *specs.Spec) {
				s.Linux.Namespaces = append(s.Linux.Namespaces,
					specs.LinuxNamespace{Type: specs.UserNamespace, Path: fmt.Sprintf("/proc/%d/ns/user", user)},
					specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: fmt.Sprintf("/proc/%d/ns/net", of)})
			})
			foretells(t, b)
			if r := b.Run(t, "doctor", b.Dir); !strings.Contains(r.Stdout, "join") || strings.Contains(r.Stdout, "missing   join") {
				t.Errorf("%v", r)
			}
		})
	}
}

// TestDoctorForetellsCgroup names a cgroup in which no process can be, and one that somebody is in.
func TestDoctorForetellsCgroup(t *testing.T) {
	harness.NeedRung(t, "no other runtime has a doctor")
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	pid := b.Running(t)
	other := b.Beside(t, func(s *specs.Spec) { s.Linux.CgroupsPath = b.Spec.Linux.CgroupsPath })
	foretells(t, other)
	if r := b.Run(t, "doctor", other.Dir); !strings.Contains(r.Stdout, "container's cgroup is not empty") {
		t.Errorf("%v", r)
	}
	b.End(t, pid)
	if harness.View() != harness.V2 {
		return
	}
	const controller = "hugetlb"
	harness.Controller(t, controller)
	path := "/rungt-hands"
	dir := harness.CgroupDirs(path)[0]
	if err := os.WriteFile(filepath.Dir(dir)+"/cgroup.subtree_control", []byte("+"+controller), 0); err != nil {
		t.Skipf("the host doesn't hand %s down: %v", controller, err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Rmdir(dir); err != nil {
			t.Error(err)
		}
	}()
	if err := os.WriteFile(dir+"/cgroup.subtree_control", []byte("+"+controller), 0); err != nil {
		t.Fatal(err)
	}
	b = harness.New(t, func(s *specs.Spec) { s.Linux.CgroupsPath = path })
	foretells(t, b)
	b.Container(t, "run").Fails(t, 1, "no process can be in cgroup "+dir+", which hands controllers to cgroups below it")
}

// TestDoctorTerminal says that a terminal takes devpts.
func TestDoctorTerminal(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "no other runtime has a doctor")
	for name, edit := range map[string]harness.Edit{
		"with": func(*specs.Spec) {}, "without": harness.DropMount("/dev/pts"), "no mounts": func(s *specs.Spec) {
			harness.WithoutNS(specs.MountNamespace)(s)
			s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Linux.Devices, s.Root.Readonly = nil, nil, nil, nil, false
		},
	} {
		b := harness.New(t, edit, func(s *specs.Spec) { s.Process.Terminal = true })
		r := b.Run(t, "doctor", b.Dir)
		if told := strings.Contains(r.Stdout, "make console: open /dev/pts/ptmx"); told == (name == "with") || told == (r.Code == 0) {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// TestDoctorNoProcess says that a container without a process can't be run, but created.
func TestDoctorNoProcess(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "no other runtime has a doctor")
	b := harness.New(t, func(s *specs.Spec) { s.Process = nil })
	b.Run(t, "doctor", b.Dir).Fails(t, 1, "")
	if r := b.Run(t, "doctor", b.Dir); !strings.Contains(r.Stdout, "the configuration has no process") {
		t.Errorf("%v", r)
	}
}
