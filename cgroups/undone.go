package cgroups

import (
	"fmt"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// Undone takes the changes back if there was an error, and returns it with what
// went wrong with that.
func Undone(err error, c *cgfile.Changes) error {
	if err == nil {
		return nil
	}
	if undo := c.Undo(); undo != nil {
		return fmt.Errorf("%w; %w", err, undo)
	}
	return err
}
