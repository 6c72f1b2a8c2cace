package cgroups

import (
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// NoCgroup is the Manager of a container that has no cgroup of its own: it
// lives in its creator's, because it may have no other and asked for none.
type NoCgroup struct{}

var _ Manager = NoCgroup{}

var errNoCgroup = errors.New("the container has no cgroup of its own")

// Location is empty.
func (NoCgroup) Location() Location { return Location{} }

// Make does nothing: that no limit is asked for was found out before.
func (NoCgroup) Make(*specs.LinuxResources) error { return nil }

// Foresee has nothing to say.
func (NoCgroup) Foresee(*specs.LinuxResources) (*Forecast, error) { return &Forecast{}, nil }

// Protect does nothing.
func (NoCgroup) Protect() error { return nil }

// Born has nothing to complete.
func (NoCgroup) Born() error { return nil }

// Entry has no descriptors.
func (NoCgroup) Entry() (*Entry, error) { return &Entry{Unified: -1}, nil }

// Pids doesn't know the container's processes from its creator's: none.
func (NoCgroup) Pids(bool) ([]int, error) { return nil, nil }

// CheckEmpty finds nobody.
func (NoCgroup) CheckEmpty() error { return nil }

// Frozen is false.
func (NoCgroup) Frozen() (bool, error) { return false, nil }

// FrozenBy names none: whoever froze the creator froze us too.
func (NoCgroup) FrozenBy() (string, error) { return "", nil }

// Freeze can't be done.
func (NoCgroup) Freeze(time.Duration, func() error) error { return errNoCgroup }

// Thaw has nothing to do.
func (NoCgroup) Thaw() error { return nil }

// Signal reaches nobody.
func (NoCgroup) Signal(unix.Signal) error { return nil }

// Kill reaches nobody.
func (NoCgroup) Kill() error { return nil }

// Destroy has nothing to remove.
func (NoCgroup) Destroy() error { return nil }

// OOMKills isn't known.
func (NoCgroup) OOMKills() (uint64, error) { return 0, nil }

// Set can't be done.
func (NoCgroup) Set(_, _ *specs.LinuxResources) error { return errNoCgroup }

// Stats aren't known.
func (NoCgroup) Stats() (*Stats, error) { return &Stats{}, nil }

// WatchOOM can't be done.
func (NoCgroup) WatchOOM() (*OOMWatch, error) {
	return nil, fmt.Errorf("%w: %w", errNoCgroup, unix.ENOENT)
}

// Delegate has nothing to give.
func (NoCgroup) Delegate(_, _ int) error { return nil }
