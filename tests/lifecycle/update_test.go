package lifecycle

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// updateFrom updates a container by a file of resources.
func updateFrom(t *testing.T, b *harness.Bundle, text string) *harness.Result {
	t.Helper()
	file := b.Dir + "/resources.json"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return b.Run(t, "update", "--resources", file, b.ID)
}

// What one update set, the next one knows: a quota stays when the period alone
// changes, whoever asks.
func TestUpdateIsRemembered(t *testing.T) {
	harness.Controller(t, "cpu")
	harness.NeedRung(t, "resources in the state directory")
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	quota := func(want string) {
		t.Helper()
		got := setting(t, b, "cpu.max")
		if got == "" {
			got = setting(t, b, "cpu.cfs_quota_us") + " " + setting(t, b, "cpu.cfs_period_us")
		}
		if got != want {
			t.Errorf("quota and period %q, want %q", got, want)
		}
	}
	pid, _ := b.Create(t)
	b.Run(t, "update", "--cpu-quota", "50000", b.ID).Silent(t)
	quota("50000 100000")
	b.Must(t, "start")
	updateFrom(t, b, `{"cpu":{"period":200000}}`).Silent(t)
	quota("50000 200000")
	b.Must(t, "pause")
	updateFrom(t, b, `{"cpu":{"quota":150000},"pids":{"limit":9}}`).Silent(t)
	quota("150000 200000")
	settings(t, b, map[string]string{"pids.max": "9"})
	b.Must(t, "resume")
	if r := b.Run(t, "exec", b.ID, "/bin/true"); r.Code != 0 {
		t.Errorf("%v", r)
	}
	b.End(t, pid)
}

// A running container gets more or less of a CPU, to 10 %.
func TestUpdateCPUQuota(t *testing.T) {
	harness.Controller(t, "cpu")
	b := harness.New(t, harness.Shell("while :; do :; done"))
	pid, _ := b.Create(t)
	b.Must(t, "start")
	for _, c := range []struct {
		quota string
		want  float64
	}{{"10000", 0.2}, {"5000", 0.1}} {
		b.Run(t, "update", "--cpu-period", "50000", "--cpu-quota", c.quota, b.ID).Silent(t)
		wantShare(t, b, pid, 50*time.Millisecond, c.want)
	}
	b.End(t, pid)
}

// A limit of processes holds from the update on.
func TestUpdatePidsLimit(t *testing.T) {
	harness.Controller(t, "pids")
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	pid, _ := b.Create(t)
	b.Run(t, "update", "--pids-limit", "6", b.ID).Silent(t)
	b.Must(t, "start")
	wantPids(t, b, 6)
	b.End(t, pid)
}

// spare is a device of the host that root can open, and a container by default
// can't.
func spare(t *testing.T) (major, minor uint32) {
	t.Helper()
	for _, path := range []string{"/dev/fuse", "/dev/kmsg", "/dev/loop-control", "/dev/rtc0", "/dev/vda", "/dev/sda"} {
		var st unix.Stat_t
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil || unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
			continue
		}
		unix.Close(fd)
		return unix.Major(st.Rdev), unix.Minor(st.Rdev)
	}
	t.Skip("this host has no device that can be opened")
	return 0, 0
}

// mknodder may make nodes in its root filesystem.
func mknodder(s *specs.Spec) {
	writable(s)
	harness.Capabilities("CAP_MKNOD")(s)
}

const openSpare = "dd if=/tmp/spare of=/dev/null count=0"

