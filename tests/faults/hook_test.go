package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// kinds of hooks in the order in which they run.
var kinds = []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}

func hooksOf(s *specs.Spec, kind string) *[]specs.Hook {
	if s.Hooks == nil {
		s.Hooks = new(specs.Hooks)
	}
	h := s.Hooks
	return map[string]*[]specs.Hook{
		"prestart": &h.Prestart, "createRuntime": &h.CreateRuntime,
		"createContainer": &h.CreateContainer, "startContainer": &h.StartContainer, "poststart": &h.Poststart, "poststop": &h.Poststop,
	}[kind]
}

// hook adds a hook that runs a script with busybox, which the host and the
// container have.
func hook(kind, script string, timeout int) harness.Edit {
	return func(s *specs.Spec) {
		h := specs.Hook{Path: "/usr/bin/busybox", Args: []string{"busybox", "sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin", "KIND=" + kind}}
		if kind == "startContainer" {
			h.Path, h.Args = "/bin/sh", []string{"sh", "-c", script}
		}
		if timeout != 0 {
			h.Timeout = &timeout
		}
		list := hooksOf(s, kind)
		*list = append(*list, h)
	}
}

// hooked makes a sleeper whose hooks, in the container and outside, can write
// to the directory /out.
func hooked(t *testing.T, edits ...harness.Edit) (b *harness.Bundle, out string) {
	t.Helper()
	out = filepath.Join(harness.TempDir(t), "out")
	if err := os.Mkdir(out, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(out, 0o777); err != nil { // for other users too
		t.Fatal(err)
	}
	b = sleeper(t, harness.AddMount(specs.Mount{Type: "bind", Source: out, Destination: "/out", Options: []string{"bind"}}))
	for _, edit := range edits {
		edit(b.Spec)
	}
	text, err := json.Marshal(b.Spec.Hooks)
	if err != nil {
		t.Fatal(err)
	}
	// The hooks' scripts say OUT: the directory as they see it.
	var h *specs.Hooks
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), "OUT", out)), &h); err != nil {
		t.Fatal(err)
	}
	if h != nil {
		for i := range h.StartContainer {
			for j, a := range h.StartContainer[i].Args {
				h.StartContainer[i].Args[j] = strings.ReplaceAll(a, out, "/out")
			}
		}
	}
	b.Spec.Hooks = h
	b.Save(t)
	return b, out
}

// cycle is create, start, kill, delete as far as it goes; it returns the verb
// that failed.
func cycle(t *testing.T, b *harness.Bundle) (failed string, r *harness.Result) {
	t.Helper()
	defer harness.Reap()
	if r = b.Container(t, "create"); r.Code != 0 {
		return "create", r
	}
	if r = b.Run(t, "start", b.ID); r.Code != 0 {
		return "start", r
	}
	b.Must(t, "kill", "KILL")
	harness.Reap()
	b.WaitStatus(t, specs.StateStopped)
	if r = b.Run(t, "delete", b.ID); r.Code != 0 {
		return "delete", r
	}
	return "", r
}

// Catalogue row 19: the six hooks run once each, in order, in their namespaces,
// with the state that the runtime-spec gives them.
func TestHookOrder(t *testing.T) {
	for _, c := range configs {
		t.Run(c.name, func(t *testing.T) { hookOrder(t, c.edit) })
	}
}

