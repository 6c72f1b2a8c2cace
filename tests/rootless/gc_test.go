package rootless

import (
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// What an ordinary user's create has left when it was killed, the user's gc removes, and not what lives.
func TestGC(t *testing.T) {
	harness.UseTagged(t, "faultpoints")
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			for _, point := range []string{"create:claimed", "create:intent", "create:ready", "create:recorded"} {
				b := newBundle(t, mapping(maps...), harness.Args("/bin/sleep", "600"))
				c := b.Cmd("create")
				c.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "RUNG_FAULT=" + point}
				if r := c.Run(t); r.Code != 137 {
					t.Fatalf("%s: want it killed: %v", point, r)
				}
				harness.Reap()
				r := b.Run(t, "gc", "--apply")
				if r.Silent(t); !strings.Contains(r.Stdout, "removed state directory "+b.Root+"/"+b.ID+" of container "+b.ID+": its create died\n") {
					t.Errorf("%s: %v", point, r)
				}
				b.Run(t, "state", b.ID).Fails(t, 1, "does not exist")
				pid, _ := b.Create(t)
				if r := b.Run(t, "gc", "--stopped", "--apply"); r.Code != 0 || r.Stdout != "" {
					t.Errorf("%s: a container waits for start: %v", point, r)
				}
				b.Must(t, "delete", "--force")
				harness.Wait(t, pid)
			}
		})
	}
}
