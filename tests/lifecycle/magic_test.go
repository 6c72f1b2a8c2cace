package lifecycle

import (
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A path to be protected may lead to what the process that makes the container has open: nobody else has that, so there
// is nothing to protect. A link that leads to itself is an error.
func TestProtectedMagicLinks(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "an answer of its own; runc 1.4 fails for masks")
	for name, edit := range map[string]harness.Edit{"host root": nil, "user namespace": harness.MappedRoot} {
		for _, path := range []string{"/dev/stdin", "/dev/fd/0", "/proc/self/exe", "/proc/self/cwd/etc", "/proc/thread-self/root", "/dev/../proc/self/fd/../ns/mnt"} {
			for what, protect := range map[string]func(*specs.Spec){
				"read-only": func(s *specs.Spec) { s.Linux.ReadonlyPaths = []string{path} },
				"mask":      func(s *specs.Spec) { s.Linux.MaskedPaths = []string{path} },
			} {
				edits := []harness.Edit{harness.Args("/bin/true"), protect}
				if edit != nil {
					edits = append(edits, edit)
				}
				b := harness.New(t, edits...)
				b.Chown(t)
				if r := b.Container(t, "run"); r.Code != 0 || r.Stderr != "" {
					t.Errorf("%s, %s, %s: %v", name, what, path, r)
				}
			}
		}
	}
	b := harness.New(t, harness.Args("/bin/true"), func(s *specs.Spec) { s.Linux.ReadonlyPaths = []string{"/loop/x"} })
	if err := os.Symlink("loop", b.Rootfs+"/loop"); err != nil {
		t.Fatal(err)
	}
	b.Container(t, "run").Fails(t, 1, "make /loop/x read-only: open /loop/x: too many levels of symbolic links")
}
