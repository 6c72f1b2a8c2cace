package lifecycle

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// Programs that can't be run: exit codes and texts are runc's. (rung's start tells the
// truth about those that only execve(2) refuses, where runc's says nothing.)
func TestExecve(t *testing.T) {
	for _, c := range []struct {
		program, text string
		code          int // of run
	}{
		{"/bin/nosuch", `exec: "/bin/nosuch": stat /bin/nosuch: no such file or directory`, 1},
		{"nosuch", `exec: "nosuch": executable file not found in $PATH`, 1},
		{"/bin/sub", `exec: "/bin/sub": is a directory`, 1},
		{"/bin/noexec", `exec: "/bin/noexec": permission denied`, 1},
		{"/bin/nointerpreter", "exec /bin/nointerpreter: no such file or directory", 255},
		{"/bin/plain", "exec /bin/plain: exec format error", 255},
		{"/bin/empty", "exec /bin/empty: exec format error", 255},
		{"/bin/truncated", "exec /bin/truncated: exec format error", 255},
	} {
		t.Run(c.program, func(t *testing.T) {
			harness.Share(t)
			files := func(b *harness.Bundle) {
				b.Write(t, "bin/nointerpreter", "#!/nosuch\n", 0o755)
				b.Write(t, "bin/plain", "echo hello\n", 0o755)
				b.Write(t, "bin/empty", "", 0o755)
				b.Write(t, "bin/truncated", "\x7fELF\x02\x01\x01", 0o755)
				b.Write(t, "bin/noexec", "#!/bin/sh\n", 0o644)
				b.Write(t, "bin/sub/file", "", 0o644)
			}
			for _, edit := range []harness.Edit{func(*specs.Spec) {}, harness.MappedRoot} {
				b := harness.New(t, harness.Args(c.program), edit)
				files(b)
				b.Chown(t)
				if r := b.Container(t, "run"); r.Code != c.code || !says(r, c.text) {
					t.Errorf("run: want exit code %d and %q: %v", c.code, c.text, r)
				}
				b.Run(t, "delete", "--force", b.ID)
			}
			b, pid := running(t)
			files(b)
			r := b.Run(t, "exec", b.ID, c.program)
			if r.Code != 255 || !says(r, c.text) {
				t.Errorf("exec: want exit code 255 and %q: %v", c.text, r)
			}
			b.End(t, pid)
		})
	}
}

// says tells whether an error, in which quotes are escaped, has a text.
func says(r *harness.Result, text string) bool {
	switch {
	case !harness.IsRung():
	case strings.HasSuffix(text, "/nointerpreter: no such file or directory"):
		text += " (its interpreter /nosuch is missing)"
	case strings.HasSuffix(text, "/empty: exec format error"):
		text += " (it is empty)"
	}
	return strings.Contains(strings.ReplaceAll(r.Stderr, `\"`, `"`), text)
}
