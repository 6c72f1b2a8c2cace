package lifecycle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

func TestReadonlyRoot(t *testing.T) {
	harness.Share(t)
	for _, readonly := range []bool{true, false} {
		b := harness.New(t, harness.Probe("create:/x", "create:/dev/x", "create:/etc/x"), func(s *specs.Spec) { s.Root.Readonly = readonly })
		want := map[bool]string{true: "EROFS", false: "ok"}[readonly]
		tries(t, b.Report(t).Tries, map[string]string{"create:/x": want, "create:/etc/x": want, "create:/dev/x": "ok"})
	}
}

// On the host, a read-only root changes nothing of the file system's mount.
func TestReadonlyRootIsTheContainers(t *testing.T) {
	harness.Share(t)
	b := harness.New(t)
	b.Container(t, "run").Silent(t)
	b.Write(t, "afterwards", "", 0o644)
}

func TestMaskedPaths(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe("read:/secret", "list:/secrets", "create:/secrets/x", "write:/secret", "stat:/secret",
		"list:/not/there"), writable, func(s *specs.Spec) {
		s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/secret", "/secrets", "/not/there")
	})
	b.Write(t, "secret", "42", 0o644)
	b.Write(t, "secrets/one", "42", 0o644)
	r := b.Report(t)
	tries(t, r.Tries, map[string]string{
		"read:/secret": "ok", "list:/secrets": "ok", "create:/secrets/x": "EROFS",
		"list:/not/there": "ENOENT", "stat:/secret": "ok char 0666 0:0 1:3",
	})
	if got := b.Read(t, "secret"); got != "42" {
		t.Errorf("the masked file on the host = %q, want 42", got)
	}
}

func TestReadonlyPaths(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe("create:/fixed/x", "write:/fixed/file", "write:/file", "create:/free/x", "create:/fixed/sub/x"), writable,
		mount("tmpfs", "tmpfs", "/fixed/sub", "noexec"), func(s *specs.Spec) {
			s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/fixed", "/file", "/not/there")
		})
	b.Write(t, "fixed/file", "", 0o666)
	b.Write(t, "file", "", 0o666)
	b.Write(t, "free/file", "", 0o666)
	r := b.Report(t)
	tries(t, r.Tries, map[string]string{
		"create:/fixed/x": "EROFS", "write:/fixed/file": "EROFS", "write:/file": "EROFS", "create:/free/x": "ok",
		"create:/fixed/sub/x": "ok",
	})
	if m := r.Mount("/fixed/sub"); m == nil || !strings.Contains(m.Options, "noexec") {
		t.Errorf("/fixed/sub = %+v, want it to keep noexec", m)
	}
}

func TestDevices(t *testing.T) {
	mode, id := os.FileMode(0o646), uint32(7)
	b := harness.New(t, harness.Probe("stat:/dev/mine", "open:/dev/mine", "stat:/dev/pipe", "stat:/dev/disk", "open:/dev/disk", "stat:/made/up",
		"stat:/dev/fuse0", "open:/dev/fuse0"),
		func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{
				{Path: "/dev/mine", Type: "c", Major: 1, Minor: 5, FileMode: &mode, UID: &id, GID: &id},
				{Path: "/dev/pipe", Type: "p", FileMode: &mode},
				{Path: "/dev/disk", Type: "b", Major: 7, Minor: 200},
				{Path: "/made/up", Type: "u", Major: 1, Minor: 3},
				{Path: "/dev/fuse0", Type: "c", Major: 10, Minor: 229},
			}
			s.Linux.Resources.Devices = []specs.LinuxDeviceCgroup{
				{Allow: false, Access: "rwm"},
				{Allow: true, Type: "c", Major: new(int64(10)), Minor: new(int64(229)), Access: "rw"},
			}
		})
	r := b.Report(t)
	tries(t, r.Tries, map[string]string{
		"stat:/dev/mine": "ok char 0646 7:7 1:5", "open:/dev/mine": "ok", "stat:/dev/pipe": "ok fifo 0646 0:0",
		"open:/dev/disk": "EPERM", "stat:/made/up": "ok char 0666 0:0 1:3",
	})
	if got := r.Tries["stat:/dev/disk"]; !strings.HasPrefix(got, "ok block ") || !strings.HasSuffix(got, " 7:200") {
		t.Errorf("/dev/disk: %s, want block 7:200", got)
	}
	if got := r.Tries["open:/dev/fuse0"]; got == "EPERM" {
		t.Errorf("/dev/fuse0: %s, want the rule to allow it", got)
	}
}

