package rootless

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// hide puts something over a device in this view's mount namespace, until the test's end.
func hide(t *testing.T, device, by string) {
	t.Helper()
	harness.IgnoreMounts(device)
	if err := unix.Mount(by, device, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(device, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// Who can make no device has those of the host's. A default one that the host lacks is left
// out with a warning, and never taken for what has its name; one that is asked for is an error.
func TestHostWithoutDevice(t *testing.T) {
	harness.NeedRung(t, "what the host has under a device's name is bound")
	file := harness.Dir() + "/no-device"
	if err := os.WriteFile(file, []byte("the host's"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ device, by string }{
		"a regular file": {"/dev/full", file},
		"another device": {"/dev/tty", "/dev/zero"},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := newBundle(t, harness.Args("/bin/ls", "/dev"))
			nested := newBundle(t, harness.Args("/bin/ls", "/dev"), func(s *specs.Spec) {
				s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
				namespace(specs.UserNamespace, "-")(s)
			})
			nested.Via = append(asUser(), "unshare", "--user", "--map-root-user", "--mount")
			asked := newBundle(t, harness.Args("/bin/true"), func(s *specs.Spec) {
				s.Linux.Devices = []specs.LinuxDevice{{Path: c.device, Type: "c", Major: 1, Minor: 7}}
			})
			hide(t, c.device, c.by)
			for _, b := range []*harness.Bundle{b, nested} {
				r := b.Container(t, "run")
				left := strings.Contains(r.Stderr, `level=warning msg="`+c.device+` is left out: the host's isn't that device`)
				if r.Code != 0 || !left || strings.Count(r.Stderr, "\n") != 1 {
					t.Errorf("want a warning: %v", r)
				}
				names := strings.Fields(r.Stdout)
				for _, want := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
					there := false
					for _, n := range names {
						there = there || n == want
					}
					if there != ("/dev/"+want != c.device) {
						t.Errorf("%s is there: %v", want, there)
					}
				}
			}
			if r := asked.Container(t, "run"); c.device == "/dev/full" {
				r.Fails(t, 1, c.device)
			}
		})
	}
}
