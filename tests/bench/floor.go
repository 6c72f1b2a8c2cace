package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Limits are searched between these, in pages.
const (
	floorLow  = 4 << 10
	floorHigh = 4 << 20
	floorStep = 4 << 10
)

// floorLimit is what a container must always start under. The kernel charges a cgroup 64 pages at once on
// each processor that its processes come to, so on two of them half of that is sometimes not enough, for any runtime.
const floorLimit = 512 << 10

// floorWanted is what it mostly starts under.
const floorWanted = 256 << 10

// floor finds the smallest memory limit of every runtime in this view. On hybrid
// hosts crun drops all controllers of v1, hence it is asked in the v1 view only.
func (b *bench) floor(r *results) error {
	fmt.Fprintf(os.Stderr, "memory limits in the %s view\n", b.view)
	for _, rt := range b.runtimes() {
		if b.view == native.name && rt.name != "rung" {
			continue
		}
		f := floor{Runtime: rt.name, View: b.view}
		for range floorRuns {
			err := b.limited(rt, memoryLimit(floorLimit))
			if errors.Is(err, errInterrupted) {
				return err
			}
			if err != nil {
				f.Error = err.Error()
				continue
			}
			f.Good++
		}
		smallest, err := b.smallest(rt)
		if err != nil {
			return err
		}
		f.Smallest = int(smallest >> 10)
		one := int64(1)
		f.OnePid = b.limited(rt, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &one}}) == nil
		r.Floors = append(r.Floors, f)
	}
	return nil
}

// smallest is the least limit, in bytes, under which three runs work; 0 if none does.
func (b *bench) smallest(rt oci) (int64, error) {
	works := func(limit int64) (bool, error) {
		for range 3 {
			err := b.limited(rt, memoryLimit(limit))
			if err != nil {
				if errors.Is(err, errInterrupted) {
					return false, err
				}
				return false, nil
			}
		}
		return true, nil
	}
	if ok, err := works(floorHigh); !ok {
		return 0, err
	}
	low, high := int64(floorLow-floorStep), int64(floorHigh)
	for high-low > floorStep {
		middle := (low + high) / 2 / floorStep * floorStep
		ok, err := works(middle)
		if err != nil {
			return 0, err
		}
		if ok {
			high = middle
		} else {
			low = middle
		}
	}
	return high, nil
}

func memoryLimit(n int64) *specs.LinuxResources {
	return &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &n}}
}

// limited runs true with such limits.
func (b *bench) limited(rt oci, limits *specs.LinuxResources) error {
	id := b.id(rt)
	dir := b.bundleDir(rt, "true")
	change := func(s *specs.Spec) { s.Linux.Resources = limits }
	if err := bundle(b.rung, dir, id, "/bin/true", change); err != nil {
		return err
	}
	if _, err := b.spawn(b.files, b.arguments(rt, "run", id), limitedTime); err != nil {
		b.forget(id, rt)
		b.cleanCgroups()
		return err
	}
	b.ended(id)
	return nil
}
