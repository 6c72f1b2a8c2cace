// Package faults kills, starves and confuses the runtime at every moment, and
// checks that what it leaves can be named and removed: the rows are those of a
// catalogue of faults that container runtimes have met.
package faults

import (
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// rounds is how often a fault is injected: few times in a short test.
func rounds(long, short int) int {
	if testing.Short() {
		return short
	}
	return long
}

// sleeper makes a bundle of a long-running container.
func sleeper(t *testing.T, edits ...harness.Edit) *harness.Bundle {
	t.Helper()
	b := harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "600")}, edits...)...)
	b.Chown(t)
	return b
}

// configs are the kinds of containers that faults are tried on.
var configs = []struct {
	name string
	edit harness.Edit
}{
	{"host root", func(*specs.Spec) {}},
	{"user namespace", harness.MappedRoot},
}

// status is what the state command says: a status, or "none" if there is no
// such container. Everything else is an error.
func status(t *testing.T, b *harness.Bundle) string {
	t.Helper()
	is, r := b.Status(t)
	if is != "" {
		return is
	}
	t.Errorf("no defined state: %v", r)
	return "undefined"
}

// remove deletes by force, which must always work, and checks that nothing is
// left of the bundle's container.
func remove(t *testing.T, b *harness.Bundle, inv *harness.Inventory, what string) (clean bool) {
	t.Helper()
	harness.Reap()
	if r := b.Run(t, "delete", "--force", b.ID); r.Code != 0 {
		t.Errorf("%s: %v", what, r)
		return false
	}
	left := inv.Left(b)
	for _, line := range left {
		t.Errorf("%s: %s", what, line)
	}
	return len(left) == 0
}

// with returns a call with an addition to its environment.
func with(c *harness.Cmd, env ...string) *harness.Cmd {
	c.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	return c
}

// via returns a call by a shell script, which ends with exec "$@".
func via(c *harness.Cmd, script string) *harness.Cmd {
	c.Via = []string{"sh", "-c", script, "sh"}
	return c
}