// What is mounted where a default device would be, as with docker run -v /dev/urandom:/dev/random, is what the container has
// there: in a tmpfs and in the image, and in a user namespace.
func TestMountOverDevice(t *testing.T) {
	harness.NeedRung(t, "runc's device covers it in a user namespace")
	harness.Share(t)
	probe := harness.Probe("stat:/dev/random", "open:/dev/random", "stat:/dev/tty", "stat:/dev/full", "stat:/dev/null")
	for name, edits := range map[string][]harness.Edit{
		"tmpfs":          {probe},
		"image":          {probe, writable, func(s *specs.Spec) { s.Mounts = nil }},
		"user namespace": {probe, harness.MappedRoot},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, append(edits, func(s *specs.Spec) {
				s.Mounts = append(s.Mounts,
					specs.Mount{Destination: "/dev/random", Type: "bind", Source: "/dev/urandom", Options: []string{"bind"}},
					specs.Mount{Destination: "/dev/../dev/tty", Type: "bind", Source: "config.json", Options: []string{"bind", "ro"}},
					specs.Mount{Destination: "/dev/null", Type: "bind", Source: "/dev/null", Options: []string{"bind"}})
			})...)
			b.Chown(t)
			tries := b.Report(t).Tries
			for probe, want := range map[string]string{
				"stat:/dev/random": " 1:9", "open:/dev/random": "ok", "stat:/dev/full": " 1:7", "stat:/dev/null": " 1:3",
			} {
				if !strings.HasSuffix(tries[probe], want) {
					t.Errorf("%s: %s, want%s", probe, tries[probe], want)
				}
			}
			if got := tries["stat:/dev/tty"]; !strings.HasPrefix(got, "ok file") {
				t.Errorf("/dev/tty: %s, want the file", got)
			}
		})
	}
	b := harness.New(t, harness.Args("/bin/true"), func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/dev/null", Type: "bind", Source: "/dev/zero", Options: []string{"bind"}})
	})
	b.Run(t, "run", "-b", b.Dir, b.ID).Fails(t, 1, "make device /dev/null: exists and is another kind of file")
}

// Device rules are in force in every view.
func TestDeviceRules(t *testing.T) {
	b := harness.New(t, harness.Probe("open:/dev/null", "open:/dev/kmsg0", "mknod:/dev/made", "open:/dev/loop"), func(s *specs.Spec) {
		s.Process.Capabilities.Bounding = append(s.Process.Capabilities.Bounding, "CAP_MKNOD")
		s.Process.Capabilities.Permitted = append(s.Process.Capabilities.Permitted, "CAP_MKNOD")
		s.Process.Capabilities.Effective = append(s.Process.Capabilities.Effective, "CAP_MKNOD")
		s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/kmsg0", Type: "c", Major: 1, Minor: 11}, {Path: "/dev/loop", Type: "b", Major: 7, Minor: 0}}
		s.Linux.Resources.Devices = []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}
	})
	tries(t, b.Report(t).Tries, map[string]string{
		"open:/dev/null": "ok", "open:/dev/kmsg0": "EPERM", "mknod:/dev/made": "ok",
		"open:/dev/loop": "EPERM",
	})
}

func TestNoPivot(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe("list:/", "create:/tmp/x"), writable)
	r := b.Report(t, "--no-pivot")
	if got := r.Tries["list:/"]; got != "ok bin dev etc proc root sys tmp" {
		t.Errorf("/ has %s, want the bundle's", got)
	}
	if r.Tries["create:/tmp/x"] != "ok" || r.Cwd != "/" {
		t.Errorf("create %s, cwd %s, want ok and /", r.Tries["create:/tmp/x"], r.Cwd)
	}
}

// A root filesystem that is a symbolic link, has a path of its own outside of
// the bundle, or is shared by containers that run at the same time.
func TestRootPath(t *testing.T) {
	harness.Share(t)
	t.Run("absolute", func(t *testing.T) {
		b := harness.New(t)
		other := harness.TempDir(t) + "/elsewhere"
		if err := os.Rename(b.Rootfs, other); err != nil {
			t.Fatal(err)
		}
		b.Spec.Root.Path = other
		b.Save(t)
		b.Container(t, "run").Silent(t)
	})
	t.Run("link", func(t *testing.T) {
		b := harness.New(t)
		other := harness.TempDir(t) + "/elsewhere"
		if err := os.Rename(b.Rootfs, other); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(other, b.Rootfs); err != nil {
			t.Fatal(err)
		}
		b.Container(t, "run").Silent(t)
	})
	t.Run("shared", func(t *testing.T) {
		one, two := harness.New(t, harness.Args("/bin/sleep", "60")), harness.New(t, harness.Probe("list:/dev"))
		two.Spec.Root.Path = one.Rootfs
		two.Save(t)
		pid, _ := one.Create(t)
		one.Must(t, "start")
		two.Report(t)
		one.End(t, pid)
	})
	t.Run("missing", func(t *testing.T) {
		b := harness.New(t)
		b.Spec.Root.Path = "none"
		b.Save(t)
		b.Container(t, "run").Fails(t, 1, "no such file or directory")
	})
}

