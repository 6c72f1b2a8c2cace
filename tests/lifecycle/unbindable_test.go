package lifecycle

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// unbindable makes the mount at a path one that the kernel clones for nobody.
func unbindable(t *testing.T, path string) {
	t.Helper()
	if err := unix.Mount("", path, "", unix.MS_UNBINDABLE, ""); err != nil {
		t.Fatal(err)
	}
}

// unbindableVolume is a host directory whose name has a space, with a tmpfs "u" that can't be bound.
func unbindableVolume(t *testing.T) string {
	t.Helper()
	dir := harness.TempDir(t) + "/with space"
	if err := os.MkdirAll(dir+"/u", 0o755); err != nil {
		t.Fatal(err)
	}
	hostMount(t, dir+"/u", "tmpfs", "tmpfs", unix.MS_NODEV)
	unbindable(t, dir+"/u")
	if err := os.MkdirAll(dir+"/u/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/u/file", "/u/sub/file"} {
		if err := os.WriteFile(dir+name, []byte("text"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir+name, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A mount that can't be bound is a volume like others, by itself, by what lies on it, and with what it is mounted on.
func TestUnbindableSource(t *testing.T) {
	for name, c := range map[string]struct {
		source  string
		options []string
		want    map[string]string
	}{
		"itself":              {"/u", []string{"bind"}, map[string]string{"read:/v/file": "ok text"}},
		"itself, recursive":   {"/u", []string{"rbind"}, map[string]string{"read:/v/file": "ok text"}},
		"a directory":         {"/u/sub", []string{"rbind"}, map[string]string{"read:/v/file": "ok text"}},
		"a file":              {"/u/file", []string{"bind"}, map[string]string{"read:/v": "ok text"}},
		"what is above":       {"", []string{"rbind"}, map[string]string{"read:/v/u/file": "ok text"}},
		"above, by a link":    {"/../link", []string{"rbind"}, map[string]string{"read:/v/u/file": "ok text"}},
		"read-only":           {"/u", []string{"bind", "ro"}, map[string]string{"read:/v/file": "ok text", "write:/v/file": "EROFS"}},
		"read-only, below":    {"", []string{"rbind", "rro"}, map[string]string{"read:/v/u/file": "ok text", "write:/v/u/file": "EROFS"}},
		"with propagation":    {"", []string{"rbind", "rslave"}, map[string]string{"read:/v/u/file": "ok text"}},
		"to be unbindable":    {"/u", []string{"bind", "unbindable"}, map[string]string{"read:/v/file": "ok text"}},
		"without what is off": {"", []string{"bind"}, map[string]string{"list:/v/u": "ok"}},
	} {
		for where, edit := range surroundings {
			t.Run(name+"/"+where, func(t *testing.T) {
				harness.Share(t)
				if where == "user namespace" && name == "without what is off" {
					harness.NeedRung(t, "in a user namespace the kernel keeps the mounts together")
				}
				dir := unbindableVolume(t)
				if err := os.Symlink(dir, dir+"/../link"); err != nil {
					t.Fatal(err)
				}
				b := harness.New(t, harness.Probe(all(c.want)...), edit, mount("bind", dir+c.source, "/v", c.options...))
				b.Chown(t)
				tries(t, b.Report(t).Tries, c.want)
			})
		}
	}
}

// Its ids can be mapped.
func TestUnbindableIDMap(t *testing.T) {
	harness.NeedRung(t, "Debian's runtimes know no id-mapped mounts")
	for where, edit := range surroundings {
		t.Run(where, func(t *testing.T) {
			harness.Share(t)
			dir, want := unbindableVolume(t), "ok file 0666 100000:100000"
			if where == "user namespace" {
				want = "ok file 0666 0:0"
			}
			b := harness.New(t, harness.Probe("stat:/v/file"), edit, harness.AddMount(idMap(specs.Mount{
				Destination: "/v", Type: "bind", Source: dir + "/u", Options: []string{"bind"},
			})))
			b.Chown(t)
			tries(t, b.Report(t).Tries, map[string]string{"stat:/v/file": want})
		})
	}
}

// What else is below the source keeps what it has of the host's propagation.
func TestUnbindableBesideShared(t *testing.T) {
	harness.Share(t)
	dir := unbindableVolume(t)
	if err := os.Mkdir(dir+"/s", 0o755); err != nil {
		t.Fatal(err)
	}
	hostMount(t, dir+"/s", "tmpfs", "tmpfs", 0)
	if err := unix.Mount("", dir+"/s", "", unix.MS_SHARED, ""); err != nil {
		t.Fatal(err)
	}
	b := harness.New(t, harness.Shell("grep -E ' /v(/[us])? ' /proc/self/mountinfo"), mount("bind", dir, "/v", "rbind", "rslave"))
	r := b.Container(t, "run")
	if r.Code != 0 || strings.Count(r.Stdout, "\n") != 3 || strings.Count(r.Stdout, " master:") < 1 {
		t.Errorf("want three mounts, /v/s a slave: %v", r)
	}
}

// So is the root filesystem: on such a mount, as one, and with one below.
func TestUnbindableRoot(t *testing.T) {
	for name, place := range map[string]string{"on it": "/..", "it": "", "below": "/srv"} {
		for where, edit := range surroundings {
			t.Run(name+"/"+where, func(t *testing.T) {
				harness.Share(t)
				b := harness.New(t, harness.Probe("read:/srv/file"), edit)
				if err := os.MkdirAll(b.Rootfs+"/srv", 0o755); err != nil {
					t.Fatal(err)
				}
				at := b.Rootfs + place
				if place != "/srv" {
					if err := unix.Mount(at, at, "", unix.MS_BIND, ""); err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
				} else {
					hostMount(t, at, "tmpfs", "tmpfs", 0)
				}
				unbindable(t, at)
				b.Write(t, "srv/file", "text", 0o644)
				b.Chown(t)
				tries(t, b.Report(t).Tries, map[string]string{"read:/srv/file": "ok text"})
			})
		}
	}
}

// Under another mount at its own place no path leads to it. Linux 6.18 copies it all the same as one that can be bound; before, it is an error
// that names it, and nothing is silently missing.
func TestUnbindableCovered(t *testing.T) {
	harness.Share(t)
	dir := unbindableVolume(t)
	hostMount(t, dir+"/u", "tmpfs", "tmpfs", 0)
	if err := os.WriteFile(dir+"/u/over", []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := harness.New(t, harness.Probe("read:/v/u/over"), mount("bind", dir, "/v", "rbind"))
	if r := b.Container(t, "run"); r.Code != 0 {
		r.Fails(t, 1, "/u is an unbindable mount, and another one is mounted over it")
	} else {
		tries(t, r.Report(t).Tries, map[string]string{"read:/v/u/over": "ok text"})
	}
}
