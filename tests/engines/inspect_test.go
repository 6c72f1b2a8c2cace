package engines

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// What an engine asks for is what `inspect` finds: it marks nothing but buildah's ambient capabilities, which aren't inheritable.
func TestInspect(t *testing.T) {
	harness.NeedRung(t, "has inspect")
	files, err := filepath.Glob("testdata/*-config-*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configurations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			harness.Share(t)
			b := bundle(t, file, func(*specs.Spec) []string { return []string{"/bin/sleep", "600"} })
			b.Spec.Process.Terminal = false
			b.Save(t)
			c := b.Cmd("create")
			c.Args = append([]string{"--log", b.Dir + "/log"}, c.Args...)
			pid, _ := b.CreateBy(t, c)
			noDifferences(t, b, "created")
			b.Must(t, "start")
			noDifferences(t, b, "running")
			b.Must(t, "delete", "--force")
			harness.Wait(t, pid)
		})
	}
}

func noDifferences(t *testing.T, b *harness.Bundle, status string) {
	t.Helper()
	var doc struct {
		Status string
		Rows   []struct {
			Subject, Name, Asked, Found, Note string
			Differs                           bool
		}
	}
	if err := json.Unmarshal([]byte(b.Must(t, "inspect", "--format", "json").Stdout), &doc); err != nil {
		t.Fatal(err)
	}
	c := b.Spec.Process.Capabilities
	ambient := c != nil && slices.ContainsFunc(c.Ambient, func(name string) bool { return !slices.Contains(c.Inheritable, name) })
	for _, r := range doc.Rows {
		if r.Differs && !(ambient && r.Subject == "capabilities" && r.Name == "ambient") {
			t.Errorf("%s: %s %s: asked for %q, found %q, %s", status, r.Subject, r.Name, r.Asked, r.Found, r.Note)
		}
	}
	if doc.Status != status {
		t.Errorf("it is %s, want %s", doc.Status, status)
	}
}
