package security

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// CVE-2019-18466's kind: /dev, or what lies below it, is a link to the host.
func TestDevLinks(t *testing.T) {
	harness.Once(t)
	d := newDecoy(t)
	count := 0
	for _, name := range []string{"dev", "dev/pts", "dev/shm", "dev/mqueue", "lnk"} {
		for _, relative := range []bool{false, true} {
			for _, mounted := range []bool{false, true} {
				b := harness.New(t, harness.Args("/bin/true"), func(s *specs.Spec) {
					s.Root.Readonly = false
					s.Linux.Devices = append(s.Linux.Devices, specs.LinuxDevice{Path: "/lnk/foo", Type: "c", Major: 1, Minor: 5})
				})
				if !mounted {
					harness.DropMount("/dev")(b.Spec)
					b.Spec.Mounts = append(b.Spec.Mounts, devpts(), tmpfs("/dev/shm"))
					b.Save(t)
				}
				target := d.dir
				if relative {
					target = up(t, b, name, d.dir)
				}
				symlink(t, b, target, name)
				r := b.Container(t, "run")
				if r.Code != 0 && r.Stderr == "" {
					t.Errorf("no error: %v", r)
				}
				count++
				d.check(t)
			}
		}
	}
	t.Logf("%d images", count)
}

// Everything that the runtime makes in an image is there already, as something
// else: nothing outside changes and nothing hangs.
func TestPlacedBefore(t *testing.T) {
	harness.Once(t)
	d := newDecoy(t)
	file := filepath.Join(harness.TempDir(t), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	names := []string{
		"dev/null", "dev/zero", "dev/tty", "dev/ptmx", "dev/fd", "dev/stdin", "dev/core", "dev/own",
		"made", "made/sub", "madefile", "deep", "deep/er/file", "work", "run", "run/notify", "etc/mask", "etc/ro",
	}
	kinds := []string{"link:" + d.dir + "/new", "link:" + d.dir + "/f", "link:" + d.dir, "fifo", "socket", "dir", "char:5"}
	worked := 0
	for _, name := range names {
		for _, kind := range kinds {
			b := harness.New(t, harness.Args("/bin/true"), harness.DropMount("/dev"), func(s *specs.Spec) {
				s.Root.Readonly = false
				s.Process.Cwd = "/work"
				s.Mounts = append(s.Mounts, tmpfs("/made"), bind("/tmp", "/made/sub"), bind(file, "/madefile"), bind(file, "/deep/er/file"))
				s.Linux.Devices = append(s.Linux.Devices, specs.LinuxDevice{Path: "/dev/own", Type: "c", Major: 1, Minor: 5})
				s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/etc/mask")
				s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/etc/ro")
			})
			place(t, b, name, kind)
			call := b.Cmd("run")
			if strings.HasPrefix(name, "run") {
				n := harness.ListenNotify(t)
				call.Env = []string{"PATH=/usr/bin:/bin", "NOTIFY_SOCKET=" + n.Path}
			}
			r := call.Run(t)
			switch {
			case r.Code == 0:
				worked++
			case harness.IsRung() && !strings.Contains(r.Stderr, "/"+name):
				t.Errorf("%s is %s: the error doesn't name it: %v", name, kind, r)
			case r.Stderr == "" || strings.Contains(r.Stderr, "panic"):
				t.Errorf("%s is %s: no good error: %v", name, kind, r)
			}
			if r.Elapsed > 5*time.Second {
				t.Errorf("%s is %s: took %v", name, kind, r.Elapsed)
			}
			d.check(t)
		}
	}
	all := len(names) * len(kinds)
	t.Logf("%d images, %d worked", all, worked)
	if worked < all/3 { // a refusal before anything is made proves nothing
		t.Errorf("%d images of %d worked: too few to prove anything", worked, all)
	}
}
