package libcontainer

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
)

// Update changes those resources of a container that asked has; a zero leaves what there is. Device rules are appended, or, if the first is for all
// devices, replace those before. With an error none are changed.
func (h *Container) Update(ctx context.Context, asked *specs.LinuxResources) error {
	if err := h.unless(ctx, "update"); err != nil {
		return err
	}
	asked = given(asked)
	r := h.r
	r.raiseFileSize()
	c, f, err := h.openFacts(ctx.Err)
	if err != nil {
		return err
	}
	defer c.close()
	if f.Status() == specs.StateStopped {
		return ErrNotRunning
	}
	if len(asked.Devices) > 0 && unprivileged() {
		r.warn("linux.resources.devices: not applied without privileges")
		rest := *asked
		rest.Devices = nil
		asked = &rest
	}
	r.warnAll(spec.ResourceWarnings(asked))
	b, err := c.config()
	if err != nil {
		return err
	}
	var old *specs.LinuxResources
	if b.Spec.Linux != nil {
		old = b.Spec.Linux.Resources
	}
	if err := wrongElements(asked); err != nil {
		return err
	}
	merged := cgroups.Merge(old, asked)
	if err := spec.ValidateResources(merged); err != nil {
		return typed(err)
	}
	if err := c.set(merged, old, cgroups.Change(old, merged, asked)); err != nil {
		return err
	}
	r.warnAll(choose.Ignored(c.record.Cgroups, asked))
	return nil
}

// wrongElements is what is wrong with elements of the lists that are asked for, by their places there. Together with what the container has they have others.
func wrongElements(asked *specs.LinuxResources) error {
	problems, _ := errors.AsType[spec.Errors](spec.ValidateResources(asked))
	problems = slices.DeleteFunc(problems, func(p *spec.FieldError) bool { return !strings.Contains(p.Path, "[") })
	if len(problems) == 0 {
		return nil
	}
	return typed(problems.Of(""))
}

// set applies a change, and stores what the container has then. What of that can
// fail is done first.
func (c *container) set(merged, old, change *specs.LinuxResources) error {
	if err := c.entry.Prepare(state.ResourcesName, spec.EncodeResources(merged)); err != nil {
		return err
	}
	fault.Point("update:prepared")
	if err := c.manager.Set(change, old); err != nil {
		c.entry.Drop(state.ResourcesName)
		return err
	}
	fault.Point("update:set")
	return c.entry.Commit(state.ResourcesName)
}
