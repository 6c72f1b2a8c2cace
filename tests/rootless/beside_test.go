package rootless

import (
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// An ordinary user runs programs of another image beside his containers.
func TestDebug(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "rung debug")
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			image := newBundle(t, mapping(maps...))
			image.Write(t, "mark", "tools", 0o644)
			b, pid := running(t, mapping(maps...))
			defer b.End(t, pid)
			if maps[0].HostID == firstID {
				image.Give(t, firstID, firstID)
			}
			r := b.Run(t, "debug", b.ID, "--rootfs", image.Dir+"/rootfs", "--", "/bin/sh", "-c", "cat /mark; id -u; readlink /proc/self/ns/net; ps")
			if r.Code != 0 || r.Stderr != "" || !strings.HasPrefix(r.Stdout, "tools0\n") || !strings.Contains(r.Stdout, "sleep 300") {
				t.Errorf("%v", r)
			}
			// Root may not have CAP_SYS_RESOURCE, by which limits of others' processes are set.
			root := *b
			root.Via = []string{"setpriv", "--bounding-set", "-sys_resource", "--inh-caps", "-sys_resource"}
			r = root.Run(t, "debug", b.ID, "--rootfs", image.Dir+"/rootfs", "--", "/bin/sh", "-c", "ulimit -n; cat /mark")
			if r.Code != 0 || r.Stderr != "" || r.Stdout != "1024\ntools" {
				t.Errorf("by root: %v", r)
			}
		})
	}
}
