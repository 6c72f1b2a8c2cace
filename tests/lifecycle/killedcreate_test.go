package lifecycle

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// What a killed create leaves is shown by state and list, a second create says what to
// do about it, and then there is room for another.
func TestKilledCreate(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "what a killed create leaves doesn't exist to runc")
	b := harness.New(t)
	killCreate(t, b)

	const hint = "create was killed"
	state := b.Run(t, "state", b.ID)
	if state.Code != 0 || !strings.Contains(state.Stdout, `"status": "stopped"`) || !strings.Contains(state.Stderr, hint) {
		t.Errorf("want it stopped, and a hint: %v", state)
	}
	list := b.Run(t, "list")
	if list.Code != 0 || !strings.Contains(list.Stdout, b.ID) || !strings.Contains(list.Stdout, "stopped") {
		t.Errorf("want it stopped: %v", list)
	}
	again := b.Container(t, "create")
	again.Fails(t, 1, "container with given ID already exists")
	again.Fails(t, 1, "delete --force")

	b.Must(t, "delete", "--force")
	b.ReapAll(t) // the first process became our child when create was killed
	b.Run(t, "state", b.ID).Fails(t, 1, "container does not exist")
	b.Container(t, "run").Silent(t)
}

// killCreate kills the call of create while it waits for a hook, and the hook too.
func killCreate(t *testing.T, b *harness.Bundle) {
	t.Helper()
	file := b.Dir + "/hook"
	script := "printf $$ >" + file + ".new; mv " + file + ".new " + file + "; exec sleep 60"
	b.Spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{
		{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}},
	}}
	b.Save(t)
	call := b.Cmd("create").Start(t)
	harness.UntilFile(t, file)
	pid := harness.PID(t, file)
	call.Process.Kill()
	call.Wait(t)
	unix.Kill(pid, unix.SIGKILL)
	harness.Wait(t, pid)
	b.Spec.Hooks = nil
	b.Save(t)
}
