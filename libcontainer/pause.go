package libcontainer

import (
	"context"
	"fmt"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// pauseTimeout bounds the wait for all processes to stop. One that waits for a
// dead network file system can't be stopped.
const pauseTimeout = 10 * time.Second

// Pause freezes all processes of a container that runs, or is created. When that fails nothing stays frozen.
func (h *Container) Pause(ctx context.Context) error {
	if err := h.unless(ctx, "pause"); err != nil {
		return err
	}
	c, f, err := h.openFacts(ctx.Err)
	if err != nil {
		return err
	}
	defer c.close()
	if st := f.Status(); st != specs.StateRunning && st != specs.StateCreated {
		return ErrNotRunning
	}
	failed := c.manager.Freeze(pauseTimeout, ctx.Err)
	// A SIGKILL may have come too late to end the process and too early for
	// `kill` to see that it has to thaw it; or `kill` did so while we waited.
	alive, err := c.record.Alive(c.host)
	switch {
	case err == nil && alive && !cgfile.Dying(c.record.PID):
		if failed != nil {
			return fmt.Errorf("pause container: %w", failed)
		}
		return nil
	case failed == nil:
		if terr := c.manager.Thaw(); terr != nil {
			return fmt.Errorf("thaw container: %w", terr)
		}
	}
	if err != nil {
		return err
	}
	return ErrNotRunning
}
