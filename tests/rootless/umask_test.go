package rootless

import (
	"fmt"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// The caller's umask is for his files. What rung keeps of a container has its own modes,
// or an ordinary user couldn't open, and delete, what he has just made.
func TestUmask(t *testing.T) {
	for _, mask := range []string{"0777", "0477", "0277", "0177", "077", "0"} {
		t.Run(mask, func(t *testing.T) {
			harness.Share(t)
			_, begin := delegated(t)
			b := newBundle(t, harness.Args("/bin/sleep", "600"), mapping(ranges["one id"]...))
			b.Root += "/not/there/yet" // made on the way, below a directory of the user's
			b.Via = append(append(begin, asUser()...), "sh", "-c", fmt.Sprintf(`umask %s; exec "$@"`, mask), "sh")
			b.Container(t, "create").Silent(t)
			b.Must(t, "start")
			pid := b.State(t).Pid
			b.Run(t, "exec", b.ID, "/bin/true").Silent(t)
			b.Must(t, "kill", "KILL")
			harness.Wait(t, pid)
			b.Must(t, "delete")
		})
	}
}
