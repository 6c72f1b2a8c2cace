package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// series holds a sample per round, by operation and runtime.
type series map[string]map[string][]sample

// time measures the wanted ones of a list of operations, back to back and on a
// quiet host.
func (b *bench) time(r *results, list []string) error {
	if err := b.bundles(); err != nil {
		return err
	}
	// The collector must not run beside a command that is measured.
	debug.SetGCPercent(-1)
	for _, mode := range []struct {
		quiet  time.Duration
		rounds int
	}{{0, b.rounds}, {b.quiet, b.quietRounds}} {
		s, err := b.series(list, mode.rounds, mode.quiet)
		if err != nil {
			return err
		}
		for _, operation := range list {
			if b.wants(operation) && mode.rounds > 0 {
				t := summarize(operation, mode.quiet, s[operation])
				t.View = b.view
				r.Times = append(r.Times, t)
			}
		}
	}
	return nil
}

// series does rounds, and two before them that don't count.
func (b *bench) series(list []string, rounds int, quiet time.Duration) (series, error) {
	if rounds > 0 {
		fmt.Fprintf(os.Stderr, "%d rounds with %v of quiet before each command, %s view\n", rounds, quiet, b.view)
		for range 2 {
			if err := b.round(list, 0, 0, make(series)); err != nil {
				return nil, err
			}
		}
	}
	s := make(series)
	for n := range rounds {
		if err := b.round(list, n, quiet, s); err != nil {
			return nil, fmt.Errorf("round %d: %w", n, err)
		}
		runtime.GC()
	}
	return s, nil
}

// round does each operation once with each runtime before it goes on to the next.
func (b *bench) round(list []string, n int, quiet time.Duration, s series) error {
	ids := map[string]string{}
	for _, operation := range list {
		if !b.wants(operation) && !(slices.Contains(cycle, operation) && b.wantsCycle()) {
			continue
		}
		if s[operation] == nil {
			s[operation] = map[string][]sample{}
		}
		err := inTurn(b.contestants(operation), n, func(rt oci) error {
			if begins(operation) {
				ids[rt.name] = b.id(rt)
			}
			if err := b.ready(rt, operation); err != nil {
				return err
			}
			time.Sleep(quiet)
			got, err := b.one(rt, operation, ids[rt.name])
			s[operation][rt.name] = append(s[operation][rt.name], got)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// inTurn does something with each runtime of a list and begins with another one than the
// round before: what disturbs the machine disturbs all of them alike.
func inTurn(list []oci, n int, do func(oci) error) error {
	for i := range list {
		if err := do(list[(i+n)%len(list)]); err != nil {
			return err
		}
	}
	return nil
}

// one measures one operation on the container id.
func (b *bench) one(rt oci, operation, id string) (sample, error) {
	files, done, err := b.filesFor(operation)
	if err != nil {
		return sample{}, err
	}
	defer done()
	got, err := b.spawn(files, b.arguments(rt, operation, id), commandTime)
	if err != nil {
		return got, err
	}
	return got, b.after(rt, operation, id)
}

// after waits for what an operation lets go on after its end.
func (b *bench) after(rt oci, operation, id string) error {
	switch {
	case isRun(operation) || operation == "delete":
		b.ended(id)
	case operation == "kill":
		pid, err := b.firstProcess(rt)
		if err != nil {
			return err
		}
		return reap(pid)
	}
	return nil
}
