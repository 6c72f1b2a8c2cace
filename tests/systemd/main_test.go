// Package systemd runs containers as units of systemd. It needs systemd as the
// machine's first process: make test-vm PKG=systemd.
package systemd

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func booted() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil
}

func need(t *testing.T) {
	t.Helper()
	if !booted() {
		t.Skip("systemd doesn't run this machine (make test-vm PKG=systemd)")
	}
}

// A unit is a bundle whose container is to be a scope.
type unit struct {
	*harness.Bundle
	name  string   // of the scope
	ctl   []string // systemctl of the manager that has it
	slice string
}

const slice = "rungt.slice"

// newUnit makes a bundle of a sleeping container, and sees to it that nothing of
// its unit is left.
func newUnit(t *testing.T, edits ...harness.Edit) *unit {
	t.Helper()
	need(t)
	u := &unit{ctl: []string{"systemctl"}, slice: slice}
	u.Bundle = harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "1000")}, edits...)...)
	u.place(t, u.ID)
	return u
}

// place gives the unit its name.
func (u *unit) place(t *testing.T, name string) {
	t.Helper()
	u.name = "rungt-" + name + ".scope"
	u.Spec.Linux.CgroupsPath = u.slice + ":rungt:" + name
	u.Save(t)
	t.Cleanup(func() {
		if got := u.show(t, "LoadState"); got != "not-found" {
			t.Errorf("unit %s is left: LoadState=%s", u.name, got)
		}
	})
}

// with adds the global option to a call of create or run.
func (u *unit) with(verb ...string) *harness.Cmd {
	c := u.Cmd(verb...)
	c.Args = slices.Insert(c.Args, 2, "--systemd-cgroup")
	c.Timeout = time.Minute
	return c
}

// create makes the container; it is deleted at the end of the test.
func (u *unit) create(t *testing.T) (pid int) {
	t.Helper()
	pid, _ = u.CreateBy(t, u.with("create"))
	return pid
}

func (u *unit) start(t *testing.T) (pid int) {
	t.Helper()
	pid = u.create(t)
	u.Must(t, "start")
	return pid
}

// end deletes a container, without the global option, as engines do.
func (u *unit) end(t *testing.T, pid int) {
	t.Helper()
	u.Must(t, "delete", "--force")
	if len(u.Via) == 0 {
		harness.Wait(t, pid)
	}
}

// show is a property of the unit, as systemctl prints it.
func (u *unit) show(t *testing.T, property string) string {
	t.Helper()
	return ctl(t, u.ctl, "show", "-P", property, u.name)
}

func ctl(t *testing.T, systemctl []string, args ...string) string {
	t.Helper()
	argv := append(append([]string{"timeout", "60"}, systemctl...), args...)
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return strings.TrimSpace(string(out))
}

// dir is the unit's cgroup.
func (u *unit) dir(t *testing.T) string {
	t.Helper()
	return "/sys/fs/cgroup" + u.show(t, "ControlGroup")
}

// check compares properties ("TasksMax=50") and files of the cgroup
// ("pids.max=50") with what they are.
func (u *unit) check(t *testing.T, want ...string) {
	t.Helper()
	// In one call: those of the user's systemd take seconds in the virtual machine.
	args := []string{"show", "-p", "ControlGroup", u.name}
	for _, w := range want {
		if name, _, _ := strings.Cut(w, "="); !strings.Contains(name, ".") {
			args = append(args, "-p", name)
		}
	}
	shown := make(map[string]string)
	for line := range strings.SplitSeq(ctl(t, u.ctl, args...), "\n") {
		name, value, _ := strings.Cut(line, "=")
		shown[name] = value
	}
	for _, w := range want {
		name, value, _ := strings.Cut(w, "=")
		got := ""
		if strings.Contains(name, ".") {
			text, err := os.ReadFile("/sys/fs/cgroup" + shown["ControlGroup"] + "/" + name)
			if err != nil {
				t.Error(err)
				continue
			}
			got = strings.TrimSpace(string(text))
		} else {
			got = shown[name]
		}
		if got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
}

// inScope fails unless the process is in the unit's cgroup.
func (u *unit) inScope(t *testing.T, pid int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(strings.TrimSpace(string(text)), "/"+u.name) {
		t.Errorf("process %d is in %q, not in %s", pid, text, u.name)
	}
}

func annotate(pairs map[string]string) harness.Edit {
	return func(s *specs.Spec) { s.Annotations = pairs }
}

func resources(r specs.LinuxResources) harness.Edit {
	return func(s *specs.Spec) {
		r.Devices = s.Linux.Resources.Devices
		s.Linux.Resources = &r
	}
}

func ptr[T any](v T) *T { return &v }
