package lifecycle

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A read-only mount below a protected path is read-only: what one sees there is a clone
// of both, made when the mount has its last flags.
func TestReadonlyBelowProtected(t *testing.T) {
	for name, edit := range map[string]harness.Edit{"host root": func(*specs.Spec) {}, "user namespace": harness.MappedRoot} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Shell("echo x 2>/dev/null >/srv/dir/file; echo $?; grep ' /srv' /proc/self/mountinfo"), writable, edit, func(s *specs.Spec) {
				s.Mounts = append(s.Mounts,
					specs.Mount{Destination: "/srv", Type: "tmpfs", Source: "tmpfs"},
					specs.Mount{Destination: "/srv/dir", Type: "tmpfs", Source: "tmpfs", Options: []string{"ro"}})
				s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/srv")
			})
			b.Chown(t)
			r := b.Container(t, "run")
			if r.Code != 0 || !strings.HasPrefix(r.Stdout, "1\n") {
				t.Errorf("a read-only mount was written to: %v", r)
			}
		})
	}
}

// The root itself may be one of the read-only paths.
func TestReadonlyPathRoot(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell("touch /x 2>/dev/null; echo $?; touch /tmp/x; echo $?"), writable, func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"})
		s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/")
	})
	if r := b.Container(t, "run"); r.Code != 0 || r.Stdout != "1\n0\n" {
		t.Errorf("want a read-only root and a writable /tmp: %v", r)
	}
}

// One entry of a mount's options may hold several words, as mount(8) has them.
func TestOptionsWithCommas(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Shell("grep ' /srv ' /proc/mounts; stat -c %a /srv"), writable, func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/srv", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "size=64k,mode=700"}})
	})
	r := b.Container(t, "run")
	if r.Code != 0 || !strings.Contains(r.Stdout, "size=64k") || !strings.Contains(r.Stdout, "nosuid") || !strings.HasSuffix(r.Stdout, "\n700\n") {
		t.Errorf("%v", r)
	}
}
