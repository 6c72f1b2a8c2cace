package lifecycle

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

func mount(kind, source, dest string, options ...string) harness.Edit {
	return func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Type: kind, Source: source, Destination: dest, Options: options})
	}
}

// volume is a host directory with a file, and a tmpfs with another below it.
func volume(t *testing.T) string {
	t.Helper()
	dir := harness.TempDir(t)
	for name, text := range map[string]string{"file": "text", "sub/covered": ""} {
		if err := os.MkdirAll(dir+"/sub", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	hostMount(t, dir+"/sub", "tmpfs", "tmpfs", 0)
	if err := os.WriteFile(dir+"/sub/inner", []byte("inner"), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// hostMount mounts in the tests' own mount namespace until the test ends.
func hostMount(t *testing.T, point, source, kind string, flags uintptr) {
	t.Helper()
	harness.IgnoreMounts(point)
	if err := unix.Mount(source, point, kind, flags, ""); err != nil {
		t.Fatalf("mount %s: %v", point, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", point, err)
		}
	})
}

func tries(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for try, w := range want {
		if got[try] != w {
			t.Errorf("%s: %q, want %q", try, got[try], w)
		}
	}
}

// all lists what to try; create comes before list, mkdir and read before stat.
func all(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func TestMounts(t *testing.T) {
	dir := volume(t)
	for _, c := range []struct {
		name  string
		edits []harness.Edit
		want  map[string]string
		rung  bool // only rung
	}{
		{
			"bind",
			[]harness.Edit{mount("bind", dir, "/v", "bind")},
			map[string]string{"read:/v/file": "ok text", "write:/v/file": "ok", "list:/v/sub": "ok covered"},
			false,
		},
		{
			"rbind",
			[]harness.Edit{mount("none", dir, "/v", "rbind")},
			map[string]string{"read:/v/sub/inner": "ok inner", "write:/v/sub/inner": "ok"},
			false,
		},
		{
			"bind ro",
			[]harness.Edit{mount("bind", dir, "/v", "bind", "ro")},
			map[string]string{"read:/v/file": "ok text", "write:/v/file": "EROFS"},
			false,
		},
		{
			"rbind ro leaves submounts",
			[]harness.Edit{mount("bind", dir, "/v", "rbind", "ro")},
			map[string]string{"write:/v/file": "EROFS", "write:/v/sub/inner": "ok"},
			false,
		},
		{
			"rbind rro",
			[]harness.Edit{mount("bind", dir, "/v", "rbind", "rro")},
			map[string]string{"write:/v/file": "EROFS", "write:/v/sub/inner": "EROFS"},
			false,
		},
		{
			"file",
			[]harness.Edit{mount("bind", dir+"/file", "/new/place", "bind", "ro")},
			map[string]string{"read:/new/place": "ok text", "write:/new/place": "EROFS", "list:/new": "ok place"},
			false,
		},
		{
			"file over file",
			[]harness.Edit{mount("bind", dir+"/file", "/etc/group", "bind")},
			map[string]string{"read:/etc/group": "ok text"},
			false,
		},
		{
			"relative source",
			[]harness.Edit{mount("bind", "rootfs/etc", "/v", "bind")},
			map[string]string{"list:/v": "ok group passwd"},
			false,
		},
		{
			"destination through a link",
			[]harness.Edit{mount("bind", dir, "/link/v", "bind")},
			map[string]string{"read:/target/v/file": "ok text"},
			false,
		},
		{
			"destination outside by a link",
			[]harness.Edit{mount("bind", dir, "/out/v", "bind")},
			map[string]string{"read:/tmp/v/file": "ok text"},
			false,
		},
		{
			"tmpfs",
			[]harness.Edit{mount("tmpfs", "tmpfs", "/v", "size=64k", "mode=1700", "nosuid")},
			map[string]string{"stat:/v": "ok dir 1700 0:0", "create:/v/x": "ok"},
			false,
		},
		{
			"tmpfs ro",
			[]harness.Edit{mount("tmpfs", "tmpfs", "/v", "ro")},
			map[string]string{"create:/v/x": "EROFS"},
			false,
		},
		{
			"tmpfs ro, with a mount in it",
			[]harness.Edit{mount("tmpfs", "tmpfs", "/v", "ro"), mount("bind", dir, "/v/below", "bind")},
			map[string]string{"create:/v/x": "EROFS", "read:/v/below/file": "ok text"},
			false,
		},
		{
			"tmpcopyup",
			[]harness.Edit{mount("tmpfs", "tmpfs", "/etc", "tmpcopyup")},
			map[string]string{"list:/etc": "ok group passwd x", "create:/etc/x": "ok", "stat:/etc/group": "ok file 0644 0:0"},
			false,
		},
		{
			"tmpfs has the mode of the directory",
			[]harness.Edit{mount("tmpfs", "tmpfs", "/root")},
			map[string]string{"stat:/root": "ok dir 0700 0:0", "create:/root/x": "ok"},
			true,
		},
		{
			"mqueue",
			[]harness.Edit{mount("mqueue", "mqueue", "/mq", "nosuid", "noexec", "nodev")},
			map[string]string{"create:/dev/mqueue/q": "ok", "list:/mq": "ok q"},
			false,
		},
		{
			"over an earlier mount",
			[]harness.Edit{mount("tmpfs", "tmpfs", "/v"), mount("bind", dir, "/v", "bind")},
			map[string]string{"read:/v/file": "ok text"},
			false,
		},
		{
			"destination without a slash",
			[]harness.Edit{mount("bind", dir, "v", "bind")},
			map[string]string{"read:/v/file": "ok text"},
			true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			if c.rung {
				harness.NeedRung(t, "newer behaviour")
			}
			b := harness.New(t, append([]harness.Edit{harness.Probe(all(c.want)...)}, c.edits...)...)
			for name, target := range map[string]string{"link": "/target", "out": "../../../../tmp"} {
				if err := os.Symlink(target, b.Rootfs+"/"+name); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(b.Rootfs+"/target", 0o755); err != nil {
				t.Fatal(err)
			}
			r := b.Container(t, "run")
			if r.Code != 0 {
				t.Fatal(r)
			}
			tries(t, r.Report(t).Tries, c.want)
		})
	}
}

func TestMountOptions(t *testing.T) {
	harness.Share(t)
	dir := volume(t)
	b := harness.New(t, harness.Probe(),
		mount("bind", dir, "/a", "bind", "nosuid", "nodev", "noexec", "noatime"),
		mount("bind", dir, "/b", "rbind", "rnosuid", "rnodev", "rnoexec", "rnoatime"),
		mount("bind", dir, "/c", "bind", "strictatime", "nodiratime"),
		mount("tmpfs", "mine", "/d", "nosuid", "size=1m", "nr_inodes=100", "noexec"))
	r := b.Report(t)
	for point, want := range map[string]string{
		"/a": "nosuid nodev noexec noatime", "/b": "nosuid nodev noexec noatime", "/b/sub": "nosuid nodev noexec noatime",
		"/c": "nodiratime", "/d": "nosuid noexec",
	} {
		m := r.Mount(point)
		if m == nil {
			t.Errorf("no mount at %s", point)
			continue
		}
		for _, word := range strings.Fields(want) {
			if !strings.Contains(","+m.Options+",", ","+word+",") {
				t.Errorf("%s: options %s, want %s", point, m.Options, word)
			}
		}
	}
	if m := r.Mount("/c"); m != nil && (strings.Contains(m.Options, "relatime") || strings.Contains(m.Options, "noatime")) {
		t.Errorf("/c: options %s, want strictatime, which shows as nothing", m.Options)
	}
	if m := r.Mount("/d"); m != nil && (m.Source != "mine" || !strings.Contains(m.Super, "size=1024k") || !strings.Contains(m.Super, "nr_inodes=100")) {
		t.Errorf("/d: %+v, want source mine, size and inodes", m)
	}
}

// The mounts of every engine's default configuration.
func TestDefaultMounts(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe("list:/dev", "link:/dev/fd", "link:/dev/stdin", "link:/dev/stdout", "link:/dev/stderr", "stat:/dev/null",
		"stat:/dev/zero", "stat:/dev/full", "stat:/dev/random", "stat:/dev/urandom", "stat:/dev/tty", "link:/dev/ptmx", "open:/dev/null",
		"stat:/dev/pts", "stat:/dev/shm", "write:/proc/sys/kernel/msgmax", "create:/sys/x", "list:/sys/firmware"))
	r := b.Report(t)
	for point, kind := range map[string]string{
		"/proc": "proc", "/dev": "tmpfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs",
		"/dev/mqueue": "mqueue", "/sys": "sysfs",
	} {
		if m := r.Mount(point); m == nil || m.Type != kind {
			t.Errorf("%s = %+v, want a %s", point, m, kind)
		}
	}
	tries(t, r.Tries, map[string]string{
		"link:/dev/fd": "ok /proc/self/fd", "link:/dev/stdin": "ok /proc/self/fd/0", "link:/dev/stdout": "ok /proc/self/fd/1",
		"link:/dev/stderr": "ok /proc/self/fd/2", "stat:/dev/null": "ok char 0666 0:0 1:3", "stat:/dev/zero": "ok char 0666 0:0 1:5",
		"stat:/dev/full": "ok char 0666 0:0 1:7", "stat:/dev/random": "ok char 0666 0:0 1:8", "stat:/dev/urandom": "ok char 0666 0:0 1:9",
		"stat:/dev/tty": "ok char 0666 0:0 5:0", "link:/dev/ptmx": "ok pts/ptmx", "open:/dev/null": "ok", "stat:/dev/shm": "ok dir 1777 0:0",
		"write:/proc/sys/kernel/msgmax": "EROFS",
	})
	if len(r.Mounts) == 0 || r.Mount("/") == nil {
		t.Errorf("mounts = %+v, want one at /", r.Mounts)
	}
	for _, m := range r.Mounts {
		if strings.Contains(m.Point, "deleted") || strings.Contains(m.Point, b.Dir) {
			t.Errorf("a mount of the host is left: %+v", m)
		}
	}
}

func TestCgroupMount(t *testing.T) {
	for _, mode := range []string{"ro", "rw"} {
		t.Run(mode, func(t *testing.T) {
			b := harness.New(t, harness.Probe("list:/sys/fs/cgroup", "mkdir:/sys/fs/cgroup/new", "mkdir:/sys/fs/cgroup/memory/new", "list:/sys/fs/cgroup/memory",
				"link:/sys/fs/cgroup/cpu"), func(s *specs.Spec) {
				var rest []specs.Mount
				for _, m := range s.Mounts {
					if m.Type != "cgroup" {
						rest = append(rest, m)
					}
				}
				s.Mounts = rest
			}, mount("cgroup", "cgroup", "/sys/fs/cgroup", "nosuid", "noexec", "nodev", "relatime", mode))
			r := b.Report(t)
			try := "mkdir:/sys/fs/cgroup/memory/new"
			if harness.View() == harness.V2 {
				try = "mkdir:/sys/fs/cgroup/new"
				if m := r.Mount("/sys/fs/cgroup"); m == nil || m.Type != "cgroup2" || m.Root != "/" {
					t.Errorf("/sys/fs/cgroup = %+v, want the cgroup namespace's cgroup2", m)
				}
			} else if m := r.Mount("/sys/fs/cgroup/memory"); m == nil || m.Type != "cgroup" {
				t.Errorf("/sys/fs/cgroup/memory = %+v, want a cgroup", m)
			}
			want := map[string]string{"ro": "EROFS", "rw": "ok"}[mode]
			if got := r.Tries[try]; got != want {
				t.Errorf("%s, %s: %s, want %s: %v", mode, try, got, want, r.Tries)
			}
		})
	}
}

func TestMountErrors(t *testing.T) {
	for name, c := range map[string]struct {
		edit harness.Edit
		want string
	}{
		"no source":         {mount("bind", "/not/here", "/v", "bind"), "no such file or directory"},
		"file on directory": {mount("bind", "/etc/hostname", "/etc", "bind"), "not a directory"},
		"directory on file": {mount("bind", "/etc", "/etc/passwd", "bind"), "not a directory"},
		"unknown type":      {mount("nofs", "none", "/v"), "no such device"},
		"bad option":        {mount("tmpfs", "tmpfs", "/v", "nonsense=1"), ""},
		"in proc":           {mount("tmpfs", "tmpfs", "/proc/sys"), "/proc"},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, c.edit)
			b.Container(t, "run").Fails(t, 1, c.want)
		})
	}
}

