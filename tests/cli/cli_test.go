// Package cli runs scripts of the runtime's command line. Lines that only hold
// for rung have the condition [rung]; the others hold for Debian 12's runc too.
package cli

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// ofCgroups are the scripts that a short test runs in all views.
var ofCgroups = []string{
	"debug", "doctor", "events", "gc", "inspect", "kill", "lifecycle", "pause", "plan", "ps", "resources", "top", "update", "wait",
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			if !slices.Contains(ofCgroups, name) {
				harness.Share(t)
			}
			s := newScript(t)
			testscript.Run(t, testscript.Params{
				Files:              []string{file},
				RequireUniqueNames: true,
				Condition:          condition,
				Setup:              s.setup,
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"rt":         s.runtime,
					"bg":         s.background,
					"waitbg":     s.waitBackground,
					"bundle":     s.bundle,
					"waitstatus": s.waitStatus,
					"waitexit":   s.waitExit,
					"waitgone":   s.waitGone,
					"waitps":     s.waitPS,
					"waitfile":   waitFile,
					"digits":     digits,
					"jsonlog":    jsonLog,
				},
			})
		})
	}
}

var version = sync.OnceValue(func() string {
	out, _ := exec.Command(harness.Runtime(), "--version").Output()
	return string(out)
})

func condition(name string) (bool, error) {
	switch name {
	case "rung":
		return harness.IsRung(), nil
	case "runc":
		return !harness.IsRung(), nil
	case "runc1.1": // Debian 12's, which lacks some of what today's does
		return !harness.IsRung() && strings.Contains(version(), "version 1.1."), nil
	}
	return name == harness.View(), nil
}
