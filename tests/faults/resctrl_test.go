package faults

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// fakeResctrl makes a directory that stands for a resctrl file system, which no
// machine here has: one of cgroup v1, where mkdir and rmdir work like there and
// writing 0 to tasks moves the writer. It has no schemata.
func fakeResctrl(t *testing.T) string {
	t.Helper()
	harness.Controller(t, "cpuacct")
	dir := "/sys/fs/cgroup/cpuacct/" + harness.Unique()
	if harness.View() == "v2" {
		t.Skip("stands on a cgroup v1 hierarchy, which this view doesn't have")
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// members are the processes of a directory.
func members(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(dir + "/tasks")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// linux.intelRdt from create to delete: the container's own group is made, has
// the first process and what is exec'd, and goes; also after a create that fails,
// and after one that was killed.
func TestIntelRdt(t *testing.T) {
	harness.UseTagged(t, "faultpoints")
	root := fakeResctrl(t)
	b := sleeper(t)
	b.Spec.Linux.IntelRdt = &specs.LinuxIntelRdt{}
	b.Save(t)
	group := root + "/" + b.ID
	gone := func(when string) {
		t.Helper()
		if _, err := os.Stat(group); err == nil {
			t.Errorf("%s: the group is there", when)
		}
	}
	fake := func(verb string, env ...string) *harness.Cmd {
		return with(b.Cmd(verb), append(env, "RUNG_RESCTRL="+root)...)
	}

	for _, point := range []string{"create:intent", "create:resctrl", "create:recorded"} {
		fake("create", "RUNG_FAULT="+point).Run(t)
		harness.Reap()
		if r := fake("delete").Run(t); r.Code != 0 {
			b.Must(t, "delete", "--force")
		}
		harness.Reap()
		gone("killed at " + point)
	}

	pid, r := b.CreateBy(t, fake("create"))
	if r.Code != 0 {
		t.Fatal(r)
	}
	if got := members(t, group); got != strconv.Itoa(pid) {
		t.Errorf("tasks %q, want %d", got, pid)
	}
	b.Must(t, "start")
	// The first process was in the group when it made its cgroup namespace.
	if r := b.Run(t, "exec", b.ID, "grep", "cpuacct", "/proc/self/cgroup"); !strings.HasSuffix(r.Stdout, "cpuacct:/\n") {
		t.Errorf("exec'd process is not in the group: %v", r)
	}
	b.End(t, pid)
	gone("deleted")

	b.Spec.Process.Args = []string{"/not/there"}
	b.Save(t)
	if r := fake("create").Run(t); r.Code == 0 {
		t.Error(r)
	}
	gone("failed")
}

// A class that was there stays, and the monitoring group in it is the container's.
func TestIntelRdtMonitoring(t *testing.T) {
	harness.UseTagged(t, "faultpoints")
	root := fakeResctrl(t)
	for _, dir := range []string{"/gold", "/gold/mon_groups"} {
		if err := os.Mkdir(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Remove(root + dir) })
	}
	b := sleeper(t)
	b.Spec.Linux.IntelRdt = &specs.LinuxIntelRdt{ClosID: "gold", EnableMonitoring: true}
	b.Save(t)
	pid, r := b.CreateBy(t, with(b.Cmd("create"), "RUNG_RESCTRL="+root))
	if r.Code != 0 {
		t.Fatal(r)
	}
	group := root + "/gold/mon_groups/" + b.ID
	if got := members(t, group); got != strconv.Itoa(pid) {
		t.Errorf("tasks %q, want %d", got, pid)
	}
	b.End(t, pid)
	if _, err := os.Stat(group); err == nil {
		t.Error("the monitoring group is there")
	}
	if _, err := os.Stat(root + "/gold"); err != nil {
		t.Error("the class has gone")
	}
}

// Without the file system it is an error, and nothing is left.
func TestNoResctrl(t *testing.T) {
	if text, _ := os.ReadFile("/proc/filesystems"); strings.Contains(string(text), "resctrl") {
		t.Skip("this kernel has resctrl")
	}
	harness.NeedRung(t, "the text of the error")
	b := harness.New(t)
	b.Spec.Linux.IntelRdt = &specs.LinuxIntelRdt{EnableMonitoring: true}
	b.Save(t)
	b.Container(t, "create").Fails(t, 1, "linux.intelRdt: no resctrl file system is mounted")
}
