package libcontainer

import (
	"fmt"
	"time"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/nap"
)

// frozenWait is how long processes of a cgroup that is frozen get to end of a
// SIGKILL. Those of a v2 cgroup do, at once; those of a v1 cgroup only when it
// is thawed.
const frozenWait = time.Second

// thawKilled lets a container die that was killed while it was paused. The
// order matters: the signal first, then the look at the freezer. Pause freezes
// first and then looks for the signal, so that one of the two sees the other.
func (c *container) thawKilled() error {
	by, err := c.manager.FrozenBy()
	if err != nil || by == "" {
		return err
	}
	if err := c.manager.Thaw(); err != nil {
		return err
	}
	return c.heldFrozen()
}

// heldFrozen is an error if killed processes can't end because a cgroup above
// theirs is frozen: it isn't ours to thaw.
func (c *container) heldFrozen() error {
	by, err := c.manager.FrozenBy()
	for end := time.Now().Add(frozenWait); err == nil && by != ""; nap.Sleep(5 * time.Millisecond) {
		var pids []int
		if pids, err = c.manager.Pids(true); err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(end) {
			return frozenError(by)
		}
		by, err = c.manager.FrozenBy()
	}
	return err
}

func frozenError(by string) error {
	return fmt.Errorf("killed processes can't end while cgroup %s is frozen", by)
}

// explainBusy says of a cgroup that couldn't be removed if its processes live on
// because they are frozen.
func explainBusy(p cgroups.Processes, err error) error {
	if by, ferr := p.FrozenBy(); ferr == nil && by != "" {
		return fmt.Errorf("%w (%w)", err, frozenError(by))
	}
	return err
}

func cannotRun(by string, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("container can't run while cgroup %s is frozen", by)
}