// Devices are denied and allowed before, during and after updates, while the
// container tries both in a loop.
func TestUpdateDevices(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "device rules in an update")
	major, minor := spare(t)
	loop := fmt.Sprintf("mknod /tmp/spare c %d %d; mknod /tmp/zero c 1 5; ", major, minor) +
		"while :; do " + openSpare + " 2>/dev/null && echo opened >>/tmp/wrong; " +
		"dd if=/tmp/zero of=/dev/null bs=1 count=1 2>/dev/null || echo refused >>/tmp/wrong; echo >>/tmp/turns; done"
	b := harness.New(t, mknodder, harness.Shell(loop))
	pid, _ := b.Create(t)
	b.Must(t, "start")
	turns := func() int64 {
		st, err := os.Stat(b.Rootfs + "/tmp/turns")
		if err != nil {
			return 0
		}
		return st.Size()
	}
	wait := func(n int64) {
		t.Helper()
		harness.Until(t, fmt.Sprintf("%d turns", n), func() bool { return turns() >= n })
	}
	wait(2)
	// None allows the device; kinds of lists change with each other.
	lists := []string{
		`[{"allow":false,"access":"rwm"},{"allow":true,"type":"b","major":10,"minor":229,"access":"rw"}]`,
		fmt.Sprintf(`[{"allow":true,"access":"rwm"},{"allow":false,"type":"c","major":%d,"minor":%d,"access":"rw"}]`, major, minor),
		`[{"allow":false,"access":"rwm"},{"allow":true,"type":"b","access":"r"}]`,
		`[{"allow":true,"type":"c","major":11,"minor":1,"access":"rwm"}]`,
		fmt.Sprintf(`[{"allow":true,"access":"rwm"},{"allow":false,"type":"c","major":11,"access":"rw"},{"allow":false,"type":"c","major":%d,"minor":%d,"access":"rwm"}]`, major, minor),
		`[{"allow":false,"access":"rwm"}]`,
	}
	start := turns()
	for i := range 200 {
		if r := updateFrom(t, b, `{"devices":`+lists[i%len(lists)]+`}`); r.Code != 0 || r.Stderr != "" {
			t.Fatalf("%s: %v", lists[i%len(lists)], r)
		}
	}
	during := turns() - start
	wait(start + during + 2)
	if text, err := os.ReadFile(b.Rootfs + "/tmp/wrong"); err == nil {
		t.Errorf("in %d turns, %d of them during updates: %s", turns(), during, text)
	}
	if during < 10 {
		t.Errorf("%d turns only during the updates", during)
	}
	// Allowed, read, and denied again.
	updateFrom(t, b, fmt.Sprintf(`{"devices":[{"allow":true,"type":"c","major":%d,"minor":%d,"access":"r"}]}`, major, minor)).Silent(t)
	if r := b.Run(t, "exec", b.ID, "/bin/sh", "-c", openSpare); r.Code != 0 {
		t.Errorf("the device is allowed now: %v", r)
	}
	updateFrom(t, b, fmt.Sprintf(`{"devices":[{"allow":false,"type":"c","major":%d,"minor":%d,"access":"r"}]}`, major, minor)).Silent(t)
	if r := b.Run(t, "exec", b.ID, "/bin/sh", "-c", openSpare); r.Code == 0 || !strings.Contains(r.Stderr, "Operation not permitted") {
		t.Errorf("the device is denied again: %v", r)
	}
	if r := b.State(t); r.Status != specs.StateRunning {
		t.Errorf("state = %v, want running", r.Status)
	}
	b.End(t, pid)
}

// A cgroup that isn't the container's own business stays as it is: whatever is
// paused stays paused.
func TestUpdateDevicesPaused(t *testing.T) {
	harness.NeedRung(t, "device rules in an update")
	major, minor := spare(t)
	b := harness.New(t, mknodder, harness.Args("/bin/sleep", "60"))
	pid, _ := b.Create(t)
	b.Must(t, "start")
	b.Must(t, "pause")
	for _, list := range []string{fmt.Sprintf(`[{"allow":true,"access":"rwm"},{"allow":false,"type":"c","major":%d,"minor":%d,"access":"rwm"}]`, major, minor), `[{"allow":false,"access":"rwm"}]`} {
		updateFrom(t, b, `{"devices":`+list+`}`).Silent(t)
		if s := b.State(t); s.Status != "paused" {
			t.Errorf("after %s: %s, want paused", list, s.Status)
		}
	}
	b.Must(t, "resume")
	b.Must(t, "delete", "--force")
	if ws := harness.Wait(t, pid); ws.Signal() != unix.SIGKILL {
		t.Errorf("wait status %x", ws)
	}
}
