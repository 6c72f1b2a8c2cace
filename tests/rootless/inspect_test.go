package rootless

import (
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// An ordinary user's containers are what was asked for, and he sees it.
func TestInspect(t *testing.T) {
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := newBundle(t, mapping(maps...), harness.Args("/bin/sleep", "600"))
			pid, _ := b.Create(t)
			for _, status := range []string{"created", "running"} {
				text := b.Must(t, "inspect").Stdout
				if !strings.HasPrefix(text, "container "+b.ID+": "+status+", ") || !strings.Contains(text, ", 0 difference(s)\n") {
					t.Errorf("%s: differs: %s", status, text)
				}
				for _, word := range []string{"\n    uid     0 (host's ", "    RLIMIT_NOFILE ", "    /proc/bus ", "    bounding     CAP_", "it has none of its own"} {
					if !strings.Contains(text, word) {
						t.Errorf("%s: no %q in %s", status, word, text)
					}
				}
				if strings.Contains(text, "can't be read") {
					t.Errorf("%s: %s", status, text)
				}
				if status == "created" {
					b.Must(t, "start")
				}
			}
			b.Must(t, "delete", "--force")
			harness.Wait(t, pid)
		})
	}
}
