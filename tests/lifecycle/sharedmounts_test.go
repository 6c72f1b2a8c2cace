package lifecycle

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// sharers are the mount namespaces that a container shares: the caller's, and another
// that it joins, which begins as a copy.
var sharers = map[string]func(t *testing.T) (pid int, edit harness.Edit){
	"the caller's": func(t *testing.T) (int, harness.Edit) {
		harness.NeedRung(t, "runc refuses masks there, and leaves its mounts")
		return os.Getpid(), harness.WithoutNS(specs.MountNamespace)
	},
	"joined": func(t *testing.T) (int, harness.Edit) {
		pid := unshared(t, "-m", "--propagation", "private")
		return pid, harness.JoinNS(specs.MountNamespace, fmt.Sprintf("/proc/%d/ns/mnt", pid))
	},
}

// mountsOf lists the mount points that a process sees at or below a path, the
// topmost last.
func mountsOf(t *testing.T, pid int, path string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if point := strings.Fields(line)[4]; point == path || strings.HasPrefix(point, path+"/") {
			list = append(list, strings.TrimPrefix(point, path))
		}
	}
	return list
}

// Mounts, devices and masks are made in a mount namespace that others use as well, below
// the root filesystem, and taken away with the container.
func TestSharedMounts(t *testing.T) {
	for name, share := range sharers {
		for _, undo := range []string{"delete", "delete --force", "run", "a failing create"} {
			t.Run(name+", "+undo, func(t *testing.T) {
				harness.Share(t)
				pid, edit := share(t)
				b := harness.New(t, edit, harness.Args("/bin/sleep", "60"), func(s *specs.Spec) {
					s.Mounts = append(s.Mounts, specs.Mount{Destination: "/srv/new", Type: "tmpfs", Source: "tmpfs"})
					s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/extra", Type: "c", Major: 1, Minor: 5}}
					s.Root.Readonly = true
				})
				first := 0
				switch undo {
				case "run":
					b.Spec.Process.Args = []string{"/bin/true"}
					b.Save(t)
					b.Container(t, "run").Silent(t)
				case "a failing create":
					b.Spec.Process.Args = []string{"/nonesuch"}
					b.Save(t)
					b.Container(t, "create").Fails(t, 1, "/nonesuch")
				default:
					first, _ = b.Create(t)
					b.Must(t, "start")
					lookIntoShared(t, b, pid)
					if undo == "delete" {
						b.Must(t, "kill", "KILL")
						harness.Wait(t, first)
						first = 0
					}
					b.Must(t, "delete", strings.Fields(undo)[1:]...)
				}
				if left := mountsOf(t, pid, b.Rootfs); len(left) > 0 && harness.IsRung() {
					t.Errorf("left: %q", left)
				}
				if first > 0 {
					harness.Wait(t, first)
				}
			})
		}
	}
}

// lookIntoShared looks at a container from inside and from the namespace that it shares.
func lookIntoShared(t *testing.T, b *harness.Bundle, pid int) {
	t.Helper()
	shown := strings.Join(mountsOf(t, pid, b.Rootfs), " ")
	for _, point := range []string{"/proc", "/dev", "/srv/new"} {
		// runc pivots the root of the other one's namespace.
		if harness.IsRung() && !strings.Contains(" "+shown+" ", " "+point+" ") {
			t.Errorf("%s isn't among the mounts at the root filesystem: %s", point, shown)
		}
	}
	r := b.Run(t, "exec", b.ID, "/bin/sh", "-c", `
		echo >/written && echo "the root is writable"
		echo >/srv/new/file || echo "the tmpfs isn't"
		dd if=/dev/extra of=/srv/new/zeros bs=9 count=1 2>/dev/null; wc -c </srv/new/zeros
		[ -s /proc/kcore ] && echo "/proc/kcore isn't masked"
		awk '$5 == "/"' /proc/self/mountinfo | wc -l`)
	if got := strings.Join(strings.Fields(r.Stdout), " "); r.Code != 0 || got != "9 1" {
		t.Errorf("inside: %q, %v", got, r)
	}
}

// What others have mounted at the path of the root filesystem since isn't the container's.
func TestSharedMountsCovered(t *testing.T) {
	harness.Share(t)
	pid, edit := sharers["the caller's"](t)
	b := harness.New(t, edit, harness.Args("/bin/sleep", "60"))
	first, _ := b.Create(t)
	harness.IgnoreMounts(b.Rootfs)
	cover(t, b.Rootfs)
	r := b.Run(t, "delete", "--force", b.ID)
	if r.Code != 0 || !strings.Contains(r.Stderr, "what is mounted there isn't the container's") {
		t.Errorf("want success and a warning: %v", r)
	}
	harness.Wait(t, first)
	if got := mountsOf(t, pid, b.Rootfs); len(got) == 0 || got[len(got)-1] != "" {
		t.Errorf("somebody else's mount is gone: %q", got)
	}
}

// Binds that are peers of the host's mounts leave those alone when they go, and nothing of the
// container's comes into other mount namespaces but its root filesystem.
func TestSharedMountsOfPeers(t *testing.T) {
	for name, share := range sharers {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			dir := harness.TempDir(t)
			harness.IgnoreMounts(dir)
			cover(t, dir)
			if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(dir+"/below", 0o755); err != nil {
				t.Fatal(err)
			}
			cover(t, dir+"/below")
			want := mountsOf(t, os.Getpid(), dir)
			_, edit := share(t)
			for _, failing := range []bool{false, true} {
				b := harness.New(t, edit, harness.Args("/bin/sleep", "60"), func(s *specs.Spec) {
					s.Linux.RootfsPropagation = "rshared"
					s.Mounts = append(s.Mounts, specs.Mount{Destination: "/m", Type: "bind", Source: dir, Options: []string{"rbind", "rshared"}})
				})
				if failing {
					b.Spec.Process.Args = []string{"/nonesuch"}
					b.Save(t)
					b.Container(t, "create").Fails(t, 1, "/nonesuch")
				} else {
					first, _ := b.Create(t)
					b.End(t, first)
				}
				if got := mountsOf(t, os.Getpid(), dir); !slices.Equal(got, want) {
					t.Errorf("failing %v: the host's mounts are %q, were %q", failing, got, want)
				}
			}
		})
	}
}

// cover mounts something at a path, as somebody else might.
func cover(t *testing.T, path string) {
	t.Helper()
	if err := unix.Mount("tmpfs", path, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for unix.Unmount(path, unix.MNT_DETACH) == nil { // what lies below it as well
		}
	})
}
