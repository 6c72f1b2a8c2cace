package lifecycle

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// The propagation of a root that is recursive is all mounts', which have had their own while they were made.
func TestRecursivePropagation(t *testing.T) {
	dir := harness.TempDir(t)
	if err := os.Mkdir(dir+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	hostMount(t, dir+"/sub", "tmpfs", "tmpfs", 0)
	for word, want := range map[string]string{"shared": "/", "rshared": "", "unbindable": "/", "runbindable": "", "private": "-", "rprivate": "-"} {
		for where, edit := range surroundings {
			t.Run(word+"/"+where, func(t *testing.T) {
				harness.Share(t)
				harness.NeedRung(t, "runc 1.1 has none but the root's, and can't be unbindable")
				b := harness.New(t, edit, harness.Shell("cut -d' ' -f5-8 /proc/self/mountinfo"),
					func(s *specs.Spec) { s.Linux.RootfsPropagation = word }, mount("bind", dir, "/v", "rbind", "rprivate"))
				b.Chown(t)
				r := b.Container(t, "run")
				if r.Code != 0 {
					t.Fatal(r)
				}
				tag := strings.TrimPrefix(word, "r")
				for line := range strings.Lines(r.Stdout) {
					f := strings.Fields(line)
					if has, all := strings.HasPrefix(f[2], tag), want == ""; has != (all || f[0] == want) {
						t.Errorf("%s: %s", f[0], f[2])
					}
				}
			})
		}
	}
}