func hookOrder(t *testing.T, edit harness.Edit) {
	t.Helper()
	var edits []harness.Edit
	for _, kind := range kinds {
		edits = append(edits, hook(kind, `echo $KIND $(readlink /proc/self/ns/mnt) $(readlink /proc/self/ns/uts) >>OUT/log; cat >OUT/$KIND`, 10))
	}
	b, out := hooked(t, append(edits, edit)...)
	// Hooks in a user namespace are another user.
	if err := os.WriteFile(out+"/log", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(out+"/log", 0o666); err != nil {
		t.Fatal(err)
	}
	b.Spec.Annotations = map[string]string{"a": "b"}
	b.Save(t)
	pid, _ := b.Create(t)
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		t.Fatal(err)
	}
	b.Must(t, "start")
	b.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	b.Must(t, "delete")
	lines := strings.Split(strings.TrimSpace(readFile(t, out+"/log")), "\n")
	if len(lines) != len(kinds) {
		t.Fatalf("hooks %q, want %v", lines, kinds)
	}
	status := map[string]string{
		"prestart": "creating", "createRuntime": "creating", "createContainer": "creating",
		"startContainer": "created", "poststart": "running", "poststop": "stopped",
	}
	host, _ := os.Readlink("/proc/self/ns/mnt")
	for i, kind := range kinds {
		f := strings.Fields(lines[i])
		want := host
		if kind == "createContainer" || kind == "startContainer" {
			want = link
		}
		if f[0] != kind || f[1] != want {
			t.Errorf("hook %d is %v, want %s in %s", i, f, kind, want)
		}
		var s specs.State
		if err := json.Unmarshal([]byte(readFile(t, out+"/"+kind)), &s); err != nil {
			t.Errorf("%s: state: %v", kind, err)
		}
		if string(s.Status) != status[kind] || s.ID != b.ID || s.Bundle != b.Dir || s.Annotations["a"] != "b" || s.Version == "" {
			t.Errorf("%s: state %+v, want %s", kind, s, status[kind])
		}
		if kind != "poststop" && s.Pid != pid {
			t.Errorf("%s: pid %d, want %d", kind, s.Pid, pid)
		}
	}
}

// Row 19: what a failing hook of each kind brings about (runtime-spec 1.3,
// lifecycle). The create hooks: no container, and its poststop hooks have run.
// startContainer and poststart: the container is stopped, and they run when it is
// deleted. poststop: a warning.
func TestHookFails(t *testing.T) {
	harness.Once(t) // in a short test, which is long enough
	for _, how := range []struct{ name, script, text string }{
		{"exit 3", "exit 3", "exit status 3"},
		{"output", "echo it went wrong; exit 1", "it went wrong"},
		{"killed", "kill -9 $$", "signal: killed"},
		{"terminated", "kill -TERM $$", "signal: terminated"},
	} {
		for _, kind := range kinds {
			t.Run(how.name+" "+kind, func(t *testing.T) {
				inv := harness.Take()
				b, out := hooked(t, hook(kind, how.script, 0), hook("poststop", "echo >OUT/stopped", 0))
				effect(t, b, kind, how.text, out+"/stopped")
				remove(t, b, inv, how.name+" "+kind)
			})
		}
	}
}

// effect runs a bundle whose hook of the given kind fails.
func effect(t *testing.T, b *harness.Bundle, kind, text, stopped string) {
	t.Helper()
	failed, r := cycle(t, b)
	_, err := os.Stat(stopped)
	ran := err == nil
	if !strings.Contains(r.Stderr, text) || !strings.Contains(r.Stderr, kind) || strings.Count(r.Stderr, "\n") != 1 {
		t.Errorf("want one line that names %s and %q: %v", kind, text, r)
	}
	switch kind {
	case "prestart", "createRuntime", "createContainer":
		if st := status(t, b); failed != "create" || st != "none" || !ran {
			t.Errorf("%s failed, the state is %s, poststop ran = %v; want create, none, true", failed, st, ran)
		}
	case "startContainer", "poststart":
		if st := status(t, b); failed != "start" || st != "stopped" || ran {
			t.Errorf("%s failed, the state is %s, poststop ran = %v; want start, stopped, false", failed, st, ran)
		}
		b.Must(t, "delete")
		if _, err := os.Stat(stopped); err != nil {
			t.Errorf("poststop hooks of a container that was deleted: %v", err)
		}
	case "poststop":
		if st := status(t, b); failed != "" || st != "none" || !ran {
			t.Errorf("%s failed, the state is %s, the next poststop hook ran = %v; want a warning, none, true", failed, st, ran)
		}
	}
}

