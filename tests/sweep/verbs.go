package sweep

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A verb is a call of the runtime, what it is made after, and in which states a container may be when it has
// succeeded and when it has failed.
type verb struct {
	name      string
	program   string // of the container: sleep if it isn't named
	before    []string
	args      func(b *harness.Bundle) []string
	good, bad string
}

func on(verb string, more ...string) func(b *harness.Bundle) []string {
	return func(b *harness.Bundle) []string { return append([]string{verb, b.ID}, more...) }
}

func made(verb string) func(b *harness.Bundle) []string {
	return func(b *harness.Bundle) []string { return []string{verb, "--bundle", b.Dir, b.ID} }
}

var verbs = []verb{
	{name: "create", args: made("create"), good: "created", bad: "none"},
	{name: "run", program: "/bin/true", args: made("run"), good: "none", bad: "none stopped"},
	{name: "start", before: []string{"create"}, args: on("start"), good: "running", bad: "created stopped running"},
	{name: "exec", before: []string{"create", "start"}, args: func(b *harness.Bundle) []string { return []string{"exec", b.ID, "/bin/true"} }, good: "running", bad: "running"},
	{name: "state", before: []string{"create", "start"}, args: on("state"), good: "running", bad: "running"},
	{name: "kill", before: []string{"create", "start"}, args: on("kill", "KILL"), good: "running stopped", bad: "running stopped"},
	{name: "pause", before: []string{"create", "start"}, args: on("pause"), good: "paused", bad: "running paused"},
	{name: "resume", before: []string{"create", "start", "pause"}, args: on("resume"), good: "running", bad: "running paused"},
	{name: "update", before: []string{"create", "start"}, args: func(b *harness.Bundle) []string { return []string{"update", "--memory", "100000000", b.ID} }, good: "running", bad: "running"},
	{name: "delete", before: []string{"create", "start"}, args: func(b *harness.Bundle) []string { return []string{"delete", "--force", b.ID} }, good: "none", bad: "none running stopped"},
	{name: "list", before: []string{"create"}, args: func(*harness.Bundle) []string { return []string{"list"} }, good: "created", bad: "created"},
	{name: "events", before: []string{"create", "start"}, args: func(b *harness.Bundle) []string { return []string{"events", "--stats", b.ID} }, good: "running", bad: "running"},
}

// A kind is one of bundle.
type kind struct {
	name  string
	edits []harness.Edit
}

func kinds() []kind {
	hooked := func(s *specs.Spec) {
		one := []specs.Hook{{Path: "/bin/true"}}
		s.Hooks = &specs.Hooks{CreateRuntime: one, CreateContainer: one, StartContainer: one, Poststart: one, Poststop: one}
	}
	filtered := func(s *specs.Spec) {
		s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"swapon"}, Action: specs.ActErrno}}}
	}
	limited := func(s *specs.Spec) {
		limit, pids := int64(64<<20), int64(20)
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit}
		s.Linux.Resources.Pids = &specs.LinuxPids{Limit: &pids}
	}
	if harness.View() == "v2" { // which has neither controller here
		limited = func(*specs.Spec) {}
	}
	return []kind{
		{"plain", nil},
		{"user namespace", []harness.Edit{harness.MappedRoot}},
		{"hooks", []harness.Edit{hooked}},
		{"seccomp and limits", []harness.Edit{filtered, limited}},
	}
}

// allowed tells whether a state is one of some.
func allowed(state, list string) bool { return slices.Contains(strings.Fields(list), state) }

// state is a container's, "none" without one.
func state(t *testing.T, b *harness.Bundle) string {
	t.Helper()
	is, r := b.Status(t)
	if is == "" {
		return fmt.Sprintf("undefined: %v", r)
	}
	return is
}
