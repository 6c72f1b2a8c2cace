package rootless

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// What security's TestBirthDescriptors says of root's containers holds for those of an
// ordinary user: nothing that leads to the host is open in a process that a container
// sees, where another container shares the pid namespace from the first entry on.
func TestBirthDescriptors(t *testing.T) {
	harness.NeedRung(t, "its own way to make containers")
	for _, name := range []string{"one id", "65536 with his", "65536 with his, cgroups"} {
		t.Run(name, func(t *testing.T) {
			maps, cgroups := strings.CutSuffix(name, ", cgroups")
			var begin []string
			if cgroups {
				_, begin = delegated(t)
			}
			bundle := func(edits ...harness.Edit) *harness.Bundle {
				b := newBundle(t, edits...)
				b.Via = append(begin[:len(begin):len(begin)], b.Via...)
				return b
			}
			a := bundle(harness.Args("/bin/sleep", "600"), mapping(ranges[maps]...))
			pid, _ := a.Create(t)
			a.Must(t, "start")
			path := func(kind string) string { return fmt.Sprintf("/proc/%d/ns/%s", pid, kind) }
			joins := bundle(namespace(specs.UserNamespace, path("user")), namespace(specs.PIDNamespace, path("pid")), mapping())
			var shared, exec harness.Descriptors
			follow(t, joins, &shared, joins.Cmd("run"))
			follow(t, a, &exec, &harness.Cmd{Args: []string{"--root", a.Root, "exec", a.ID, "/bin/true"}, Via: a.Via})
			a.End(t, pid)
		})
	}
}

func follow(t *testing.T, b *harness.Bundle, d *harness.Descriptors, call *harness.Cmd) {
	t.Helper()
	call.Args = append([]string{"--log-level", "error"}, call.Args...) // not the want of a cgroup
	r := call.Follow(t, d.Look)
	if r.Code != 0 || r.Stderr != "" {
		t.Errorf("%v", r)
	}
	d.Check(t, 1)
}
