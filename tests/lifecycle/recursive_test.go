package lifecycle

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// What is recursively read-only is so when all is set up: what a mount consists of, and points of other mounts in it.
func TestRecursiveReadonly(t *testing.T) {
	harness.NeedRung(t, "others ignore recursive words for what isn't a bind")
	cgroup := func(words ...string) harness.Edit {
		return func(s *specs.Spec) {
			for i := range s.Mounts {
				if s.Mounts[i].Type == "cgroup" {
					s.Mounts[i].Options = words
				}
			}
		}
	}
	dev := func(word string) harness.Edit {
		return func(s *specs.Spec) {
			for i := range s.Mounts {
				if s.Mounts[i].Destination == "/dev" {
					s.Mounts[i].Options = append(s.Mounts[i].Options, word)
				}
			}
		}
	}
	for _, c := range []struct {
		name  string
		edits []harness.Edit
		want  map[string]string // words that are first in the mount's options
	}{
		{"cgroup", []harness.Edit{cgroup("rro")}, map[string]string{"/sys/fs/cgroup": "ro,nosuid,nodev,noexec"}},
		{"cgroup, two words", []harness.Edit{cgroup("ro", "rsuid", "rnoatime")}, map[string]string{"/sys/fs/cgroup": "ro,nosuid,nodev,noexec,noatime"}},
		{"dev", []harness.Edit{dev("rro")}, map[string]string{"/dev": "ro", "/dev/pts": "rw", "/dev/shm": "rw"}},
		{"dev, again", []harness.Edit{mount("", "", "/dev", "bind", "remount", "rro")}, map[string]string{"/dev": "ro", "/dev/pts": "ro"}},
		{"tmpfs", []harness.Edit{mount("tmpfs", "t", "/t", "rro"), mount("tmpfs", "t", "/t/sub")}, map[string]string{"/t": "ro", "/t/sub": "rw"}},
		{"tmpfs, with a mode", []harness.Edit{mount("tmpfs", "t", "/t", "rro", "mode=700"), mount("tmpfs", "t", "/t/sub")}, map[string]string{"/t": "ro", "/t/sub": "rw"}},
		{"tmpfs, copied up", []harness.Edit{mount("tmpfs", "t", "/etc", "rro", "tmpcopyup"), mount("tmpfs", "t", "/etc/sub")}, map[string]string{"/etc": "ro", "/etc/sub": "rw"}},
	} {
		for where, edit := range surroundings {
			t.Run(c.name+"/"+where, func(t *testing.T) {
				if c.want["/sys/fs/cgroup"] == "" {
					harness.Share(t)
				}
				b := harness.New(t, append(c.edits, edit, harness.Probe("read:/etc/passwd"))...)
				b.Chown(t)
				r := b.Report(t)
				if !strings.HasPrefix(r.Tries["read:/etc/passwd"], "ok") {
					t.Errorf("/etc/passwd: %s", r.Tries["read:/etc/passwd"])
				}
				for point, want := range c.want {
					if m := r.Mount(point); m == nil || !strings.HasPrefix(m.Options+",", want+",") {
						t.Errorf("%s is %+v, want %s", point, m, want)
					}
				}
				for _, m := range r.Mounts {
					// In a user namespace the access time mode of the host's is locked.
					if c.want["/sys/fs/cgroup"] != "" && strings.HasPrefix(m.Point, "/sys/fs/cgroup/") && !strings.HasPrefix(m.Options, "ro,nosuid,nodev,noexec,") {
						t.Errorf("%s is %+v, want it read-only", m.Point, m)
					}
				}
			})
		}
	}
}
