package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/launch"
)

// explainOOM adds numbers to the error of a first process that got too little memory,
// with runc's words: the limit that was asked for, if one was, and what was used.
func explainOOM(err error, m cgroups.Manager, r *specs.LinuxResources) error {
	if !errors.Is(err, launch.ErrOOM) {
		return err
	}
	s, serr := m.Stats()
	if serr != nil {
		return err
	}
	limit := ""
	if r != nil && r.Memory != nil && r.Memory.Limit != nil && *r.Memory.Limit > 0 {
		limit = fmt.Sprintf("memory limit: %d, ", *r.Memory.Limit)
	}
	u := s.Memory.Usage
	return fmt.Errorf("%w: %scurrent usage: %d, peak usage: %d", err, limit, u.Usage, u.Max)
}
