package systemd

import (
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// systemd forgets at a reload what it hasn't been told of devices. Those that a
// container has stay, whether systemd knows them or not, and no other comes.
func TestReload(t *testing.T) {
	u := newUnit(t, func(s *specs.Spec) {
		s.Linux.Resources.Devices = append(s.Linux.Resources.Devices,
			specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: ptr(int64(1)), Minor: ptr(int64(11)), Access: "r"}, // kmsg
			specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: ptr(int64(10)), Minor: ptr(int64(229)), Access: "rw"},
		)
		s.Linux.Devices = []specs.LinuxDevice{
			{Path: "/dev/kmsg", Type: "c", Major: 1, Minor: 11}, {Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229}, {Path: "/dev/port", Type: "c", Major: 1, Minor: 4},
		}
		s.Root.Readonly = false
	}, harness.Shell(`while :; do
		(: </dev/kmsg) 2>/dev/null || echo lost kmsg
		(: <>/dev/fuse) 2>/dev/null || echo lost fuse
		(: </dev/null) 2>/dev/null || echo lost null
		(: </dev/port) 2>/dev/null && echo got port
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
	r := u.Run(t, "exec", u.ID, "sh", "-c", ": </dev/kmsg && : <>/dev/fuse && echo well; : </dev/port")
	if !strings.Contains(r.Stdout, "well") || !strings.Contains(r.Stderr, "Operation not permitted") {
		t.Errorf("after the reload: %v", r)
	}
	if log := u.Read(t, "tmp/log"); log != "" {
		t.Errorf("during the reload:\n%s", log)
	}
	u.end(t, pid)
}
