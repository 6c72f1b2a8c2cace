package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// A device is cloned only if it is what was asked for; else one is made that
// nobody else sees.
func TestDevice(t *testing.T) {
	testbed.Tmpfs(t, 0, func(dir string) {
		null := uint64(unix.Mkdev(1, 3))
		if err := os.Symlink("/dev/zero", dir+"/link"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/file", []byte("decoy"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/dev/null", "/dev/zero", dir + "/file", dir + "/link", dir + "/nothing", dir} {
			fd, err := new(Maker).Open(&step.Source{What: path, Path: path, Device: unix.S_IFCHR, Rdev: null, Propagation: []option.Propagation{{Type: unix.MS_SLAVE, Recursive: true}}})
			if err != nil {
				t.Errorf("Open(%s): %v", path, err)
				continue
			}
			k := new(calls.Kernel)
			rootfs.Verify(k, calls.Number(fd), unix.S_IFCHR, null)
			if err := k.Flush(); err != nil {
				t.Errorf("Open(%s) is another file: %v", path, err)
			}
			target := dir + "/target"
			if err := os.WriteFile(target, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			ref, err := unix.Open(target, unix.O_PATH|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := mount.Attach(new(calls.Kernel), "", calls.Number(fd), calls.Number(ref)).Do(); err != nil {
				t.Error(err)
			}
			unix.Close(ref)
			if f, err := os.OpenFile(target, os.O_RDWR, 0); err != nil {
				t.Errorf("Open(%s) can't be used: %v", path, err)
			} else {
				f.Close()
			}
			unix.Close(fd)
			if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
		if got, _ := os.ReadFile(dir + "/file"); string(got) != "decoy" {
			t.Errorf("the decoy was changed: %q", got)
		}
	})
}

// A clone has its flags and propagation before anybody sees it.
func TestOpen(t *testing.T) {
	testbed.Tmpfs(t, 0, func(dir string) {
		src := filepath.Join(dir, "src")
		if err := os.MkdirAll(src+"/sub", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir+"/dst", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", src, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(src+"/sub", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", src+"/sub", "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("", src, "", unix.MS_SHARED|unix.MS_REC, ""); err != nil {
			t.Fatal(err)
		}
		ro := option.Attr{Set: unix.MOUNT_ATTR_RDONLY}
		slave := []option.Propagation{{Type: unix.MS_SLAVE, Recursive: true}}
		for _, tt := range []struct {
			s          step.Source
			top, below string
		}{
			{step.Source{Path: src, Propagation: slave}, "rw,relatime master:", ""},
			{step.Source{Path: src, Recursive: true, Attr: ro, Propagation: slave}, "ro,relatime master:", "rw,relatime master:"},
			{step.Source{Path: src, Recursive: true, RecAttr: ro, Propagation: slave}, "ro,relatime master:", "ro,relatime master:"},
			{step.Source{Path: src, Recursive: true, Propagation: append(slave, option.Propagation{Type: unix.MS_PRIVATE})}, "rw,relatime - ", "rw,relatime master:"},
			{step.Source{Path: src}, "rw,relatime shared:", ""},
			{step.Source{Path: "name", Kind: "tmpfs", Data: []string{"size=4k"}, Attr: ro, Propagation: nil}, "ro,relatime - tmpfs name rw,size=4k", ""},
		} {
			fd, err := new(Maker).Open(&tt.s)
			if err != nil {
				t.Errorf("Open(%+v): %v", tt.s, err)
				continue
			}
			ref, err := unix.Open(dir+"/dst", unix.O_PATH|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := mount.Attach(new(calls.Kernel), "", calls.Number(fd), calls.Number(ref)).Do(); err != nil {
				t.Error(err)
			}
			unix.Close(ref)
			for path, want := range map[string]string{dir + "/dst": tt.top, dir + "/dst/sub": tt.below} {
				if got := info(t, path); !strings.Contains(got, want) || (got == "") != (want == "") {
					t.Errorf("Open(%+v): %s is %q, want %q", tt.s, path, got, want)
				}
			}
			unix.Close(fd)
			if err := unix.Unmount(dir+"/dst", unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
		for want, s := range map[string]step.Source{
			"mount x: no such file or directory":                               {What: "x", Path: dir + "/nothing"},
			"mount y: tmpfs: Bad value for 'size': invalid argument":           {What: "y", Kind: "tmpfs", Data: []string{"size=z"}},
			"mount z: set recursive flags: invalid argument":                   {What: "z", Path: src, RecAttr: option.Attr{Set: 1 << 40}},
			"mount f: this kernel has no file system \"nope\": no such device": {What: "f", Kind: "nope"},
		} {
			if fd, err := new(Maker).Open(&s); err == nil || err.Error() != want || fd != -1 {
				t.Errorf("Open(%+v) = %d, %v, want %s", s, fd, err, want)
			}
		}
	})
}

// info is the line of mountinfo for the last mount at path.
func info(t *testing.T, path string) (line string) {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(text), "\n") {
		if f := strings.Fields(l); len(f) > 5 && f[4] == path {
			line = l
		}
	}
	return line
}
