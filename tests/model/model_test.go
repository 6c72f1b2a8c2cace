package model

import (
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// No promise can be broken.
func TestModel(t *testing.T) {
	harness.Once(t)
	callers := Callers
	if testing.Short() {
		callers = 2
	}
	for _, hooks := range []bool{false, true} {
		r := Machine{Hooks: hooks, Callers: callers}.Explore()
		t.Logf("%d callers, poststop hooks: %t: %s", callers, hooks, r)
		if r.Wrong != "" {
			t.Error(r.Wrong)
		}
	}
}

// Each flaw that is put in on purpose is found, by the promise that it breaks.
func TestFlaws(t *testing.T) {
	harness.Once(t)
	const nobodys, left, anothers = "a process that is created has no state", "delete --force leaves something", "removes the cgroup of another container"
	for flaw, want := range map[Flaw]string{
		NoFreshCheck:     nobodys,
		FreshByIntent:    left,
		CloneBeforeWords: left,
		NoUndoProcess:    nobodys,
		EntryFirst:       left,
		NoEndInit:        left,
		RecordLate:       nobodys,
		MarkFirst:        anothers,
		NoSecondLook:     anothers,
		NoGoneCheck:      nobodys,
	} {
		r := Machine{Hooks: true, Callers: 2, Broken: flaw}.Explore()
		t.Logf("flaw %d: %s", flaw, r)
		if r.Wrong != want {
			t.Errorf("flaw %d: %q, want %q", flaw, r.Wrong, want)
		}
	}
}
