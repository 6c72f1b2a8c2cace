package lifecycle

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// disk is a block device with an empty ext2.
func disk(t *testing.T) string {
	t.Helper()
	image := harness.TempDir(t) + "/image"
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 4<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "mke2fs", "-q", "-F", "-t", "ext2", image).CombinedOutput(); err != nil {
		t.Skipf("no file system for a block device: %v %s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), "losetup", "--find", "--show", image).CombinedOutput()
	if err != nil {
		t.Skipf("no loop device: %v %s", err, out)
	}
	dev := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", dev).CombinedOutput(); err != nil {
			t.Errorf("losetup --detach: %v %s", err, out)
		}
	})
	probe := harness.TempDir(t)
	harness.IgnoreMounts(probe)
	if err := unix.Mount(dev, probe, "ext2", 0, ""); err != nil {
		t.Skipf("the kernel mounts no ext2: %v", err)
	}
	if err := unix.Unmount(probe, 0); err != nil {
		t.Fatal(err)
	}
	return dev
}

// A file system on a block device is mounted by who creates the container: device rules are for the container's programs, which can't use the device.
func TestDisk(t *testing.T) {
	dev := disk(t)
	mounted := func(options ...string) harness.Edit {
		return func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "ext2", Source: dev, Options: options})
		}
	}
	link := harness.TempDir(t) + "/by-id"
	if err := os.Symlink(dev, link); err != nil {
		t.Fatal(err)
	}
	const look = `grep ' /mnt ' /proc/self/mounts | cut -d' ' -f2-4; ls -d /mnt/lost+found; echo written >/mnt/file; cat /mnt/file; mknod /mnt/node b 7 0; head -c1 /mnt/node; rm -f /mnt/node /mnt/file`
	for name, c := range map[string]struct {
		edit harness.Edit
		want []string
	}{
		"writable":  {mounted("nosuid", "noatime"), []string{"/mnt ext2 rw,nosuid,noatime", "/mnt/lost+found", "written", "Operation not permitted"}},
		"read-only": {mounted("ro"), []string{"/mnt ext2 ro,", "/mnt/lost+found", "Read-only"}},
		"by a link": {func(s *specs.Spec) { mounted("nosuid")(s); s.Mounts[len(s.Mounts)-1].Source = link }, []string{"/mnt ext2 rw,nosuid", "written"}},
		"host pids": {func(s *specs.Spec) { mounted()(s); harness.WithoutNS(specs.PIDNamespace)(s) }, []string{"/mnt ext2 rw,", "written"}},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, c.edit, harness.Shell(look), harness.Capabilities("CAP_MKNOD"))
			r := b.Container(t, "run")
			for _, want := range c.want {
				if !strings.Contains(r.Stdout+r.Stderr, want) {
					t.Errorf("nothing says %q: %v", want, r)
				}
			}
			if harness.IsRung() {
				if r := b.Run(t, "doctor", b.Dir); r.Code != 0 {
					t.Errorf("doctor: %v", r)
				}
			}
		})
	}
	b := harness.New(t, mounted("errors=panick"))
	b.Container(t, "run").Fails(t, 1, "invalid argument")
	if harness.IsRung() {
		b.Container(t, "run").Fails(t, 1, "mount ext2 at /mnt: ext2: Bad value for 'errors': invalid argument (mounts[")
	}
	b = harness.New(t, mounted(), harness.MappedRoot)
	b.Chown(t)
	b.Container(t, "run").Fails(t, 1, "not permitted")
}

// So it is in a mount namespace that isn't the container's own.
func TestDiskShared(t *testing.T) {
	harness.NeedRung(t, "runc leaves its mounts")
	dev := disk(t)
	for name, share := range sharers {
		t.Run(name, func(t *testing.T) {
			_, ns := share(t)
			b := harness.New(t, ns, harness.Shell("ls -d /mnt/lost+found"), func(s *specs.Spec) {
				s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "ext2", Source: dev})
			})
			if r := b.Container(t, "run"); r.Code != 0 || strings.TrimSpace(r.Stdout) != "/mnt/lost+found" {
				t.Errorf("want a file system: %v", r)
			}
		})
	}
}
