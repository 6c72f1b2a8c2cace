package faults

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/harness"
)

// Who removes a container by force while a hook of its create hangs doesn't wait for that: the first process
// and the hook are ended, and create says what has become of it.
func TestRemovedDuringHooks(t *testing.T) {
	harness.NeedRung(t, "a delete --force that ends a create")
	for _, kind := range []string{"prestart", "createRuntime", "createContainer"} {
		t.Run(kind, func(t *testing.T) {
			b, out := hooked(t, hook(kind, "echo 0 >>OUT/log; exec sleep 60", 0))
			create := b.Cmd("create").Start(t)
			until(t, out, "0")
			begin := time.Now()
			if r := b.Run(t, "delete", "--force", b.ID); r.Code != 0 || r.Stderr != "" {
				t.Errorf("delete: %v", r)
			}
			if r := create.Wait(t); r.Code != 1 || !strings.Contains(r.Stderr, "was deleted by force while it was being made") {
				t.Errorf("create: %v", r)
			}
			if took := time.Since(begin); took > harness.Patience(5*time.Second) {
				t.Errorf("it took %v", took)
			}
			if _, err := os.Stat(b.Root + "/" + b.ID); !os.IsNotExist(err) {
				t.Errorf("state directory: %v", err)
			}
		})
	}
}
