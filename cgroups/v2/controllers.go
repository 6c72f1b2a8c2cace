package v2

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/internal/nap"
)

const subtree = "cgroup.subtree_control"

// controllers enables controllers for the children of parent, a path below base.
type controllers struct {
	base   cgfile.Dir
	parent string
	need   []cgfile.Write
	undo   []cgfile.Write // takes back what enable wrote
}

// enable hands controllers down from base to the children of parent and returns
// those that arrived. It reads first and writes only what is missing: mostly
// everything was enabled by an earlier container, and the two reads suffice. A
// controller that can't be enabled is an error only if a limit needs it.
func (c *controllers) enable(everything bool) ([]string, error) {
	if !everything && len(c.need) == 0 {
		return nil, nil
	}
	want, err := c.wanted(everything)
	if err != nil {
		return nil, err
	}
	text, err := c.base.Read(path.Join(c.parent, subtree))
	if err != nil {
		return nil, err
	}
	enabled := strings.Fields(text)
	if len(minus(want, enabled)) == 0 {
		return enabled, nil
	}
	return c.walk(want)
}

// wanted are those that there are, or that limits need of them.
func (c *controllers) wanted(everything bool) ([]string, error) {
	text, err := c.base.Read("cgroup.controllers")
	want := strings.Fields(text)
	if !everything {
		want = slices.DeleteFunc(want, func(name string) bool { return !c.needs(name) })
	}
	return want, err
}

// dirs are the cgroups from base to the parent.
func (c *controllers) dirs() []string {
	dirs := []string{"."}
	if c.parent != "." {
		for i, r := range c.parent {
			if r == '/' {
				dirs = append(dirs, c.parent[:i])
			}
		}
		dirs = append(dirs, c.parent)
	}
	return dirs
}

func (c *controllers) walk(want []string) ([]string, error) {
	var enabled []string
	for _, dir := range c.dirs() {
		var err error
		if enabled, err = c.enableIn(path.Join(dir, subtree), want); err != nil {
			return nil, err
		}
		// What a parent doesn't hand down its children can't.
		want = slices.DeleteFunc(want, func(name string) bool { return !slices.Contains(enabled, name) })
	}
	return enabled, nil
}

func (c *controllers) enableIn(file string, want []string) ([]string, error) {
	text, err := c.base.Read(file)
	if err != nil {
		return nil, err
	}
	enabled := strings.Fields(text)
	missing := minus(want, enabled)
	if len(missing) == 0 {
		return enabled, nil
	}
	switch err := c.enableAll(file, missing); {
	case err == nil:
		c.undo = append(c.undo, cgfile.Write{File: file, Value: "-" + strings.Join(missing, " -")})
		return append(enabled, missing...), nil
	case errors.Is(err, unix.EBUSY):
		// The parent has processes of its own. One by one the threaded
		// controllers would still be taken, and make it a threaded domain,
		// below which no container can live.
		return enabled, c.explain(missing, fmt.Errorf("%w (the cgroup has processes of its own)", err))
	}
	for _, name := range missing {
		if err := c.base.Write(file, "+"+name); err == nil {
			c.undo = append(c.undo, cgfile.Write{File: file, Value: "-" + name})
			enabled = append(enabled, name)
		} else if err := c.explain([]string{name}, err); err != nil {
			return nil, err
		}
	}
	return enabled, nil
}

// enableAll retries EBUSY when a limit is at stake: a process may just be
// passing through the parent.
func (c *controllers) enableAll(file string, names []string) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := c.base.Write(file, "+"+strings.Join(names, " +"))
		if !errors.Is(err, unix.EBUSY) || wait > 16*time.Millisecond || !slices.ContainsFunc(names, c.needs) {
			return err
		}
		nap.Sleep(wait)
	}
}

// disable takes back what enable did.
func (c *controllers) disable() {
	for _, w := range slices.Backward(c.undo) {
		_ = c.base.Write(w.File, w.Value)
	}
}

// explain returns the error with the field of the limit that needs one of the
// controllers, nil if none does.
func (c *controllers) explain(names []string, err error) error {
	for _, w := range c.need {
		if !w.Unlimited && w.Ignorable == "" && slices.Contains(names, w.Controller) {
			return fmt.Errorf("%s: enable the %s controller: %w", w.Field, w.Controller, err)
		}
	}
	return nil
}

// needs tells whether a limit can't be set without the controller.
func (c *controllers) needs(name string) bool {
	return slices.ContainsFunc(c.need, func(w cgfile.Write) bool { return w.Controller == name && !w.Unlimited && w.Ignorable == "" })
}

func minus(all, without []string) []string {
	var rest []string
	for _, s := range all {
		if !slices.Contains(without, s) {
			rest = append(rest, s)
		}
	}
	return rest
}
