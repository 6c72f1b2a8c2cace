package lifecycle

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// surroundings are the ways in which a container is made: by its first process, as root of the host or of a
// user namespace, and by a builder where others see the first process.
var surroundings = map[string]harness.Edit{
	"host root":            func(*specs.Spec) {},
	"user namespace":       harness.MappedRoot,
	"joined pid namespace": harness.JoinNS(specs.PIDNamespace, "/proc/self/ns/pid"),
}

// A bind whose source lies in the root filesystem has what earlier mounts of the list put there.
func TestBindFromRoot(t *testing.T) {
	dir := volume(t)
	// Without a mount below, which in a user namespace the kernel keeps together with it.
	sub := harness.TempDir(t)
	if err := os.MkdirAll(sub+"/sub/covered", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sub+"/file", []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(sub+"/file", 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		mounts func(root string) []harness.Edit
		want   map[string]string
		rung   string // why runc can't be asked
	}{
		{"of a tmpfs", func(root string) []harness.Edit {
			return []harness.Edit{mount("tmpfs", "tmpfs", "/data", "size=64k"), mount("bind", root+"/data", "/other", "bind")}
		}, map[string]string{"create:/data/x": "ok", "list:/other": "ok x"}, ""},
		{"of a bind", func(root string) []harness.Edit {
			return []harness.Edit{mount("bind", sub, "/data", "bind"), mount("bind", root+"/data/sub", "/other", "bind")}
		}, map[string]string{"list:/other": "ok covered"}, ""},
		{"of a file", func(root string) []harness.Edit {
			return []harness.Edit{mount("bind", sub, "/data", "bind"), mount("bind", root+"/data/file", "/other/file", "bind", "ro")}
		}, map[string]string{"read:/other/file": "ok text", "write:/other/file": "EROFS"}, ""},
		{"with what is below", func(root string) []harness.Edit {
			return []harness.Edit{mount("bind", dir, "/data", "rbind"), mount("none", root+"/data", "/other", "rbind")}
		}, map[string]string{"read:/other/sub/inner": "ok inner"}, ""},
		{"without what is below", func(root string) []harness.Edit {
			return []harness.Edit{mount("bind", dir, "/data", "rbind"), mount("none", root+"/data", "/other", "bind")}
		}, map[string]string{"list:/other/sub": "ok covered"}, "in a user namespace the kernel keeps the mounts together"},
		{"a relative source", func(string) []harness.Edit {
			return []harness.Edit{mount("bind", sub, "/data", "bind"), mount("bind", "rootfs/data", "/other", "bind")}
		}, map[string]string{"read:/other/file": "ok text"}, ""},
		{"a place that the bind before makes", func(root string) []harness.Edit {
			return []harness.Edit{mount("tmpfs", "tmpfs", "/data/deep/er"), mount("bind", root+"/data/deep", "/other", "rbind")}
		}, map[string]string{"list:/other": "ok er"}, ""},
		{"the root", func(root string) []harness.Edit {
			return []harness.Edit{mount("bind", sub, "/data", "bind"), mount("bind", root, "/other", "rbind")}
		}, map[string]string{"read:/other/data/file": "ok text"}, ""},
		{"not of a later one", func(root string) []harness.Edit {
			return []harness.Edit{mount("bind", root+"/etc", "/other", "bind"), mount("bind", sub, "/etc", "bind")}
		}, map[string]string{"list:/other": "ok group passwd", "read:/etc/file": "ok text"}, ""},
		{"beside the root", func(root string) []harness.Edit {
			return []harness.Edit{mount("bind", sub, "/data", "bind"), mount("bind", root+"/../beside", "/other", "bind")}
		}, map[string]string{"list:/other": "ok mine"}, ""},
		{"a source by a link of the host's", func(root string) []harness.Edit {
			return []harness.Edit{mount("bind", sub, "/data", "bind"), mount("bind", root+"/../../way/rootfs/data", "/other", "bind")}
		}, map[string]string{"read:/other/file": "ok text"}, ""},
		{"a source by a link of another name", func(root string) []harness.Edit {
			return []harness.Edit{mount("bind", sub, "/data", "bind"), mount("bind", root+"/../alias", "/other", "bind")}
		}, map[string]string{"read:/other/file": "ok text"}, ""},
		{"a link to the container's root", func(root string) []harness.Edit {
			return []harness.Edit{mount("bind", sub, "/data", "bind"), mount("bind", root+"/link", "/other", "bind")}
		}, map[string]string{"read:/other/file": "ok text"}, "it follows the link on the host"},
	} {
		for where, edit := range surroundings {
			t.Run(c.name+"/"+where, func(t *testing.T) {
				harness.Share(t)
				if c.rung != "" {
					harness.NeedRung(t, c.rung)
				}
				b := harness.New(t, harness.Probe(all(c.want)...), edit)
				for _, e := range c.mounts(b.Rootfs) {
					e(b.Spec)
				}
				b.Save(t)
				if err := os.Symlink("/data", b.Rootfs+"/link"); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(b.Dir, b.Dir+"/../way"); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink("rootfs/data", b.Dir+"/alias"); err != nil {
					t.Fatal(err)
				}
				if err := os.Mkdir(b.Dir+"/beside", 0o755); err != nil {
					t.Fatal(err)
				}
				b.Write(t, "../beside/mine", "", 0o644)
				b.Chown(t)
				if c.name == "without what is below" && where == "user namespace" {
					b.Container(t, "run").Fails(t, 1, "rbind takes them along")
					return
				}
				tries(t, b.Report(t).Tries, c.want)
			})
		}
	}
}

// Its ids can be mapped, by the container's maps or by others.
func TestBindFromRootMapped(t *testing.T) {
	for where, edit := range surroundings {
		t.Run(where, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Probe("stat:/other/own"), edit)
			const owner = 4
			b.Write(t, "srv/own", "", 0o644)
			b.Chown(t)
			if err := os.Chown(b.Rootfs+"/srv/own", owner, owner); err != nil {
				t.Fatal(err)
			}
			ids := []specs.LinuxIDMapping{{ContainerID: owner, HostID: 100007, Size: 1}}
			want := "ok file 0644 7:7"
			if where != "user namespace" {
				want = "ok file 0644 100007:100007"
			}
			b.Spec.Mounts = append(b.Spec.Mounts, specs.Mount{Destination: "/other", Type: "bind", Source: b.Rootfs + "/srv", Options: []string{"bind", "ro"}, UIDMappings: ids, GIDMappings: ids})
			b.Save(t)
			tries(t, b.Report(t).Tries, map[string]string{"stat:/other/own": want})
		})
	}
}

