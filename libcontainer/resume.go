package libcontainer

import (
	"context"
	"fmt"

	"github.com/rung-oci/rung/internal/state"
)

// Resume thaws a paused container. Under a parent that is frozen it still doesn't run.
func (h *Container) Resume(ctx context.Context) error {
	if err := h.unless(ctx, "resume"); err != nil {
		return err
	}
	c, f, err := h.openFacts(ctx.Err)
	if err != nil {
		return err
	}
	defer c.close()
	if f.Status() != state.Paused {
		return ErrNotPaused
	}
	if err := c.manager.Thaw(); err != nil {
		return fmt.Errorf("resume container: %w", err)
	}
	return nil
}
