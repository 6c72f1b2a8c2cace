package lifecycle

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// remount changes the flags of what is mounted at a place.
func remount(dest string, options ...string) harness.Edit {
	return mount("", "", dest, append([]string{"remount"}, options...)...)
}

// A mount that is remounted read-only while it has yet to be filled becomes so when it is.
func TestRemount(t *testing.T) {
	bound := func(dest string, options ...string) harness.Edit {
		return mount("bind", "/dev", dest, append([]string{"bind", "remount"}, options...)...)
	}
	for _, c := range []struct {
		name  string
		edits []harness.Edit
		point string
		want  string // its options
		tries map[string]string
		rung  string
	}{
		{
			"/dev",
			[]harness.Edit{remount("/dev", "ro")},
			"/dev", "ro",
			map[string]string{"open:/dev/null": "ok", "create:/dev/x": "EROFS", "link:/dev/fd": "ok /proc/self/fd"},
			"",
		},
		{
			"/dev with more flags",
			[]harness.Edit{remount("/dev", "ro", "nosuid", "noatime")},
			"/dev", "ro,nosuid,noatime",
			map[string]string{"open:/dev/null": "ok", "create:/dev/x": "EROFS"},
			"",
		},
		{
			"/dev, and then a mount in it",
			[]harness.Edit{remount("/dev", "ro"), mount("tmpfs", "tmpfs", "/dev/more")},
			"/dev", "ro",
			map[string]string{"create:/dev/more/x": "ok", "create:/dev/x": "EROFS"},
			"",
		},
		{
			"/dev not read-only",
			[]harness.Edit{remount("/dev", "noexec")},
			"/dev", "rw,noexec",
			map[string]string{"open:/dev/null": "ok", "create:/dev/x": "ok"},
			"",
		},
		{
			"/dev as a bind",
			[]harness.Edit{bound("/dev", "ro")},
			"/dev", "ro",
			map[string]string{"open:/dev/null": "ok", "create:/dev/x": "EROFS"},
			"it makes no devices there",
		},
		{
			"/dev made read-only",
			[]harness.Edit{harness.DropMount("/dev"), mount("tmpfs", "tmpfs", "/dev", "ro", "mode=755")},
			"/dev", "ro,relatime",
			map[string]string{"open:/dev/null": "ok", "create:/dev/x": "EROFS"},
			"",
		},
		{
			"a tmpfs",
			[]harness.Edit{mount("tmpfs", "tmpfs", "/v", "nosuid"), remount("/v", "ro", "noexec")},
			"/v", "ro,noexec,relatime",
			map[string]string{"create:/v/x": "EROFS"},
			"",
		},
		{"a tmpfs by its type, and then a mount in it", []harness.Edit{
			mount("tmpfs", "tmpfs", "/v"), mount("tmpfs", "tmpfs", "/v", "remount", "ro"), mount("tmpfs", "tmpfs", "/v/below"),
		}, "/v", "ro,relatime", map[string]string{"create:/v/x": "EROFS", "create:/v/below/x": "ok"}, ""},
		{
			"as a bind",
			[]harness.Edit{mount("tmpfs", "tmpfs", "/v", "nosuid", "noexec"), bound("/v", "ro", "nodev")},
			"/v", "ro,nodev,relatime",
			map[string]string{"create:/v/x": "EROFS"},
			"",
		},
		{"another size", []harness.Edit{
			mount("tmpfs", "tmpfs", "/v", "size=1m", "nosuid"), mount("tmpfs", "tmpfs", "/v", "remount", "size=64k", "nosuid"),
		}, "/v", "rw,nosuid,relatime size=64k", map[string]string{"create:/v/x": "ok"}, ""},
		{"a flag of the file system's", []harness.Edit{
			mount("tmpfs", "tmpfs", "/v", "nosuid"), remount("/v", "sync", "nodev"),
		}, "/v", "rw,nodev,relatime rw,sync", map[string]string{"create:/v/x": "ok"}, ""},
		{
			"a bind of the host's",
			[]harness.Edit{mount("bind", "/etc", "/v", "bind"), remount("/v", "ro")},
			"/v", "ro,relatime",
			map[string]string{"create:/v/x": "EROFS"},
			"it wants to remount the host's file system",
		},
	} {
		for where, edit := range surroundings {
			t.Run(c.name+"/"+where, func(t *testing.T) {
				harness.Share(t)
				if c.rung != "" {
					harness.NeedRung(t, c.rung)
				}
				b := harness.New(t, append([]harness.Edit{harness.Probe(all(c.tries)...), edit}, c.edits...)...)
				b.Chown(t)
				r := b.Report(t)
				want, super, _ := strings.Cut(c.want, " ")
				if m := r.Mount(c.point); m == nil || m.Options != want || !strings.Contains(m.Super, super) {
					t.Errorf("%s is %+v, want %s", c.point, m, c.want)
				}
				tries(t, r.Tries, c.tries)
			})
		}
	}
}

// What can't be remounted.
func TestRemountErrors(t *testing.T) {
	for name, edit := range map[string]harness.Edit{
		"nothing is mounted": remount("/etc", "ro"),
		"nothing is there":   remount("/not/here", "ro"),
		"the root":           remount("/", "ro"),
		"an unknown word":    remount("/dev", "nonsense=1"),
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			harness.New(t, edit, func(s *specs.Spec) { s.Root.Readonly = false }).Container(t, "run").Fails(t, 1, "")
		})
	}
}
