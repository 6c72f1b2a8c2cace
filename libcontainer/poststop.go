package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/hook"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
)

// poststop runs the poststop hooks. All of them run; a failing one is a warning. Those that
// have succeeded before, by ran, are left out, and done hears of every one that succeeds. The error is that stop has come, which ends the one that runs.
func (r *Runtime) poststop(b *spec.Bundle, st hook.State, ran func(int) bool, done func(int), stop *cancel.Signal) error {
	text, at := st.JSON(0), hookPlace(b)
	for i := range b.Spec.Hooks.Poststop {
		if ran(i) {
			continue
		}
		err := hook.Run(&b.Spec.Hooks.Poststop[i], text, at.Start, hook.Until{Stop: stop})
		if why := stop.Err(); err != nil && why != nil {
			return fmt.Errorf("poststop hook #%d: %w", i, why)
		}
		if err != nil {
			r.notice("error running poststop hook #%d: %v", i, err)
			continue
		}
		done(i)
		fault.Step("poststop", i)
	}
	return nil
}

// poststop runs the poststop hooks of a container of which nothing is left but its entry,
// if there are any. The entry remembers which have succeeded: if we are killed meanwhile,
// or our context is done, another delete runs the others.
func (c *container) poststop(b *spec.Bundle) (any bool, err error) {
	if b == nil || b.Spec.Hooks == nil || len(b.Spec.Hooks.Poststop) == 0 {
		return false, nil
	}
	hooks := c.entry.Poststop()
	defer hooks.Close()
	fault.Point("delete:poststop")
	return true, c.r.poststop(b, c.hookState(b, specs.StateStopped), hooks.Ran, hooks.Done, c.until)
}

// hooksLeft is how many poststop hooks have still to succeed.
func (c *container) hooksLeft() (n int) {
	if !c.record.HasHooks {
		return 0
	}
	b, err := c.config()
	if err != nil || b.Spec.Hooks == nil {
		return 0 // whoever removes it says so
	}
	n = len(b.Spec.Hooks.Poststop)
	if n == 0 || !c.entry.InPoststop() {
		return n
	}
	hooks := c.entry.Poststop()
	defer hooks.Close()
	for i := range b.Spec.Hooks.Poststop {
		if hooks.Ran(i) {
			n--
		}
	}
	return n
}

// removeEntry removes the container's entry, last of all. It is no error that a forced
// delete has done so while poststop hooks ran: whatever has the name now is another's.
func (c *container) removeEntry() error {
	if err := c.entry.Gone(); err != nil {
		if errors.Is(err, state.ErrNotExist) {
			return nil
		}
		return err
	}
	return c.entry.Remove()
}
