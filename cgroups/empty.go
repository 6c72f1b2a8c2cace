package cgroups

import (
	"fmt"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// CheckEmpty refuses an existing cgroup that holds processes, in itself or
// below. The text is runc's, with the directory after it.
func CheckEmpty(d cgfile.Dir) error {
	pids, err := cgfile.Pids(d, true)
	if err != nil {
		return err
	}
	if len(pids) > 0 {
		return fmt.Errorf("container's cgroup is not empty: %d process(es) found in %s", len(pids), d.Path())
	}
	return nil
}
