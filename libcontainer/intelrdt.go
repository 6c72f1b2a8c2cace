package libcontainer

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/resctrl"
)

// resctrlRoot is where the resctrl file system is mounted.
func resctrlRoot() (string, error) {
	if fake := fault.Text("RUNG_RESCTRL"); fake != "" {
		return fake, nil
	}
	return resctrl.Root()
}

// chooseGroup decides where linux.intelRdt puts the container; nil without it.
func (c *creation) chooseGroup() (*resctrl.Group, error) {
	l := c.bundle.Spec.Linux
	if l == nil || l.IntelRdt == nil {
		return nil, nil
	}
	root, err := resctrlRoot()
	if err != nil {
		return nil, fmt.Errorf("linux.intelRdt: %w", err)
	}
	g, err := resctrl.Plan(root, c.opt.ID, l.IntelRdt)
	if err != nil {
		return nil, fmt.Errorf("linux.intelRdt: %w", err)
	}
	return g, nil
}

func (c *creation) makeGroup() error {
	if c.resctrl == nil {
		return nil
	}
	if err := c.resctrl.Make(c.bundle.Spec.Linux.IntelRdt); err != nil {
		return fmt.Errorf("linux.intelRdt: %w", err)
	}
	c.undo.push(c.resctrl.Undo)
	fault.Point("create:resctrl")
	return nil
}

// addTasks has who comes in by the entry come into the resctrl group too.
func addTasks(entry *cgroups.Entry, g *resctrl.Group) error {
	tasks, err := g.Tasks()
	if err != nil {
		return fmt.Errorf("linux.intelRdt: %w", err)
	}
	entry.Tasks = append(entry.Tasks, tasks...)
	return nil
}

// addTasks is the same for who joins a container. A group that somebody has
// removed meanwhile has no members any more.
func (c *container) addTasks(entry *cgroups.Entry, facts *plan.Host) error {
	err := addTasks(entry, c.record.Resctrl)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	facts.Groups = len(c.record.Resctrl.Dirs())
	return err
}

// UpdateSchemas changes the resctrl schemas of a container, each unless it is empty.
func (h *Container) UpdateSchemas(ctx context.Context, l3, memoryBandwidth string) error {
	if err := h.unless(ctx, "update"); err != nil {
		return err
	}
	c, err := h.openLocked(ctx.Err)
	if err != nil {
		return err
	}
	defer c.close()
	if c.record.Resctrl == nil {
		return errors.New("linux.intelRdt: the container was made without it")
	}
	if err := c.record.Resctrl.Set(l3, memoryBandwidth); err != nil {
		return fmt.Errorf("linux.intelRdt: %w", err)
	}
	return nil
}

// groupStats are what a container uses by the resctrl file system, or nil.
func (c *container) groupStats() (*resctrl.Stats, error) {
	if c.record.Resctrl == nil {
		return nil, nil
	}
	root, err := resctrlRoot()
	if err != nil {
		return nil, err
	}
	return c.record.Resctrl.Stats(root)
}
