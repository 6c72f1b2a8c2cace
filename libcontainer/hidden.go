package libcontainer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
)

// hidden are those of a container's cgroups of which can't be said whether they are there: they aren't where they were made, and their hierarchies aren't
// mounted there, but in another mount namespace they may be.
func hidden(loc cgroups.Location) ([]string, error) {
	if inPlace(loc) {
		return nil, nil
	}
	missing := cgroups.Location{}
	for key, dir := range loc {
		if unix.Access(dir, unix.F_OK) != nil {
			missing[key] = dir
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	layout, err := cgroups.Detect()
	if err != nil {
		return nil, err
	}
	return layout.Hidden(missing), nil
}

// inPlace tells whether a container's cgroups are there, by a look at two of them: every delete asks, and views of cgroups differ by the unified hierarchy
// or by all the others.
func inPlace(loc cgroups.Location) bool {
	keys := slices.Sorted(maps.Keys(loc))
	for _, key := range keys[:min(len(keys), 2)] { // "" is the unified one's
		if unix.Access(loc[key], unix.F_OK) != nil {
			return false
		}
	}
	return true
}

// seesCgroups is an error if nothing can be said of the container's processes, nor done to them, by its cgroups: who finds none there asks it before he takes
// that for an answer.
func (c *container) seesCgroups() error {
	dirs, err := hidden(c.record.Cgroups)
	if err != nil || len(dirs) == 0 {
		return err
	}
	return fmt.Errorf("container %s: its cgroups aren't where cgroups are mounted here: %s", c.record.ID, strings.Join(dirs, ", "))
}

// leavesCgroups is an error about cgroups that a delete would leave, with nothing any more that leads to them; by force it is a warning. A unit is systemd's to stop,
// wherever its cgroups are.
func (r *Runtime) leavesCgroups(id string, loc cgroups.Location, unit, force bool) error {
	if unit {
		return nil
	}
	dirs, err := hidden(loc)
	if err != nil || len(dirs) == 0 {
		return err
	}
	list := strings.Join(dirs, ", ")
	if force {
		r.warn("container %s: its cgroups aren't where cgroups are mounted here, and are left: %s", id, list)
		return nil
	}
	return fmt.Errorf("cannot delete container %s: its cgroups aren't where cgroups are mounted here, and nothing would lead to them any more: %s (--force leaves them)", id, list)
}
