package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/launch"
)

// explainOOM adds numbers to the error of a first process that got too little memory,
// with runc's words: the limit that was asked for, if one was, and what was used. At a
// limit the kernel doesn't always kill: some calls just fail.
func explainOOM(err error, m cgroups.Meter, r *specs.LinuxResources) error {
	limit := ""
	if r != nil && r.Memory != nil && r.Memory.Limit != nil && *r.Memory.Limit > 0 {
		limit = fmt.Sprintf("memory limit: %d, ", *r.Memory.Limit)
	}
	switch {
	case errors.Is(err, launch.ErrOOM):
	case errors.Is(err, unix.ENOMEM) && limit != "":
		err = fmt.Errorf("%w (memory limit too low?)", err)
	default:
		return err
	}
	s, serr := m.Stats()
	if serr != nil {
		return err
	}
	u := s.Memory.Usage
	return fmt.Errorf("%w: %scurrent usage: %d, peak usage: %d", err, limit, u.Usage, u.Max)
}
