package rootless

import (
	"encoding/json"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/harness"
)

// A program that embeds the library makes containers and runs processes in them as an ordinary user too, several at a
// time, and keeps what is its own.
func TestEmbedded(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "its package")
	ends := newBundle(t, harness.Shell("exit 7"))
	stays := newBundle(t, harness.Args("/bin/sleep", "600"))
	const at, times = 4, 3
	argv := append(asUser(), harness.Program(t, "../embed/program"), ends.Root, ends.Dir, stays.Dir, strconv.Itoa(at), strconv.Itoa(times), ends.ID)
	c := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	timer := time.AfterFunc(2*time.Minute, func() { _ = c.Process.Kill() })
	defer timer.Stop()
	out, err := c.Output()
	var r struct {
		Runs, Execs, Commands                    int
		Errors                                   []string
		Inheritable, Dumpable, Subreaper, Caught bool
		Zombies                                  int
	}
	if err != nil || json.Unmarshal(out, &r) != nil {
		t.Fatalf("the program: %v: %s", err, out)
	}
	for _, e := range r.Errors {
		t.Error(e)
	}
	if r.Runs != at*times || r.Execs != at*times || !r.Inheritable || !r.Dumpable || r.Subreaper || !r.Caught || r.Zombies > 0 {
		t.Errorf("%+v", r)
	}
}
