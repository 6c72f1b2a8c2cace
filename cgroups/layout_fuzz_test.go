package cgroups

import (
	"strings"
	"testing"
)

// Whatever mountinfo and /proc/self/cgroup have, every hierarchy that is found is at a path.
func FuzzLayout(f *testing.F) {
	f.Add([]byte("30 20 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n31 20 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"), []byte("3:pids:/a\n0::/b\n"))
	f.Add([]byte("30 20 0:26 /x\\040y /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"), []byte("0::/../x\n"))
	f.Add([]byte("30"), []byte(":::"))
	f.Fuzz(func(t *testing.T, mountinfo, own []byte) {
		l := parseLayout(mountinfo, own)
		for _, h := range l.Hierarchies {
			if h.Mountpoint == "" {
				t.Errorf("a hierarchy is nowhere: %+v", h)
			}
			if strings.ContainsRune(h.Mountpoint, '\n') && !strings.Contains(string(mountinfo), `\012`) {
				t.Errorf("a line break in %q", h.Mountpoint)
			}
		}
	})
}
