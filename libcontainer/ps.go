package libcontainer

import (
	"cmp"
	"fmt"
)

// Processes lists the container's processes in ascending order, by the pids of the caller's pid namespace; of one that has stopped, what it left behind.
func (h *Container) Processes() ([]int, error) {
	c, err := h.open()
	if err != nil {
		return nil, err
	}
	defer c.close()
	pids, err := c.manager.Pids(true)
	if err != nil {
		return nil, fmt.Errorf("list container processes: %w", err)
	}
	if len(pids) == 0 { // or all are of pid namespaces that we can't see, or in cgroups
		return nil, cmp.Or(c.outOfSight(), c.seesCgroups())
	}
	return pids, nil
}
