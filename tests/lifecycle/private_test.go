package lifecycle

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// No mount of a container's has one of the host's as its master, and the mask of a file,
// which is the host's null device, is read-only.
func TestPrivateMounts(t *testing.T) {
	harness.Share(t)
	dir := harness.TempDir(t)
	b := harness.New(t, harness.Probe(), writable, mount("bind", dir, "/v", "rbind"))
	b.Write(t, "secret", "42", 0o644)
	b.Spec.Linux.MaskedPaths = append(b.Spec.Linux.MaskedPaths, "/secret")
	b.Save(t)
	r := b.Report(t)
	for _, m := range r.Mounts {
		// (runc's root and binds are slaves, and its masks the container's own device.)
		if m.Propagation != "" && (harness.IsRung() || m.Point == "/secret") {
			t.Errorf("%s has propagation %q, want none", m.Point, m.Propagation)
		}
	}
	switch m := r.Mount("/secret"); {
	case m == nil:
		t.Error("/secret isn't masked")
	case harness.IsRung() && !strings.HasPrefix(m.Options, "ro,"):
		t.Errorf("the mask has options %q, want it read-only", m.Options)
	}
}

// What the host mounts or unmounts while a container runs changes nothing inside.
func TestMountsOfLater(t *testing.T) {
	harness.Share(t)
	t.Run("root", func(t *testing.T) {
		b := harness.New(t, harness.Args("/bin/sleep", "300"), writable)
		b.Write(t, "late/file", "", 0o644)
		share(t, b.Rootfs)
		pid, _ := b.Create(t)
		b.Must(t, "start")
		hostMount(t, b.Rootfs+"/late", "tmpfs", "tmpfs", 0)
		if strings.Contains(procText(t, pid, "mountinfo"), " /late ") {
			t.Error("a mount of the host's has appeared below the root filesystem")
		}
		b.End(t, pid)
	})
	t.Run("bind", func(t *testing.T) {
		harness.NeedRung(t, "runc's binds are slaves of the host's mounts")
		dir := harness.TempDir(t)
		share(t, dir)
		for _, sub := range []string{"early", "late"} {
			if err := os.Mkdir(dir+"/"+sub, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := unix.Mount("tmpfs", dir+"/early", "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Unmount(dir+"/early", unix.MNT_DETACH) }) // should the test fail before
		b, pid := running(t, mount("bind", dir, "/v", "rbind"))
		hostMount(t, dir+"/late", "tmpfs", "tmpfs", 0)
		if err := unix.Unmount(dir+"/early", unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
		mounts := procText(t, pid, "mountinfo")
		if strings.Contains(mounts, " /v/late ") {
			t.Error("a mount of the host's has appeared in the bind")
		}
		if !strings.Contains(mounts, " /v/early ") {
			t.Error("a mount has vanished from the bind, as on the host")
		}
		b.End(t, pid)
	})
}

// share makes a directory a mount that passes on to its peers what is mounted below.
func share(t *testing.T, dir string) {
	t.Helper()
	hostMount(t, dir, dir, "", unix.MS_BIND)
	if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
		t.Fatal(err)
	}
}
