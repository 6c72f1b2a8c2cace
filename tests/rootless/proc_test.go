package rootless

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/harness"
)

// allVerbs is the life of a container, as AS, in a pid namespace with a /proc that is
// mounted with the options OPT. It ends with all of its processes.
const allVerbs = `set -e
mount -t proc -o "$OPT" proc /proc
rt() { $AS $RT --root "$ROOT" "$@"; }
rt create --bundle "$B" "$ID"
rt state "$ID" | grep -q '"created"'
rt start "$ID"
rt state "$ID" | grep -q '"running"'
rt exec "$ID" /bin/true
rt kill "$ID" KILL
for i in 1 2 3 4 5 6 7 8 9; do
	if rt state "$ID" | grep -q '"stopped"'; then break; fi
	sleep 0.2
done
rt delete "$ID"
echo all is well`

// life runs allVerbs. (A remount would reach the host's /proc; a mount in a pid namespace of
// its own doesn't.)
func life(t *testing.T, b *harness.Bundle, options string, as []string) string {
	t.Helper()
	out, err := os.Create(harness.TempDir(t) + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command("timeout", "60", "unshare", "--pid", "--fork", "--mount", "--propagation", "private", "--mount-proc", "sh", "-c", allVerbs)
	cmd.Env = append(os.Environ(), "OPT="+options, "AS="+strings.Join(as, " "), "RT="+harness.Runtime(), "ROOT="+b.Root, "B="+b.Dir, "ID="+b.ID)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	text, _ := os.ReadFile(out.Name())
	if err != nil {
		return fmt.Sprintf("%s%v", text, err)
	}
	return string(text)
}

// Hosts that hide processes from users, or show nothing but processes.
func TestOddProc(t *testing.T) {
	harness.Share(t)
	sleep := harness.Args("/bin/sleep", "1000")
	for _, options := range []string{"hidepid=2", "hidepid=4", "hidepid=2,gid=7"} {
		for maps, list := range ranges {
			t.Run(options+" "+maps, func(t *testing.T) {
				if !harness.IsRung() && maps == "65536 without his" {
					t.Skip("runc needs the user's own id among the container's")
				}
				if got := life(t, newBundle(t, sleep, mapping(list...)), options, asUser()); got != "all is well\n" {
					t.Error(got)
				}
			})
		}
	}
	for name, edit := range map[string]harness.Edit{"plain": sleep, "user namespace": nil} {
		t.Run("subset=pid root "+name, func(t *testing.T) {
			b := harness.New(t, sleep)
			if edit == nil {
				b = harness.New(t, sleep, namespace("user", ""), mapping(ranges["65536 without his"]...))
				b.Give(t, firstID, firstID)
			}
			if got := life(t, b, "subset=pid", nil); got != "all is well\n" {
				t.Error(got)
			}
		})
	}
	t.Run("subset=pid user", func(t *testing.T) {
		harness.NeedRung(t, "the boot id, which has no other source")
		got := life(t, newBundle(t, sleep), "subset=pid", asUser())
		if !strings.Contains(got, "read boot id: ") || !strings.Contains(got, "/proc is mounted with subset=pid, it seems") {
			t.Errorf("want an error that names the cause: %s", got)
		}
	})
}
