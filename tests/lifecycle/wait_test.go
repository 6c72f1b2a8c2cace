package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// The exit code of a container is told to who waits for it, though it is another's child: reaped or not.
func TestWait(t *testing.T) {
	harness.NeedRung(t, "has wait")
	for name, edit := range map[string]harness.Edit{"host root": func(*specs.Spec) {}, "user namespace": mapped} {
		for how, want := range map[string]string{"exit 7": "7", "exit 0": "0", "signal": "137"} {
			for _, reaped := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, reaped %v", name, how, reaped), func(t *testing.T) {
					harness.Share(t)
					b := harness.New(t, harness.Shell("while [ ! -e /go ]; do sleep 0.01; done; "+how), edit)
					chownAll(t, b)
					pid := b.Running(t)
					call := (&harness.Cmd{Args: []string{"--root", b.Root, "wait", b.ID}}).Start(t)
					harness.Until(t, "it waits", func() bool { return hasPidfd(call.Process.Pid) })
					if how == "signal" {
						b.Must(t, "kill", "KILL")
					} else if err := os.WriteFile(b.Rootfs+"/go", nil, 0o644); err != nil {
						t.Fatal(err)
					}
					if reaped {
						harness.Wait(t, pid)
					}
					r := call.Wait(t)
					if r.Silent(t); strings.TrimSpace(r.Stdout) != want {
						t.Errorf("%v, want %s", r, want)
					}
					if !reaped {
						harness.Wait(t, pid)
					}
					// Who has seen it has written it down.
					if again := b.Run(t, "wait", b.ID); strings.TrimSpace(again.Stdout) != want || again.Code != 0 {
						t.Errorf("a second time: %v, want %s", again, want)
					}
					b.Must(t, "delete")
				})
			}
		}
	}
}

// hasPidfd tells whether a process has a pidfd open.
func hasPidfd(pid int) bool {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.Contains(to, "[pidfd]") {
			return true
		}
	}
	return false
}
