package cgroups

import (
	"fmt"
	"slices"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// CheckEmpty refuses an existing cgroup that holds processes, in itself or
// below. The holder, if there is one, may be in it. The text is runc's, with the
// directory after it.
func CheckEmpty(d cgfile.Dir, holder int) error {
	pids, err := cgfile.Pids(d, true)
	if err != nil {
		return err
	}
	pids = slices.DeleteFunc(pids, func(pid int) bool { return pid == holder })
	if len(pids) > 0 {
		return fmt.Errorf("container's cgroup is not empty: %d process(es) found in %s", len(pids), d.Path())
	}
	return nil
}