// A source in the root that isn't there is an error.
func TestBindFromRootMissing(t *testing.T) {
	harness.Share(t)
	b := harness.New(t)
	mount("bind", b.Rootfs+"/not/here", "/v", "bind")(b.Spec)
	b.Save(t)
	b.Container(t, "run").Fails(t, 1, "no such file or directory")
}

// strict is a host directory whose mount has all flags that a bind may want to be without, and
// another mount like it below.
func strict(t *testing.T) string {
	t.Helper()
	dir := harness.TempDir(t)
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME
	hostMount(t, dir, "tmpfs", "tmpfs", flags)
	if err := os.Mkdir(dir+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	hostMount(t, dir+"/sub", "tmpfs", "tmpfs", flags)
	if err := unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|flags, ""); err != nil {
		t.Fatal(err)
	}
	return dir
}

const allStrict, subStrict = "ro,nosuid,nodev,noexec,noatime", "rw,nosuid,nodev,noexec,noatime"

// What is named of a bind's flags wins; once one is named, those that aren't are cleared, as with
// runc since 1.2. Recursive words and propagation are none.
func TestBindFlags(t *testing.T) {
	dir := strict(t)
	for _, c := range []struct {
		words, want string
		rung        string
	}{
		{"", allStrict, ""},
		{"rprivate", allStrict, ""},
		{"rnosuid", allStrict, ""},
		{"rrw", subStrict, ""},
		{"rw", "rw,noatime", ""},
		{"ro", "ro,noatime", ""},
		{"suid", "rw,noatime", ""},
		{"nosuid", "rw,nosuid,noatime", ""},
		{"dev", "rw,noatime", ""},
		{"exec", "rw,noatime", ""},
		{"noexec ro", "ro,noexec,noatime", ""},
		{"async", "rw,noatime", ""},
		{"loud", "rw,noatime", ""},
		{"relatime", "rw,relatime", ""},
		{"strictatime", "rw", ""},
		{"norelatime", "rw,noatime", ""},
		{"nosymfollow", "rw,noatime,nosymfollow", ""},
		{"ro suid dev exec", "ro,noatime", ""},
		{"rw rro", "ro,noatime", ""},
		{"atime", "rw,relatime", "noatime stays"},
		{"nodiratime", "rw,noatime,nodiratime", "the kernel's mount(2) makes it relatime"},
	} {
		t.Run(c.words, func(t *testing.T) {
			harness.Share(t)
			if c.rung != "" {
				harness.NeedRung(t, c.rung)
			}
			words := append([]string{"rbind"}, strings.Fields(c.words)...)
			r := harness.New(t, harness.Probe(), mount("bind", dir, "/v", words...)).Report(t)
			sub := subStrict
			if strings.Contains(c.words, "rro") {
				sub = allStrict
			}
			for point, want := range map[string]string{"/v": c.want, "/v/sub": sub} {
				if m := r.Mount(point); m == nil || m.Options != want {
					t.Errorf("%s is %+v, want %s", point, m, want)
				}
			}
		})
	}
}

