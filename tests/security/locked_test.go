package security

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// hostMounts are a directory of the host's with flags, and with a mount on it that hides
// something.
func hostMounts(t *testing.T) (dir string) {
	t.Helper()
	dir = harness.TempDir(t) + "/mounts"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	harness.IgnoreMounts(dir)
	mount := func(path string, flags uintptr) {
		if err := unix.Mount("tmpfs", path, "tmpfs", flags, "mode=777"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Unmount(path, unix.MNT_DETACH) })
	}
	mount(dir, 0)
	if err := os.MkdirAll(dir+"/below/hidden", 0o755); err != nil {
		t.Fatal(err)
	}
	mount(dir+"/below", 0)
	const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|flags, ""); err != nil {
		t.Fatal(err)
	}
	return dir
}

// admin may mount in its user namespace.
func admin(s *specs.Spec) {
	harness.MappedRoot(s)
	harness.Capabilities("CAP_SYS_ADMIN")(s)
}

// What the host wanted of its mounts, root of a user namespace can't undo: their flags, and what
// they hide (mount_namespaces(7), "Restrictions on mount namespaces").
func TestLockedMounts(t *testing.T) {
	harness.Share(t)
	dir := hostMounts(t)
	b := harness.New(t, admin, harness.Shell(`
		for words in rw,nosuid,nodev,noexec ro,suid,nodev,noexec ro,nosuid,dev,noexec ro,nosuid,nodev,exec; do
			mount -o remount,bind,$words /host 2>/dev/null && echo "/host is $words"
		done
		umount /host/below 2>/dev/null; umount -l /host/below 2>/dev/null
		ls /host/below
		mount -o remount,bind,ro,nosuid,nodev,noexec /host || echo "no right to mount at all"
		awk '$5 == "/host" {print $6}' /proc/self/mountinfo`), func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/host", Type: "bind", Source: dir, Options: []string{"rbind"}})
	})
	b.Chown(t)
	r := b.Container(t, "run")
	if got := strings.TrimSpace(r.Stdout); r.Code != 0 || got != "ro,nosuid,nodev,noexec,relatime" {
		t.Errorf("inside: %q, %v", got, r)
	}
}

// The same for the mount that the root filesystem lies on.
func TestLockedRoot(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, admin, harness.Shell(`
		mount -o remount,bind,suid,dev / 2>/dev/null && echo "/ has other flags"
		awk '$5 == "/" {print $6}' /proc/self/mountinfo`), func(s *specs.Spec) { s.Root.Readonly = false })
	b.Chown(t)
	harness.IgnoreMounts(b.Rootfs)
	if err := unix.Mount(b.Rootfs, b.Rootfs, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(b.Rootfs, unix.MNT_DETACH) })
	if err := unix.Mount("", b.Rootfs, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		t.Fatal(err)
	}
	r := b.Container(t, "run")
	if got := strings.TrimSpace(r.Stdout); r.Code != 0 || got != "rw,nosuid,nodev,relatime" {
		t.Errorf("inside: %q, %v", got, r)
	}
}

// A bind that isn't recursive shows what is hidden on the host, for that is what it asks for.
func TestLockedNotRecursive(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "runc fails with EINVAL")
	dir := hostMounts(t)
	b := harness.New(t, admin, harness.Args("/bin/ls", "/host/below"), func(s *specs.Spec) {
		s.Mounts = append(s.Mounts,
			specs.Mount{Destination: "/host", Type: "bind", Source: dir, Options: []string{"bind"}},
			specs.Mount{Destination: "/after", Type: "bind", Source: dir, Options: []string{"rbind"}})
	})
	b.Chown(t)
	if r := b.Container(t, "run"); r.Code != 0 || strings.TrimSpace(r.Stdout) != "hidden" {
		t.Errorf("inside: %v", r)
	}
}
