package systemd

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// systemd forgets at a reload what it hasn't been told of devices. Those that a
// container has stay, whether systemd knows them or not, and no other comes.
func TestReload(t *testing.T) {
	// Disks: no capability is asked for to open one. The job's is denied.
	disk, other := number(t, "nvme0n1"), number(t, "vda")
	allow := func(major, minor int64, typ, access string) specs.LinuxDeviceCgroup {
		return specs.LinuxDeviceCgroup{Allow: true, Type: typ, Major: &major, Minor: &minor, Access: access}
	}
	u := newUnit(t, func(s *specs.Spec) {
		s.Linux.Resources.Devices = append(s.Linux.Resources.Devices, allow(disk[0], disk[1], "b", "r"), allow(10, 229, "c", "rw"))
		s.Linux.Devices = []specs.LinuxDevice{
			{Path: "/dev/disk", Type: "b", Major: disk[0], Minor: disk[1]},
			{Path: "/dev/other", Type: "b", Major: other[0], Minor: other[1]},
			{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229},
		}
		s.Root.Readonly = false
	}, harness.Shell(`while :; do
		(: </dev/disk) 2>/dev/null || echo lost disk
		(: <>/dev/fuse) 2>/dev/null || echo lost fuse
		(: </dev/null) 2>/dev/null || echo lost null
		(: </dev/other) 2>/dev/null && echo got other
		[ -e /tmp/once ] || : >/tmp/once
	done >/tmp/log`))
	pid := u.start(t)
	for end := time.Now().Add(10 * time.Second); u.Run(t, "exec", u.ID, "test", "-e", "/tmp/once").Code != 0; {
		if time.Now().After(end) {
			t.Fatal("the container does nothing")
		}
	}
	for range 3 {
		ctl(t, u.ctl, "daemon-reload")
		ctl(t, u.ctl, "set-property", "--runtime", u.name, "CPUWeight=50")
	}
	ctl(t, u.ctl, "daemon-reexec")
	r := u.Run(t, "exec", u.ID, "sh", "-c", ": </dev/disk && : <>/dev/fuse && echo well; : </dev/other")
	if !strings.Contains(r.Stdout, "well") || !strings.Contains(r.Stderr, "Operation not permitted") {
		t.Errorf("after the reload: %v", r)
	}
	if log := u.Read(t, "tmp/log"); log != "" {
		t.Errorf("during the reload:\n%s", log)
	}
	u.end(t, pid)
}

// number is that of a disk.
func number(t *testing.T, name string) (n [2]int64) {
	t.Helper()
	text, err := os.ReadFile("/sys/block/" + name + "/dev")
	if err != nil {
		t.Skipf("needs the virtual machine's disks: %v", err)
	}
	if _, err := fmt.Sscanf(string(text), "%d:%d", &n[0], &n[1]); err != nil {
		t.Fatal(err)
	}
	return n
}
