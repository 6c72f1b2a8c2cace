package rootless

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A mount of the host's that can't be bound is a volume like others, by itself and with what it is mounted on.
func TestUnbindableSource(t *testing.T) {
	dir := harness.TempDir(t)
	harness.IgnoreMounts(dir)
	if err := os.Mkdir(dir+"/u", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir+"/u", "tmpfs", 0, "mode=755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir+"/u", unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Mount("", dir+"/u", "", unix.MS_UNBINDABLE, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/u/file", []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for source, at := range map[string]string{dir + "/u": "/v/file", dir: "/v/u/file"} {
		for name, maps := range ranges {
			t.Run(at+"/"+name, func(t *testing.T) {
				harness.Share(t)
				b := newBundle(t, mapping(maps...), harness.Probe("read:"+at), bind(source, "/v", "rbind"))
				if maps[0].HostID == firstID {
					harness.NeedRung(t, "runc wants to give stdio to the container's root")
					b.Give(t, firstID, firstID)
				}
				if got := b.Report(t).Tries["read:"+at]; got != "ok text" {
					t.Errorf("read %s: %q, want the file", at, got)
				}
			})
		}
	}
}
