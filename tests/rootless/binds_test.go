package rootless

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

func bind(source, dest string, options ...string) harness.Edit {
	return func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: dest, Type: "bind", Source: source, Options: append([]string{"bind"}, options...)})
	}
}

// readOnly is a file system of the host's that is mounted with all the flags that an ordinary user
// can't take away.
func readOnly(t *testing.T) string {
	t.Helper()
	dir := harness.TempDir(t)
	harness.IgnoreMounts(dir)
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A bind has the flags that are locked, unless a word asks to be without one, which is an error.
func TestBindLocked(t *testing.T) {
	dir := readOnly(t)
	const kept = "ro,nosuid,nodev,noexec,relatime"
	for words, want := range map[string]string{
		"": kept, "ro": kept, "nosuid": kept, "relatime": kept, "rslave": kept,
		"rw":      "!rw: the source's read-only flag",
		"suid ro": "!suid: the source's nosuid flag",
		"noatime": "!noatime: the source's access time mode",
	} {
		for name, maps := range ranges {
			t.Run(words+"/"+name, func(t *testing.T) {
				harness.Share(t)
				b := newBundle(t, mapping(maps...), harness.Probe(), bind(dir, "/v", strings.Fields(words)...))
				if maps[0].HostID == firstID {
					harness.NeedRung(t, "runc wants to give stdio to the container's root")
					b.Give(t, firstID, firstID)
				}
				refused, fails := strings.CutPrefix(want, "!")
				if !fails {
					if m := b.Report(t).Mount("/v"); m == nil || m.Options != want {
						t.Errorf("/v is %+v, want %s", m, want)
					}
					return
				}
				r := b.Container(t, "run")
				r.Fails(t, 1, "operation not permitted")
				if harness.IsRung() {
					r.Fails(t, 1, "].options: "+refused+" is locked in this user namespace")
				}
			})
		}
	}
}

// A source in the root filesystem has what earlier mounts put there, and what the user's own mounts
// have of flags he may take away.
func TestBindFromRoot(t *testing.T) {
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := newBundle(t, mapping(maps...), harness.Probe("create:/data/x", "list:/other"), func(s *specs.Spec) {
				s.Mounts = append(s.Mounts, specs.Mount{Destination: "/data", Type: "tmpfs", Source: "tmpfs", Options: []string{"noexec"}})
			}, bind("rootfs/data", "/other", "exec"))
			if maps[0].HostID == firstID {
				harness.NeedRung(t, "runc wants to give stdio to the container's root")
				b.Give(t, firstID, firstID)
			}
			r := b.Report(t)
			if got := r.Tries["list:/other"]; got != "ok x" {
				t.Errorf("/other has %s, want what is in /data", got)
			}
			if m := r.Mount("/other"); m == nil || m.Options != "rw,relatime" {
				t.Errorf("/other is %+v, want rw,relatime", m)
			}
		})
	}
}

// /dev is made read-only when its devices are there.
func TestRemountDev(t *testing.T) {
	harness.Share(t)
	b := newBundle(t, harness.Probe("open:/dev/null", "create:/dev/x"), func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/dev", Options: []string{"remount", "ro"}})
	})
	r := b.Report(t)
	for try, want := range map[string]string{"open:/dev/null": "ok", "create:/dev/x": "EROFS"} {
		if r.Tries[try] != want {
			t.Errorf("%s: %s, want %s", try, r.Tries[try], want)
		}
	}
	if _, err := os.Stat(b.Rootfs + "/dev/null"); err == nil {
		t.Error("the device was made below the mount")
	}
}