// rootfsPropagation is what / has in the container.
func TestRootPropagation(t *testing.T) {
	for word, want := range map[string]string{"": "", "private": "", "rprivate": "", "slave": "", "rslave": "", "shared": "shared:", "rshared": "shared:"} {
		t.Run("is "+word, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Probe(), func(s *specs.Spec) { s.Linux.RootfsPropagation = word })
			m := b.Report(t).Mount("/")
			if m == nil {
				t.Fatal("no mount at /")
			}
			if want == "shared:" && !strings.HasPrefix(m.Propagation, want) {
				t.Errorf("/ has propagation %q, want shared", m.Propagation)
			}
			if want == "" && strings.Contains(m.Propagation, "shared:") {
				t.Errorf("/ has propagation %q, want none that reaches the host", m.Propagation)
			}
		})
	}
}

// A volume's mounts travel as the mount's propagation says.
func TestVolumePropagation(t *testing.T) {
	for _, c := range []struct {
		word, root string
		in, out    bool // host's mounts come in, the container's go out
	}{
		{"rprivate", "", false, false},
		{"rslave", "rslave", true, false},
		{"rslave", "private", true, false}, // that is of the root mount alone
		{"rslave", "rprivate", false, false},
		{"rshared", "rshared", true, true},
	} {
		t.Run(c.word+" under "+c.root, func(t *testing.T) {
			harness.Share(t)
			dir := harness.TempDir(t)
			hostMount(t, dir, dir, "", unix.MS_BIND)
			if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
				t.Fatal(err)
			}
			for _, d := range []string{"fromhost", "frombox"} {
				if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			b := harness.New(t, harness.Shell(`
				mount -t tmpfs inside /v/frombox && echo mounted
				while ! [ -e /v/go ]; do usleep 10000; done
				grep -q ' /v/fromhost ' /proc/self/mountinfo && echo came
				umount /v/frombox; exit 0`),
				mount("bind", dir, "/v", "rbind", c.word), func(s *specs.Spec) {
					s.Linux.RootfsPropagation = c.root
					for _, set := range []*[]string{&s.Process.Capabilities.Bounding, &s.Process.Capabilities.Permitted, &s.Process.Capabilities.Effective} {
						*set = append(*set, "CAP_SYS_ADMIN")
					}
				})
			pid, res := b.Create(t)
			b.Must(t, "start")
			harness.Until(t, "the container has mounted", func() bool { return strings.Contains(res.Reread(t), "mounted") })
			if got := harness.Mounted(dir + "/frombox"); got != c.out {
				t.Errorf("the container's mount is seen on the host: %v, want %v", got, c.out)
			}
			hostMount(t, dir+"/fromhost", "outside", "tmpfs", 0)
			if err := os.WriteFile(dir+"/go", nil, 0o644); err != nil {
				t.Fatal(err)
			}
			harness.Wait(t, pid)
			if got := strings.Contains(res.Reread(t), "came"); got != c.in {
				t.Errorf("the host's mount is seen in the container: %v, want %v: %s", got, c.in, res.Reread(t))
			}
			b.Must(t, "delete")
		})
	}
}

// A node that the image has in the place of a device must be that device.
func TestDeviceMismatch(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "runc takes what it finds")
	own := func(s *specs.Spec) {
		s.Root.Readonly = false
		s.Linux.Devices = append(s.Linux.Devices, specs.LinuxDevice{Path: "/node", Type: "c", Major: 1, Minor: 5})
	}
	for minor, ok := range map[uint32]bool{5: true, 7: false} {
		b := harness.New(t, own)
		if err := unix.Mknod(b.Rootfs+"/node", unix.S_IFCHR|0o666, int(unix.Mkdev(1, minor))); err != nil {
			t.Fatal(err)
		}
		if r := b.Container(t, "run"); (r.Code == 0) != ok {
			t.Errorf("a node 1:%d where 1:5 is wanted: %v", minor, r)
		}
	}
	b := harness.New(t, own)
	b.Write(t, "node", "a file", 0o644)
	if r := b.Container(t, "run"); r.Code == 0 {
		t.Errorf("a file where 1:5 is wanted: %v", r)
	}
}
