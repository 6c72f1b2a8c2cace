package systemd

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A device that a container is given while it runs stays when systemd reads its units anew, and one that was taken away doesn't come back.
func TestLiveDevices(t *testing.T) {
	harness.NeedRung(t, "rung devices")
	disk := number(t, "vda")
	u := newUnit(t, func(s *specs.Spec) { s.Root.Readonly = false })
	pid := u.start(t)
	u.Run(t, "devices", "add", u.ID, "/dev/vda", "/dev/disk").Silent(t)
	u.Run(t, "mounts", "add", "--options", "ro", u.ID, "/etc", "/host-etc").Silent(t)
	opens := func() bool { return u.Run(t, "exec", u.ID, "sh", "-c", ": </dev/disk").Code == 0 }
	for _, verb := range []string{"daemon-reload", "daemon-reexec"} {
		ctl(t, u.ctl, verb)
		ctl(t, u.ctl, "set-property", "--runtime", u.name, "CPUWeight=50")
		if !opens() {
			t.Errorf("after %s the device %v can't be opened", verb, disk)
		}
		if r := u.Run(t, "exec", u.ID, "test", "-e", "/host-etc/passwd"); r.Code != 0 {
			t.Errorf("after %s: %v", verb, r)
		}
	}
	u.Run(t, "devices", "remove", u.ID, "/dev/disk").Silent(t)
	ctl(t, u.ctl, "daemon-reload")
	if r := u.Run(t, "exec", u.ID, "sh", "-c", "mknod /tmp/d b $0 $1 && : </tmp/d", fmtInt(disk[0]), fmtInt(disk[1])); r.Code == 0 {
		t.Error("it can be opened when it was removed")
	}
	u.end(t, pid)
}

func fmtInt(n int64) string { return strconv.FormatInt(n, 10) }

// What is run beside a container is below its unit.
func TestDebug(t *testing.T) {
	harness.NeedRung(t, "rung debug")
	tools := harness.New(t)
	u := newUnit(t)
	pid := u.start(t)
	r := u.Run(t, "debug", u.ID, "--rootfs", tools.Dir+"/rootfs", "--", "/bin/cat", "/proc/1/cgroup", "/proc/self/cgroup")
	if r.Code != 0 || !strings.Contains(r.Stdout, u.ID+".debug") {
		t.Errorf("%v", r)
	}
	u.end(t, pid)
}

// The plan of a unit says what systemd is asked for, and doctor finds it on the bus.
func TestPlan(t *testing.T) {
	harness.NeedRung(t, "rung plan")
	limit := int64(64 << 20)
	u := newUnit(t, func(s *specs.Spec) {
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit}
	})
	out := u.Run(t, "--systemd-cgroup", "plan", "--id", u.ID, u.Dir)
	for _, want := range []string{"driver systemd", "unit " + u.name + " in " + slice, "property MemoryMax=67108864", "/memory.max = 67108864"} {
		if !strings.Contains(out.Stdout, want) {
			t.Errorf("no %q in %s", want, out.Stdout)
		}
	}
	pid := u.start(t)
	text, err := os.ReadFile("/sys/fs/cgroup/" + slice + "/" + u.name + "/memory.max")
	if err == nil && strings.TrimSpace(string(text)) != "67108864" {
		t.Errorf("memory.max is %s", text)
	}
	if r := u.Run(t, "inspect", u.ID); r.Code != 0 || !strings.Contains(r.Stdout, " 0 difference(s)") {
		t.Errorf("%v", r)
	}
	u.end(t, pid)
	if r := u.Run(t, "doctor"); !strings.Contains(r.Stdout, "systemd") {
		t.Errorf("%v", r)
	}
}
