package libcontainer

import "fmt"

// Processes lists the processes of a container in ascending order, by the pids
// that the caller's pid namespace has for them. A container that has stopped
// has those that it left behind, usually none.
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
	if len(pids) == 0 { // or all are of pid namespaces that we can't see
		return nil, c.outOfSight()
	}
	return pids, nil
}
