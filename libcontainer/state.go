package libcontainer

import (
	"errors"
	"fmt"
)

// State tells what is known of a container.
func (r *Runtime) State(id string) (*State, error) {
	c, err := r.open(id, false)
	if err != nil {
		return nil, err
	}
	defer c.close()
	f, err := c.facts()
	if err != nil {
		return nil, err
	}
	s := &State{
		OCIVersion: c.record.OCIVersion, ID: c.record.ID, PID: c.record.PID, Status: f.Status(), Bundle: c.record.Bundle,
		Rootfs: c.record.Rootfs, Created: c.record.Created, Annotations: c.record.Annotations, UID: c.record.UID,
	}
	if !f.Alive {
		s.PID = 0
	}
	return s, nil
}

// List tells the state of all containers. Those that can't be read are left
// out, each with a problem; one that was deleted meanwhile is none.
func (r *Runtime) List() (states []*State, problems []error, err error) {
	ids, err := r.store().IDs()
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		s, err := r.State(id)
		switch {
		case err == nil:
			states = append(states, s)
		case !errors.Is(err, ErrNotExist):
			problems = append(problems, fmt.Errorf("load container %s: %w", id, err))
		}
	}
	return states, problems, nil
}