// A thing that must stay possible: the point of a bind mount is a dangling link.
func TestDanglingMountPoint(t *testing.T) {
	harness.Share(t)
	dir := volume(t)
	b := harness.New(t, harness.Probe("read:/made/later"), mount("bind", dir+"/file", "/dangling", "bind"))
	if err := os.Symlink("/made/later", b.Rootfs+"/dangling"); err != nil {
		t.Fatal(err)
	}
	tries(t, b.Report(t).Tries, map[string]string{"read:/made/later": "ok text"})
}

// What can't be bound can be mounted on what is shared.
func TestUnbindableOnShared(t *testing.T) {
	for name, over := range map[string]specs.Mount{
		"tmpfs": {Destination: "/srv", Type: "tmpfs", Source: "second", Options: []string{"unbindable"}},
		"bind":  {Destination: "/srv", Source: harness.TempDir(t), Options: []string{"rbind", "unbindable"}},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Shell("grep ' /srv ' /proc/self/mountinfo"), func(s *specs.Spec) {
				s.Mounts = append(s.Mounts, specs.Mount{Destination: "/srv", Type: "tmpfs", Source: "first", Options: []string{"shared"}}, over)
			})
			r := b.Container(t, "run")
			if r.Code != 0 || strings.Count(r.Stdout, "\n") != 2 || !strings.Contains(r.Stdout, " shared:") || !strings.Contains(r.Stdout, " unbindable ") {
				t.Errorf("want a shared mount, and an unbindable one on it: %v", r)
			}
		})
	}
}