// Row 19: programs that can't be run.
func TestHookPaths(t *testing.T) {
	harness.Once(t)
	dir := harness.TempDir(t)
	plain := dir + "/plain"
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/none", plain, dir} {
		for _, kind := range kinds {
			b, _ := hooked(t, func(s *specs.Spec) { *hooksOf(s, kind) = []specs.Hook{{Path: path}} }, hook("poststop", "echo >OUT/stopped", 0))
			inv := harness.Take()
			failed, r := cycle(t, b)
			if !strings.Contains(r.Stderr, kind) || !strings.Contains(r.Stderr, path) || failed == "" && kind != "poststop" {
				t.Errorf("%s hook %s: %q failed: %v", kind, path, failed, r)
			}
			remove(t, b, inv, kind)
		}
	}
	for _, kind := range kinds {
		b, _ := hooked(t, func(s *specs.Spec) { *hooksOf(s, kind) = []specs.Hook{{Path: "busybox"}} })
		r := b.Container(t, "create")
		if r.Code != 1 || !strings.Contains(r.Stderr, "hooks."+kind) {
			t.Errorf("relative path: want an error that names hooks.%s: %v", kind, r)
		}
	}
}

// Row 19: time is up for a hook and all that it started, to 50 ms; what it left
// with its pipes open, or what floods them, keeps nobody waiting.
func TestHookTime(t *testing.T) {
	harness.Once(t)
	for _, kind := range kinds {
		for _, c := range []struct {
			name, script string
			least, most  time.Duration
			text         string
		}{
			{"sleeps", "sleep 61", 950 * time.Millisecond, 1400 * time.Millisecond, "timed out"},
			{"ignores TERM", "trap '' TERM INT HUP; while :; do sleep 62; done", 950 * time.Millisecond, 1400 * time.Millisecond, "timed out"},
			{"closes everything", "exec <&- >&- 2>&-; sleep 63", 950 * time.Millisecond, 1400 * time.Millisecond, "timed out"},
			{"group", "sleep 64 & sleep 65", 950 * time.Millisecond, 1400 * time.Millisecond, "timed out"},
			{"daemon", "sleep 1 & exit 0", 0, 500 * time.Millisecond, ""},
			{"flood", "yes", 950 * time.Millisecond, 1600 * time.Millisecond, "timed out"},
			{"flood and fail", "yes | head -c 3000000; exit 1", 0, 900 * time.Millisecond, "exit status 1"},
			{"in time", "sleep 0.3", 300 * time.Millisecond, 700 * time.Millisecond, ""},
		} {
			if testing.Short() && c.least > 500*time.Millisecond && c.name != "group" && (kind != "createContainer" || c.name == "sleeps") {
				continue
			}
			t.Run(kind+" "+c.name, func(t *testing.T) {
				// A runtime that waits too long does so each time; a machine that is busy doesn't.
				for try := 1; ; try++ {
					b, _ := hooked(t, hook(kind, c.script, 1))
					inv := harness.Take()
					start := time.Now()
					_, r := cycle(t, b)
					took := time.Since(start)
					if !strings.Contains(r.Stderr, c.text) || c.text == "" && r.Code != 0 || len(r.Stderr) > 40<<10 {
						t.Errorf("want %q: %d bytes of %v", c.text, len(r.Stderr), r)
					}
					remove(t, b, inv, c.name)
					outlive(t)
					if took >= c.least && took <= c.most {
						break
					}
					if took < c.least || try == 3 {
						t.Errorf("took %v, want %v to %v", took, c.least, c.most)
						break
					}
				}
			})
		}
	}
}

// outlive waits for what a hook has left behind, which is ours then: whoever looked
// at the wrong moment would take it for something that the runtime should have
// waited for.
func outlive(t *testing.T) {
	t.Helper()
	harness.Until(t, "no child is left", func() bool {
		_, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		return err == unix.ECHILD
	})
}
