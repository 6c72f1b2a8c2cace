package cgroups

import (
	"fmt"
	"slices"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// CheckEmpty refuses an existing cgroup that holds processes, in itself or
// below, those of other pid namespaces too, as far as the kernel tells of them.
// The holder, if there is one, may be in it. The text is runc's, with the
// directory after it.
func CheckEmpty(d cgfile.Dir, holder int) error {
	pids, err := cgfile.Pids(d, true)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return pid == holder })
	if len(others) > 0 {
		return fmt.Errorf("container's cgroup is not empty: %d process(es) found in %s", len(others), d.Path())
	}
	if len(pids) == 0 && cgfile.Populated(d) {
		return fmt.Errorf("container's cgroup is not empty: process(es) of another pid namespace found in %s", d.Path())
	}
	return nil
}
