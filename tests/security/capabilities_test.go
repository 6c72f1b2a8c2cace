package security

import (
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// R31: a configuration without capabilities gives none, to root neither, and a set-user-id program of the
// image's can get none: its bounding set is empty. With no_new_privs it doesn't become root either.
func TestNoCapabilities(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "without process.capabilities runc gives all of the caller's")
	for name, caps := range map[string]*specs.LinuxCapabilities{"absent": nil, "empty": {}} {
		for _, uid := range []uint32{0, 1000} {
			for _, noNew := range []bool{false, true} {
				b := harness.New(t, harness.Args("/bin/raised"), func(s *specs.Spec) {
					s.Process.Capabilities, s.Process.User.UID, s.Process.NoNewPrivileges = caps, uid, noNew
				})
				setUserID(t, b.Rootfs+"/bin/raised")
				r := b.Report(t)
				for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
					if r.Status[set] != "0000000000000000" {
						t.Errorf("%s, uid %d, noNewPrivileges %v: %s = %s, want none", name, uid, noNew, set, r.Status[set])
					}
				}
				effective := 0
				if noNew {
					effective = int(uid)
				}
				if r.UID[1] != effective {
					t.Errorf("%s, uid %d, noNewPrivileges %v: effective uid %d, want %d", name, uid, noNew, r.UID[1], effective)
				}
			}
		}
	}
}

// setUserID puts the probe into an image as a program that makes its caller root.
func setUserID(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(harness.ProbePath())
	if err == nil {
		err = os.WriteFile(path, text, 0o755)
	}
	if err == nil {
		err = unix.Chmod(path, 0o4755)
	}
	if err != nil {
		t.Fatal(err)
	}
}
