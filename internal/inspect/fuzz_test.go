package inspect

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A container has a say in its mountinfo: mount points have the names that it gives them.
func FuzzMountinfo(f *testing.F) {
	f.Add("30 20 0:40 / / rw - overlay overlay rw\n31 30 8:1 /srv /a\\040b rw,nosuid - ext4 /dev/sda1 rw\n", "/a b")
	f.Add("30 20 0:40 / / rw -", "/")
	f.Add("30 30 0:40 / /a rw - tmpfs x rw\n", "a/../a")
	f.Fuzz(func(t *testing.T, text, dest string) {
		s := &specs.Spec{Mounts: []specs.Mount{{Destination: dest, Type: "tmpfs"}}, Linux: &specs.Linux{MaskedPaths: []string{dest}}}
		for _, row := range mounts(s, &Found{Mountinfo: text, MountsRead: true}) {
			if row.Subject != Mounts {
				t.Errorf("%+v", row)
			}
		}
		Unplaced(s, text)
		MountPoint(text, 30)
		OriginOf(text, 30, dest)
	})
}

// The texts of /proc/PID, which are read without trusting them.
func FuzzLimits(f *testing.F) {
	f.Add("Limit                     Soft Limit           Hard Limit           Units     \nMax cpu time              unlimited            unlimited            seconds   \nMax open files            1024 2048 files\n")
	f.Add("Max open files")
	f.Fuzz(func(t *testing.T, text string) {
		s := &specs.Spec{Process: &specs.Process{Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1, Hard: 2}}}}
		limits(s, &Found{Limits: text})
		if HasLimit(text, s.Process.Rlimits[0]) && limit(text, "Max open files") != "1:2" {
			t.Errorf("%q", text)
		}
	})
}
