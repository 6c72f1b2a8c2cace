package lifecycle

import (
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// The first process of a created container has a name to be shown by.
func TestPSCreated(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	b.Create(t)
	r := b.Must(t, "ps", "-o", "pid,args")
	lines := strings.Split(strings.TrimSpace(r.Stdout), "\n")
	if len(lines) != 2 || len(strings.Fields(lines[1])) < 2 || strings.Contains(lines[1], "?") {
		t.Errorf("want one process with a command: %v", r)
	}
	b.Must(t, "delete", "--force")
	b.ReapAll(t)
}