// In a user namespace the flags of the host's mounts are locked: a word that asks to be without one is
// an error, those that aren't named stay.
func TestBindLockedFlags(t *testing.T) {
	dir := strict(t)
	for words, want := range map[string]string{
		"": allStrict, "ro": allStrict, "nosuid": allStrict, "noatime": allStrict, "async": allStrict, "norelatime": allStrict,
		"nosymfollow": allStrict + ",nosymfollow",
		"rw":          "!rw: the source's read-only flag", "suid": "!suid: the source's nosuid flag", "dev": "!dev: the source's nodev flag",
		"exec": "!exec: the source's noexec flag", "relatime": "!relatime: the source's access time mode",
		"rrw": "!rrw: the source's read-only flag",
	} {
		t.Run(words, func(t *testing.T) {
			harness.Share(t)
			list := append([]string{"rbind"}, strings.Fields(words)...)
			b := harness.New(t, harness.Probe(), harness.MappedRoot, mount("bind", dir, "/v", list...))
			b.Chown(t)
			text, fails := strings.CutPrefix(want, "!")
			if !fails {
				if m := b.Report(t).Mount("/v"); m == nil || m.Options != want {
					t.Errorf("/v is %+v, want %s", m, want)
				}
				return
			}
			if !harness.IsRung() {
				text = ""
			}
			r := b.Container(t, "run")
			r.Fails(t, 1, text)
			r.Fails(t, 1, "operation not permitted")
		})
	}
}

// A bind of what the container's own mounts have in the root isn't locked.
func TestBindOwnFlags(t *testing.T) {
	for where, edit := range surroundings {
		t.Run(where, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Probe(), edit, mount("tmpfs", "tmpfs", "/data", "nosuid", "noexec"))
			mount("bind", b.Rootfs+"/data", "/other", "bind", "suid")(b.Spec)
			b.Save(t)
			b.Chown(t)
			if m := b.Report(t).Mount("/other"); m == nil || m.Options != "rw,relatime" {
				t.Errorf("/other is %+v, want rw,relatime", m)
			}
		})
	}
}

// Entries that are legal, and do little or nothing.
func TestLegalEntries(t *testing.T) {
	for name, edits := range map[string][]harness.Edit{
		"remount of type bind": {mount("bind", volume(t), "/data", "rbind"), mount("bind", "none", "/data", "remount", "nosuid")},
		"ids without a user namespace": {func(s *specs.Spec) {
			ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
			s.Linux.UIDMappings, s.Linux.GIDMappings = ids, ids
		}},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, append(edits, harness.Args("/bin/true"))...)
			if r := b.Container(t, "run"); r.Code != 0 {
				t.Errorf("want success: %v", r)
			}
		})
	}
}

// In a user namespace a flag that an entry sets itself isn't locked, and the access time of a
// cgroup's files is nobody's concern. (Random configurations found both.)
func TestUserNamespaceFlags(t *testing.T) {
	for name, edit := range map[string]harness.Edit{
		"own flag, then all": mount("bind", volume(t), "/data", "rbind", "rsuid", "nosuid"),
		"cgroup": func(s *specs.Spec) {
			for i := range s.Mounts {
				if s.Mounts[i].Type == "cgroup" {
					s.Mounts[i].Options = append(s.Mounts[i].Options, "noatime")
				}
			}
		},
		"sysfs of the host's network": func(s *specs.Spec) {
			harness.WithoutNS(specs.NetworkNamespace)(s)
			for i := range s.Mounts {
				if s.Mounts[i].Type == "sysfs" {
					s.Mounts[i].Options = []string{"noatime", "exec", "suid", "dev"}
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "own flag, then all" {
				harness.NeedRung(t, "runc binds these, and can't change their access time mode")
			}
			b := harness.New(t, harness.MappedRoot, harness.Args("/bin/true"), edit)
			b.Chown(t)
			b.Container(t, "run").Silent(t)
		})
	}
}
