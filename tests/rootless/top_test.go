package rootless

import (
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// An ordinary user sees what his containers use, as far as the kernel counts it for them, and is told of directories that aren't his.
func TestTop(t *testing.T) {
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := newBundle(t, mapping(maps...), harness.Args("/bin/sleep", "600"))
			pid, _ := b.Create(t)
			look := func(status string, args ...string) *harness.Result {
				t.Helper()
				r := b.Run(t, append([]string{"top", "--once", "--format", "json"}, args...)...)
				if r.Code != 0 || !strings.Contains(r.Stdout, `{"id":"`+b.ID+`","root":"`+b.Root+`","status":"`+status+`","pid":`) {
					t.Errorf("want %s: %v", status, r)
				}
				return r
			}
			look("created").Silent(t)
			b.Must(t, "start")
			look("running", b.ID).Silent(t)
			if r := look("running", "--also", "/root"); !strings.Contains(r.Stderr, "list containers of /root: open /root: permission denied\n") {
				t.Errorf("want a word about /root: %v", r)
			}
			b.Must(t, "delete", "--force")
			harness.Wait(t, pid)
		})
	}
}
